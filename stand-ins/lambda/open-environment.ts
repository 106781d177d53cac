import { transform } from 'esbuild';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MOTO_ACCOUNT } from '#stand-ins/aws/start-moto.ts';

import type { EnvironmentDisk } from './open-disk.ts';
import type { Invocation } from './start-runtime-api.ts';
import { startRuntimeApi } from './start-runtime-api.ts';
import { watchMemory } from './watch-memory.ts';

const OUT_OF_MEMORY = 'Runtime.OutOfMemory';

/** What Lambda knows of a function. */
export interface FunctionOptions {
  readonly name: string;
  /** Folder with `index.mjs`. */
  readonly taskRoot: string;
  /** `index.handler` */
  readonly handler: string;
  /** The variables of the template, resolved, and no others. */
  readonly environment: Readonly<Record<string, string>>;
  /** What Lambda sets itself (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, …), and `AWS_ENDPOINT_URL`, which stands for the network. */
  readonly reserved: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** What fits into `/tmp`; 512 unless given. */
  readonly storageMb?: number;
  /** Takes what the function writes to its standard output and error, as CloudWatch Logs does. */
  readonly logFile?: string;
}

/** The process of an execution environment, which handles one event at a time. */
export interface ExecutionEnvironment {
  readonly pid: number;
  /** What stays when the process is gone. */
  readonly disk: EnvironmentDisk;
  /** Just before the process was started, on the clock of `performance.now()`; what this machine prepares comes before. */
  readonly startedAt: number;
  /** Hands it an event; it must not be busy. */
  run(event: unknown): Promise<Invocation>;
  isAlive(): boolean;
  /** The most memory that was resident at once so far, as Lambda's reports have it; bytes. */
  peakMemory(): number;
  /** Ends the process and all that it started, whatever they do. */
  kill(): Promise<void>;
}

/**
 * Starts a process with nothing in its environment but what Lambda and the template give. What is resident of it and of
 * what it starts is bounded by the function's memory, and its `/tmp` by the disk.
 */
export async function openEnvironment(options: FunctionOptions, disk: EnvironmentDisk): Promise<ExecutionEnvironment> {
  const client = join(disk.runtime, 'runtime-client.mjs');
  await writeFile(client, await compileRuntimeClient());
  // X-Ray's daemon takes datagrams and answers none.
  const daemon = createSocket('udp4').bind(0, '127.0.0.1').unref();
  await once(daemon, 'listening');
  const region = options.reserved['AWS_REGION'] ?? 'eu-west-1';
  let signal: (name: NodeJS.Signals) => void = () => {};
  const api = await startRuntimeApi({
    functionArn: `arn:aws:lambda:${region}:${MOTO_ACCOUNT}:function:${options.name}`,
    timeoutMs: options.timeoutMs,
    // Between two events Lambda freezes a process, with its timers and its connections.
    onIdle: () => signal('SIGSTOP'),
    onTimeout: () => signal('SIGKILL'),
  });
  const log = options.logFile === undefined ? undefined : await open(options.logFile, 'a');
  const output = log === undefined ? 'ignore' : log.fd;
  const heap = `--max-old-space-size=${Math.floor(options.memoryMb * 0.9)}`;
  const startedAt = performance.now();
  const child = spawn(process.execPath, [heap, client], {
    cwd: options.taskRoot,
    // A group of its own: what the function starts ends with it.
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      ...options.environment,
      ...lambdaVariables(options),
      ...options.reserved,
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
      LAMBDA_RUNTIME_DIR: disk.runtime,
      // Lambda gives each environment a /tmp of its own.
      TMPDIR: disk.tmp,
    },
  });
  const gone = endOf(child);
  await log?.close();
  const { pid } = child;
  if (pid === undefined) throw new Error(`function ${options.name} could not be started: ${await gone}`);
  disk.setProcess(pid);
  signal = (name) => signalGroup(child, name);
  const memory = watchMemory(pid, options.memoryMb * 1024 * 1024, () => signal('SIGKILL'));

  async function clearAway(): Promise<void> {
    const reason = await gone;
    memory.stop();
    // What it started may still run.
    signalLeftovers(child);
    if (memory.isExceeded()) api.end(`${reason}: ${explainMemory()}`, OUT_OF_MEMORY);
    else api.end(reason);
    disk.setProcess('gone');
    daemon.close();
  }
  const cleared = clearAway();

  function explainMemory(): string {
    return `${Math.ceil(memory.peak() / 1024 / 1024)} MB were resident, of ${options.memoryMb} MB`;
  }

  async function run(event: unknown): Promise<Invocation> {
    signal('SIGCONT');
    memory.start();
    const invocation = await api.run(event);
    memory.stop();
    if (memory.isExceeded()) {
      await cleared;
      // It answered between two looks.
      if (invocation.outcome === 'answered') {
        return { outcome: 'failed', errorType: OUT_OF_MEMORY, message: explainMemory(), ms: invocation.ms };
      }
    }
    const problem = await disk.explainOverflow();
    if (problem === undefined) return invocation;
    // Where Lambda's own file system is full, a write fails; here it is seen at the end of the event.
    return { outcome: 'failed', errorType: 'Function.EphemeralStorageExceeded', message: problem, ms: invocation.ms };
  }

  return {
    pid,
    disk,
    startedAt,
    run,
    peakMemory: () => memory.peak(),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    kill: async () => {
      signal('SIGKILL');
      await cleared;
    },
  };
}

/** What every function finds in its environment, whatever the template says. */
function lambdaVariables({ name, handler, taskRoot, memoryMb }: FunctionOptions): Readonly<Record<string, string>> {
  return {
    PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    LAMBDA_TASK_ROOT: taskRoot,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'stand-in',
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    _HANDLER: handler,
  };
}

let compiled: Promise<string> | undefined;

/** Compiled once: Lambda's own runtime is JavaScript, and a process that has to strip types starts later. */
function compileRuntimeClient(): Promise<string> {
  compiled ??= readFile(join(import.meta.dirname, 'runtime-client.ts'), 'utf8').then(
    async (text) => (await transform(text, { loader: 'ts', format: 'esm', target: 'node24' })).code,
  );
  return compiled;
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    await once(child, 'exit');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return `Runtime exited with error: ${child.signalCode === null ? `exit status ${child.exitCode}` : `signal: ${child.signalCode}`}`;
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  // A pid is the process' own until its end has been seen.
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
}

function signalLeftovers({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
}
