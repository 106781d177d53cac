import { openDisk } from '#stand-ins/lambda/open-disk.ts';
import type { FunctionOptions } from '#stand-ins/lambda/open-environment.ts';
import { openEnvironment } from '#stand-ins/lambda/open-environment.ts';

import { percentile } from '../percentile.ts';

/** A function and the event whose answer is waited for. */
export interface ColdFunction {
  readonly name: string;
  readonly options: FunctionOptions;
  /** Made anew for each start. */
  readonly makeEvent: () => unknown;
}

/** What was measured of one function, in milliseconds. */
export interface ColdStart {
  readonly name: string;
  readonly medianMs: number;
  readonly p90Ms: number;
  /** Beside the first function, the yardstick: the median of the ratios round by round. */
  readonly ratio: number;
}

/**
 * Starts every function once a round, one after the other, so that what else the machine does hits all of them alike.
 * Measured is from the start of the process to its first answer.
 * @param functions the first is the yardstick.
 */
export async function measureColdStarts(
  functions: readonly [ColdFunction, ...ColdFunction[]],
  options: { readonly rounds: number; readonly progress: (line: string) => void },
): Promise<readonly ColdStart[]> {
  const { rounds, progress } = options;
  const measured = new Map<string, number[]>(functions.map(({ name }) => [name, []]));
  // The round before the first fills the file cache, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    if (round > 0) progress(`cold starts, round ${round} of ${rounds}`);
    for (const one of functions) {
      const ms = await startOnce(one);
      if (round > 0) measured.get(one.name)?.push(ms);
    }
  }
  const yardstick = measured.get(functions[0].name) ?? [];
  return [...measured].map(([name, all]) => ({
    name,
    medianMs: percentile(all, 0.5),
    p90Ms: percentile(all, 0.9),
    ratio: percentile(
      all.map((ms, round) => ms / (yardstick[round] ?? Number.NaN)),
      0.5,
    ),
  }));
}

async function startOnce({ name, options, makeEvent }: ColdFunction): Promise<number> {
  const disk = await openDisk(options.name);
  const environment = await openEnvironment(options, disk);
  try {
    const startedFor = performance.now() - environment.startedAt;
    const invocation = await environment.run(makeEvent());
    if (invocation.outcome === 'answered') return startedFor + invocation.ms;
    const why =
      invocation.outcome === 'failed' ? `${invocation.errorType}: ${invocation.message}` : 'it ran out of time';
    throw new Error(`${name} did not answer its first event: ${why}`);
  } finally {
    await environment.kill();
    await disk.discard();
  }
}
