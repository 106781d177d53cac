import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { startImageStories } from '#test/integration/image-stories.ts';
import { openRegistryInMemory } from '#test/integration/story-registry.ts';
import { sampleSize } from '#test/sample-size.ts';

import { CASES, HISTORY } from './history.ts';
import { playHistory } from './play-history.ts';

const SEED = Number(process.env['TIDEGATE_SEED'] ?? 42);
/** Where a history waits for a request to be made again, another one goes on, on a GitHub of its own. */
const AT_ONCE = [1, 2, 3, 4];

describe('the life of pull requests, whatever people, bots, the registry, Flux objects and GitHub do between any two requests', () => {
  it.concurrent.each(AT_ONCE)('ends with one right proposal (%i)', { timeout: 6 * 3_600_000 }, async (share) => {
    const stories = await startImageStories(openRegistryInMemory);
    try {
      await fc.assert(
        fc.asyncProperty(HISTORY, async (steps) => {
          expect(await playHistory(stories, steps)).toEqual([]);
        }),
        { seed: SEED * AT_ONCE.length + share, numRuns: sampleSize(300, 10_000) / AT_ONCE.length },
      );
      expect(stories.github.github.violations).toEqual([]);
    } finally {
      await stories.close();
    }
  });

  it('ends with one right proposal in the cases that are known by name', { timeout: 600_000 }, async () => {
    const stories = await startImageStories(openRegistryInMemory);
    try {
      const ends: [string, readonly string[]][] = [];
      for (const [what, steps] of CASES) ends.push([what, await playHistory(stories, steps)]);
      expect(ends).toEqual(CASES.map(([what]) => [what, []]));
    } finally {
      await stories.close();
    }
  });
});
