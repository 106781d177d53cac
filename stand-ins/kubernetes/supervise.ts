// Runs as a process of its own: `node supervise.ts <path>…`. It starts what its parent asks for; when the pipe to the parent
// closes, which the kernel does even when the parent is killed with SIGKILL, it ends all of it and removes the paths.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { parseStartRequest, type SupervisorReport } from './supervisor-messages.ts';

const children = new Set<ChildProcess>();

function report(message: SupervisorReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function start(line: string): void {
  const request = parseStartRequest(JSON.parse(line));
  const log = openSync(request.logFile, 'a');
  const child = spawn(request.command, [...request.args], { env: request.env, stdio: ['ignore', log, log] });
  closeSync(log);
  children.add(child);
  child.once('error', (error) => {
    children.delete(child);
    report({ name: request.name, event: 'exited', reason: error.message });
  });
  child.once('exit', (code, signal) => {
    children.delete(child);
    report({ name: request.name, event: 'exited', reason: signal ?? `exit code ${code}` });
  });
  if (child.pid !== undefined) report({ name: request.name, event: 'started', pid: child.pid });
}

async function endEverything(): Promise<void> {
  // All of it is thrown away with the folder, so nothing needs time to shut down; SIGKILL also ends what is paused.
  const gone = [...children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(gone);
  for (const path of process.argv.slice(2)) {
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
  process.exit(0);
}

// A closed pipe must end this process by the way above, not by an exception on the way.
process.stdout.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void endEverything());
createInterface({ input: process.stdin })
  .on('line', start)
  .on('close', () => void endEverything());
