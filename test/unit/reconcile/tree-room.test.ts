import { array, asyncProperty, assert as check, integer, record } from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import type { SourceTree } from '#shared/common/source-tree.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import { sampleSize } from '#test/sample-size.ts';

const LIMITS = { maxBytes: 100, readBytes: 40 };

function treeOf(bytes: number): SourceTree {
  return new Map([['a.yaml', { bytes: new Uint8Array(bytes), executable: false }]]);
}

/** A room, and what is really in use or being read in it. */
function open(limits = LIMITS) {
  const room = createTreeRoom(limits);
  const reads: string[] = [];
  const inUse = new Map<string, number>();
  let reading = 0;
  let most = 0;
  const note = (): void => {
    most = Math.max(most, reading * limits.readBytes + [...inUse.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
  return {
    room,
    reads,
    most: () => most,
    use: (digest: string, bytes: number, turns: number): Promise<string> =>
      room.use(
        digest,
        async () => {
          reads.push(digest);
          reading += 1;
          note();
          await turn();
          reading -= 1;
          return treeOf(bytes);
        },
        async () => {
          inUse.set(digest, bytes);
          note();
          for (let left = turns; left > 0; left -= 1) await turn();
          inUse.delete(digest);
          return digest;
        },
      ),
  };
}

describe('the room for trees of sources', () => {
  it('never holds more than it may of what is read and used, and lets everybody in', async () => {
    const visits = array(record({ source: integer({ min: 0, max: 9 }), turns: integer({ min: 0, max: 3 }) }), {
      maxLength: 30,
    });
    await check(
      asyncProperty(
        visits,
        array(integer({ min: 0, max: 40 }), { minLength: 10, maxLength: 10 }),
        async (all, sizes) => {
          const { use, most } = open();

          const used = await Promise.all(all.map(({ source, turns }) => use(`${source}`, sizes[source] ?? 0, turns)));

          expect(used).toEqual(all.map(({ source }) => `${source}`));
          expect(most()).toBeLessThanOrEqual(LIMITS.maxBytes);
        },
      ),
      { seed: 16, numRuns: sampleSize(100, 5_000) },
    );
  });

  it('reads a tree once for all who come while there is room, and again for who comes after it was needed', async () => {
    const { use, reads } = open();
    await Promise.all([use('a', 31, 1), use('b', 31, 1), use('a', 31, 1)]);
    await use('a', 31, 0);
    expect(reads).toEqual(['a', 'b']);

    // There is no room for a third to be read while both are there; what waits for longest goes.
    await use('c', 30, 0);
    await use('a', 31, 0);
    expect(reads).toEqual(['a', 'b', 'c']);
    await use('b', 31, 0);
    expect(reads).toEqual(['a', 'b', 'c', 'b']);
  });

  it('reads again what was let go of at the end of a run', async () => {
    const { use, reads, room } = open();
    await use('a', 1, 0);
    room.forgetIdle();
    await use('a', 1, 0);

    expect(reads).toEqual(['a', 'a']);
  });

  it('reads one tree at a time where there is not even room for one', async () => {
    const { use, most } = open({ maxBytes: 1, readBytes: 40 });

    expect(await Promise.all(['a', 'b', 'c'].map((digest) => use(digest, 40, 1)))).toEqual(['a', 'b', 'c']);
    expect(most()).toBe(40);
  });

  it('gives the room back of what cannot be read, or fails in the work', async () => {
    const { use, room } = open();
    const broken = Array.from({ length: 10 }, (_, index) =>
      room.use(
        `${index}`,
        () => Promise.reject(new Error('gone')),
        async () => 'no',
      ),
    );
    const failing = Array.from({ length: 10 }, (_, index) =>
      room.use(
        `f${index}`,
        async () => treeOf(40),
        () => Promise.reject(new Error('gone')),
      ),
    );

    const outcomes = await Promise.allSettled([...broken, ...failing]);

    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await use('a', 40, 1)).toBe('a');
  });
});
