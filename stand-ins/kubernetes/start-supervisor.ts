import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { parseSupervisorReport, type StartRequest } from './supervisor-messages.ts';

/** A process that runs under a supervisor. */
export interface SupervisedProcess {
  readonly pid: number;
  /** Resolves with the signal or the exit code once the process is gone. */
  readonly exited: Promise<string>;
  /** How the process ended, if it has. */
  exitReason(): string | undefined;
}

/** Runs processes that cannot outlive this one, however this one ends. */
export interface Supervisor {
  readonly pid: number;
  start(request: StartRequest): Promise<SupervisedProcess>;
  /** Ends every process and removes the paths. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly started: (pid: number) => void;
  readonly exited: (reason: string) => void;
}

/** Starts a supervisor that removes `paths` once everything it was asked to run has ended. */
export function startSupervisor(paths: readonly string[]): Supervisor {
  // Detached, so that Ctrl-C in the terminal reaches the parent alone and the parent decides when to stop.
  const child = spawn(process.execPath, [join(import.meta.dirname, 'supervise.ts'), ...paths], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  const { pid } = child;
  if (pid === undefined) {
    throw new Error(`the supervisor of ${paths.join(', ')} could not be started with ${process.execPath}`);
  }
  const gone = once(child, 'exit');
  const waiting = new Map<string, Waiting>();
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => {
    const report = parseSupervisorReport(JSON.parse(line));
    switch (report.event) {
      case 'started':
        return waiting.get(report.name)?.started(report.pid);
      case 'exited':
        return waiting.get(report.name)?.exited(report.reason);
    }
  });
  child.once('exit', () => {
    for (const { exited } of waiting.values()) exited('the supervisor ended');
  });

  function start(request: StartRequest): Promise<SupervisedProcess> {
    return new Promise((resolve, reject) => {
      let reason: string | undefined;
      const { promise: exited, resolve: exit } = Promise.withResolvers<string>();
      waiting.set(request.name, {
        started: (startedPid) => resolve({ pid: startedPid, exited, exitReason: () => reason }),
        exited: (why) => {
          reason = why;
          exit(why);
          reject(new Error(`${request.name} could not be started: ${why}`));
        },
      });
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  async function stop(): Promise<void> {
    child.stdin.end();
    await gone;
  }

  return { pid, start, stop };
}
