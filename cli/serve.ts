import { composeServe } from '#local/server/compose-serve.ts';
import { findKubectl } from '#local/server/find-kubectl.ts';
import { startServe } from '#local/server/start-serve.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import type { LogLevel } from '#shared/adapters/log/line-logger.ts';
import { createTextLogger } from '#shared/adapters/log/text-logger.ts';
import { formatProblem } from '#shared/errors/problem.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { VERSION } from '#shared/settings/version.ts';
import { readSettings } from './read-settings.ts';
import type { CommandProcess } from './command-process.ts';

export interface ServeCommandOptions {
  readonly config: string;
  readonly port?: number;
  readonly logFormat?: 'json' | 'text';
  readonly logLevel: LogLevel;
}

/**
 * `tidegate serve`: runs until it is told to stop. The first signal finishes or hands back the work, a second one ends at
 * once, as a kill would.
 * @returns 0 when it was stopped, 2 for wrong settings or a setting that does not fit this machine.
 */
export async function serve(options: ServeCommandOptions, io: CommandProcess): Promise<number> {
  const parsed = await readSettings(options.config);
  if (parsed.outcome === 'invalid') {
    for (const problem of parsed.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  const settings = {
    ...parsed.settings,
    serve: { ...parsed.settings.serve, ...(options.port === undefined ? {} : { port: options.port }) },
  };
  const knownSecrets = new Set<string>();
  const stopped = waitForSignal(io);
  try {
    const kubectl = await findKubectl(io.env['PATH'] ?? '');
    const server = await startServe({
      settings,
      log: createLogger(options, knownSecrets, io),
      learnSecret: (value) => knownSecrets.add(value),
      compose: (resources) => composeServe(resources, { version: VERSION, kubectl }),
    });
    await stopped;
    // From here on a second signal has its usual effect.
    await server.close();
    return 0;
  } catch (error) {
    if (!(error instanceof TidegateError) || error.disposition !== 'stall') throw error;
    io.stderr.write(`tidegate: ${error.message}\n`);
    return 2;
  }
}

function waitForSignal(io: CommandProcess): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      io.off('SIGINT', stop);
      io.off('SIGTERM', stop);
      resolve();
    };
    io.once('SIGINT', stop);
    io.once('SIGTERM', stop);
  });
}

function createLogger(options: ServeCommandOptions, knownSecrets: Iterable<string>, io: CommandProcess): Logger {
  const format = options.logFormat ?? (io.stdout.isTTY ? 'text' : 'json');
  const common = {
    level: options.logLevel,
    knownSecrets,
    now: () => Date.now(),
    write: (text: string) => void io.stdout.write(text),
  };
  const color = io.stdout.isTTY && (io.env['NO_COLOR'] ?? '') === '';
  return format === 'json' ? createJsonLogger(common) : createTextLogger({ ...common, color });
}
