import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startSupervisor, type SupervisedProcess } from '#stand-ins/kubernetes/start-supervisor.ts';

const READY_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 30_000;
const program = join(import.meta.dirname, '..', 'cli', 'tidegate.ts');

/** What `tidegate serve` is started with. */
export interface ServeProcessOptions {
  readonly configFile: string;
  readonly port: number;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** What goes when the process goes for good: folders and claims on ports. */
  readonly removeAtEnd: readonly string[];
}

/** A `tidegate serve` in a process of its own, which can be killed and started again. */
export interface ServeProcess {
  readonly url: string;
  readonly webhookUrl: string;
  readonly logFile: string;
  start(): Promise<void>;
  /** Ends it with SIGKILL, if it runs. */
  kill(): Promise<void>;
  /** Asks it to end, and waits until it has finished or handed back its work. */
  stop(): Promise<void>;
  pid(): number | undefined;
  /** How it ended, if it ended without being told to. */
  unexpectedEnd(): string | undefined;
  readLogTail(lines: number): Promise<string>;
  /** Stops it, and ends what watched over it. */
  close(): Promise<void>;
}

/** Prepares a `tidegate serve`; nothing runs before `start`. */
export function prepareServe(options: ServeProcessOptions): ServeProcess {
  const { configFile, port, logFile, env } = options;
  const supervisor = startSupervisor(options.removeAtEnd);
  const url = `http://127.0.0.1:${port}`;
  let running: SupervisedProcess | undefined;

  const readLogTail = async (lines: number): Promise<string> => {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    return log.trimEnd().split('\n').slice(-lines).join('\n');
  };

  async function waitUntilHealthy(served: SupervisedProcess): Promise<void> {
    const giveUpAt = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      if (answer?.ok === true) return;
      const reason = served.exitReason();
      const problem = reason === undefined ? `did not answer within ${READY_WITHIN_MS / 1000} s` : `ended (${reason})`;
      if (reason !== undefined || Date.now() > giveUpAt) {
        throw new Error(
          `tidegate serve ${problem} at ${url}/healthz; its log ${logFile} ends:\n${await readLogTail(15)}`,
        );
      }
      await sleep(50);
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = running;
    running = undefined;
    if (ending === undefined || ending.exitReason() !== undefined) return;
    process.kill(ending.pid, signal);
    const timer = setTimeout(() => process.kill(ending.pid, 'SIGKILL'), STOPS_WITHIN_MS);
    await ending.exited;
    clearTimeout(timer);
  }

  return {
    url,
    webhookUrl: `${url}/webhook`,
    logFile,
    start: async () => {
      running = await supervisor.start({
        name: 'tidegate serve',
        command: process.execPath,
        args: [program, 'serve', '--config', configFile],
        env,
        logFile,
      });
      await waitUntilHealthy(running);
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pid: () => running?.pid,
    unexpectedEnd: () => running?.exitReason(),
    readLogTail,
    close: async () => {
      await end('SIGTERM');
      await supervisor.stop();
    },
  };
}
