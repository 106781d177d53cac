import { integer, nat, record, sample, tuple } from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ServeProcess } from '#demo/serve-process.ts';
import type { Reporter } from '#demo/story.ts';

/** A point of the story: so long after it began to wait for the so-many-th time. */
export interface KillPoint {
  readonly wait: number;
  readonly delayMs: number;
}

/** Times that the story waits, up to the last but one: the disaster is among them. */
const WAITS = 24;
const LONGEST_DELAY_MS = 1_500;

/** Random points, one in each of so many parts of the story, the same for the same seed. */
export function chooseKillPoints(seed: number, count: number): readonly KillPoint[] {
  const points = Array.from({ length: count }, (_, part) =>
    record({
      wait: integer({
        min: Math.floor((part * WAITS) / count) + 1,
        max: Math.floor(((part + 1) * WAITS) / count),
      }),
      delayMs: nat({ max: LONGEST_DELAY_MS }),
    }),
  );
  return sample(tuple(...points), { seed, numRuns: 1 }).flat();
}

/** An audience that kills `serve` at some points of the story and starts it again. */
export function killAt(serve: ServeProcess, points: readonly KillPoint[], reporter: Reporter) {
  let waits = 0;
  let kills = 0;
  let turn: Promise<void> = Promise.resolve();
  const killAfter = async (delayMs: number): Promise<void> => {
    await sleep(delayMs);
    await serve.kill();
    kills += 1;
    await serve.start();
  };
  return {
    reporter: {
      ...reporter,
      waitingFor: (what: string) => {
        waits += 1;
        const point = points.find(({ wait }) => wait === waits);
        // One after the other: a point that comes while serve is starting again waits its turn.
        if (point !== undefined) turn = turn.then(() => killAfter(point.delayMs));
        reporter.waitingFor(what);
      },
    },
    /** Waits until serve runs again, and tells how often it was killed. */
    settle: async () => {
      await turn;
      return kills;
    },
  };
}
