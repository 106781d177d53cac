import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { MOTO_ACCOUNT } from '../aws/start-moto.ts';
import { startRuntimeApi } from './start-runtime-api.ts';
import type { Invocation } from './start-runtime-api.ts';

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
  /** Takes what the function writes to its standard output and error, as CloudWatch Logs does. */
  readonly logFile?: string;
}

/** One execution environment of a function: a process that handles one event at a time. */
export interface ExecutionEnvironment {
  readonly pid: number;
  /** Just before the process was started, on the clock of `performance.now()`; what this machine prepares comes before. */
  readonly startedAt: number;
  /** Hands it an event; it must not be busy. */
  run(event: unknown): Promise<Invocation>;
  isAlive(): boolean;
  /** Ends the process and all that it started, whatever they do. */
  kill(): Promise<void>;
}

/** Starts a process with nothing in its environment but what Lambda and the template give. */
export async function openEnvironment(options: FunctionOptions): Promise<ExecutionEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), `lambda-${options.name}-`));
  const client = join(folder, 'runtime-client.mjs');
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
      LAMBDA_RUNTIME_DIR: folder,
      // Lambda gives each environment a /tmp of its own.
      TMPDIR: folder,
    },
  });
  const gone = endOf(child);
  await log?.close();
  const { pid } = child;
  if (pid === undefined) throw new Error(`function ${options.name} could not be started: ${await gone}`);
  const releaseGuard = guard(pid, folder);
  signal = (name) => signalGroup(child, name);

  async function clearAway(): Promise<void> {
    const reason = await gone;
    // What it started may still run.
    signalLeftovers(child);
    api.end(reason);
    releaseGuard();
    daemon.close();
    await rm(folder, { recursive: true, force: true });
  }
  const cleared = clearAway();

  return {
    pid,
    startedAt,
    run: (event) => {
      signal('SIGCONT');
      return api.run(event);
    },
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

/** However this process ends, its end of the pipe closes, and the shell at the other ends the group, frozen or busy, and removes its folder. */
function guard(group: number, folder: string): () => void {
  const script = 'read -r _; kill -s KILL -- "-$1"; rm -rf -- "$2"';
  const shell = spawn('/bin/sh', ['-c', script, 'sh', String(group), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
  });
  shell.stdin.on('error', () => {});
  return () => void shell.kill('SIGKILL');
}
