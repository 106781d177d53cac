import { composeServe } from '#serve/compose-serve.ts';
import { findKubectl } from '#serve/find-kubectl.ts';
import { startServe } from '#serve/start-serve.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import type { LogLevel } from '#shared/adapters/log/line-logger.ts';
import { createTextLogger } from '#shared/adapters/log/text-logger.ts';
import { defined } from '#shared/common/defined.ts';
import type { Problem } from '#shared/common/problem.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { VERSION } from '#shared/common/version.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { findNothingToServe, settingsOfServe } from '#shared/settings/serve-clusters.ts';
import { openSettingsText } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

import type { CommandProcess } from './command-process.ts';
import { findMachineProblems } from './find-machine-problems.ts';
import { readSettings } from './read-settings.ts';

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
  const problems = parsed.outcome === 'invalid' ? parsed.problems : await findProblems(parsed, options.config);
  if (parsed.outcome === 'invalid' || problems.length > 0) {
    for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  const ours = settingsOfServe(parsed.settings);
  const settings = {
    ...ours,
    serve: { ...ours.serve, ...defined({ port: options.port }) },
  };
  const knownSecrets = new Set<string>();
  const stopped = waitForSignal(io);
  io.stdout.once('error', ({ message }) => {
    io.stderr.write(`tidegate: the log cannot be written (${message}); serve goes on without it\n`);
  });
  try {
    const kubectl = await findKubectl(io.env['PATH'] ?? '');
    const log = createLogger(options, knownSecrets, io);
    const elsewhere = eksClusters(parsed.settings).map(({ name }) => name);
    if (elsewhere.length > 0) log.info('clusters with eks are left to the stack', { clusters: elsewhere });
    const starting = startServe({
      settings,
      log,
      learnSecret: (value) => knownSecrets.add(value),
      compose: (resources) => composeServe(resources, { version: VERSION, kubectl }),
    });
    // Whoever stops it while it starts is not kept waiting: nothing was begun that the next start would not find.
    const server = await Promise.race([starting, stopped.then(() => undefined)]);
    if (server === undefined) return 0;
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

/** Everything that would keep it from starting, at once; what it has no cluster for, before all that it would not need. */
async function findProblems(
  { settings, text }: { readonly settings: Settings; readonly text: string },
  file: string,
): Promise<readonly Problem[]> {
  const nothing = findNothingToServe(settings);
  const findings = nothing.length > 0 ? nothing : await findMachineProblems(settings);
  return openSettingsText(text, file).placeAll(findings);
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
