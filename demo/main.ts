import { Command, InvalidArgumentError } from 'commander';
import { existsSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';

import { ensureMoto } from '#stand-ins/aws/ensure-moto.ts';
import { ensureStandIns } from '#stand-ins/build/ensure-stand-ins.ts';

import { checkGit } from './check-git.ts';
import { describeEndpoints } from './describe-endpoints.ts';
import { endpointsOf } from './endpoints-of.ts';
import { useOwnContext } from './environment-cluster.ts';
import { askConsent, cleanUp, describeIntent, refuseOccupied } from './own-context.ts';
import { pullFromPublicRegistry, readFleet } from './read-fleet.ts';
import { startServeEnvironment, type ServeEnvironment } from './serve-environment.ts';
import { runStory, type CompletedStep } from './story.ts';
import { openTerminal, type Terminal } from './terminal.ts';

interface DemoOptions {
  readonly json?: string;
  readonly keep: boolean;
  readonly context?: string;
  readonly yes: boolean;
  readonly delay: number;
}

const IMAGE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-a/podinfo';
/** As if the signal had ended it that a closed pipe sends: 128 and the number of SIGPIPE. */
const EXIT_CLOSED_PIPE = 141;
const EXAMPLES = `
Examples:
  npm run demo                              the whole story, on stand-ins that end with it
  npm run demo -- --keep                    leave everything running afterwards, to look around
  npm run demo -- --json steps.json         write what each step did and how long it took
  npm run demo -- --context kind-dev        play it on a cluster of your own; asks first
  npm run demo -- --delay 50                every stand-in answers 50 ms later
`;

async function run(options: DemoOptions): Promise<void> {
  const terminal = openTerminal(process.stdout, process.env);
  const ending = new AbortController();
  let isStaged = false;
  let exitCode = 1;
  const end = (code: number, reason: string): void => {
    exitCode = code;
    // Before anything is staged, whatever runs ends with this process anyway, only less politely.
    if (!isStaged) process.exit(code);
    ending.abort(new Error(reason));
  };
  const endOnSignal = (): void => {
    // The second Ctrl-C.
    if (ending.signal.aborted) process.exit(130);
    if (isStaged) terminal.say(' ending everything that was started; Ctrl-C again ends it at once');
    end(130, 'stopped by Ctrl-C');
  };
  // Whoever read has gone, as `head` does: there is nobody to tell the rest to.
  const endOnClosedPipe = (): void => {
    if (!ending.signal.aborted) end(EXIT_CLOSED_PIPE, 'nobody reads any more');
  };
  process.on('SIGINT', endOnSignal).on('SIGTERM', endOnSignal).on('SIGHUP', endOnSignal);
  process.stdout.on('error', endOnClosedPipe);
  process.stderr.on('error', () => {});
  try {
    await checkOptions(options);
    const played = await play(options, terminal, ending.signal, () => {
      isStaged = true;
    });
    process.exitCode = played === 'stopped' ? exitCode : played;
  } catch (error) {
    if (!ending.signal.aborted) terminal.say(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCode;
  } finally {
    terminal.close();
    process.off('SIGINT', endOnSignal).off('SIGTERM', endOnSignal).off('SIGHUP', endOnSignal);
  }
}

/** @throws Error for what would be noticed only when all is told, or never. */
async function checkOptions({ json, yes, context }: DemoOptions): Promise<void> {
  if (yes && context === undefined) {
    throw new Error('--yes: found without --context; allowed: both or none, on stand-ins nobody is asked anything');
  }
  if (json === undefined) return;
  try {
    const isThere = existsSync(json);
    await (await open(json, 'a')).close();
    if (!isThere) await rm(json);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`--json: ${JSON.stringify(json)} cannot be written (${reason}); allowed: a file`, { cause: error });
  }
}

async function play(
  options: DemoOptions,
  terminal: Terminal,
  signal: AbortSignal,
  onStaged: () => void,
): Promise<number | 'stopped'> {
  const { context, keep, delay } = options;
  await prepare(context, terminal.progress);
  if (context !== undefined && !(await mayUse(context, options, terminal))) return 1;

  const startedAt = Date.now();
  terminal.passing('starting the stand-ins');
  onStaged();
  const environment = await startServeEnvironment({
    delayMs: delay,
    progress: terminal.progress,
    ...(context === undefined
      ? {}
      : { context, files: async (url) => pullFromPublicRegistry(await readFleet(url), IMAGE) }),
  });
  let steps: readonly CompletedStep[] = [];
  let isGood = false;
  let isLookedAt = false;
  try {
    signal.throwIfAborted();
    terminal.say(describeEnvironment(environment, Date.now() - startedAt));
    steps = await runStory(environment, { reporter: terminal, signal });
    isGood = steps.every(({ ok }) => ok);
    terminal.finish(steps, Date.now() - startedAt);
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify({ steps }, undefined, 2)}\n`);
    if (keep && !signal.aborted) {
      await lookAround(environment, terminal, signal);
      isLookedAt = true;
    }
  } finally {
    terminal.passing('ending the stand-ins');
    if (context !== undefined && !keep) {
      await environment.serve.stop();
      await cleanUp(environment.cluster);
    }
    await environment.close({ keepLogs: !isGood && !signal.aborted });
  }
  if (!isGood && !signal.aborted) terminal.say(` the log of tidegate serve: ${environment.serve.logFile}`);
  // Ctrl-C is how looking around ends, and what was looked at was told before.
  if (signal.aborted && !isLookedAt) return 'stopped';
  return isGood ? 0 : 1;
}

/** Looks for every tool before anything starts, and builds what is built once. */
async function prepare(context: string | undefined, progress: (line: string) => void): Promise<void> {
  const standIns = context === undefined ? ensureStandIns(progress) : ensureMoto({ progress });
  const results = await Promise.allSettled([checkGit(), standIns]);
  const problems = results.flatMap(({ status, ...result }) =>
    status === 'rejected' && 'reason' in result
      ? [result.reason instanceof Error ? result.reason.message : String(result.reason)]
      : [],
  );
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

async function mayUse(context: string, options: DemoOptions, terminal: Terminal): Promise<boolean> {
  const cluster = await useOwnContext(context);
  try {
    await refuseOccupied(cluster);
  } finally {
    await cluster.stop();
  }
  const intent = describeIntent(context, options.keep);
  terminal.say(` ${intent}`);
  if (options.yes || (await askConsent('this changes a cluster of yours'))) return true;
  terminal.say(' nothing was changed');
  return false;
}

function describeEnvironment({ cluster }: ServeEnvironment, ms: number): string {
  const where = cluster.kubeconfigPath === undefined ? `context ${cluster.contextName}` : 'on this machine';
  return `\n Tidegate: Kubernetes ${cluster.view.serverVersion} ${where}, GitHub and AWS played here, ready in ${(ms / 1000).toFixed(1)} s\n`;
}

/** Says how to look around, and stays until Ctrl-C. */
async function lookAround(environment: ServeEnvironment, terminal: Terminal, signal: AbortSignal): Promise<void> {
  terminal.say(
    `\n${describeEndpoints(endpointsOf(environment))
      .map((line) => ` ${line}`)
      .join('\n')}`,
  );
  // Without a timer, nothing but the stand-ins' sockets would keep this process alive.
  const staying = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(staying);
}

function parseDelay(text: string): number {
  const ms = Number(text);
  if (!/^\d+$/u.test(text) || ms > 10_000) throw new InvalidArgumentError('allowed: milliseconds from 0 to 10000.');
  return ms;
}

const program = new Command('npm run demo --')
  .description(
    'Tells the story of Tidegate on real parts: an image push, a pull request, drift, a rollback, a disaster.',
  )
  .option('--json <file>', 'write the steps with their times and facts to a file')
  .option('--keep', 'leave everything running at the end and say how to look around', false)
  .option('--context <name>', 'play on the cluster of this kubeconfig context; asks before it changes anything')
  .option('--yes', 'do not ask; only with --context', false)
  .option('--delay <ms>', 'how much later every stand-in answers', parseDelay, 0)
  .addHelpText('after', EXAMPLES)
  .action(run);
await program.parseAsync();
