import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { startImageStories } from '#test/integration/image-stories.ts';
import { openRegistryInMemory } from '#test/integration/story-registry.ts';
import { sampleSize } from '#test/sample-size.ts';

import { IMAGE_ACTIONS, playImages } from './play-images.ts';

const SEED = Number(process.env['TIDEGATE_SEED'] ?? 42);
const STEP = fc.record({
  action: fc.oneof(
    { weight: 2, arbitrary: fc.constant('push' as const) },
    { weight: 3, arbitrary: fc.constantFrom(...IMAGE_ACTIONS) },
  ),
  image: fc.constantFrom(0 as const, 1 as const, 2 as const),
  at: fc.integer({ min: 0, max: 20 }),
});

/** Where a history waits for a request to be made again, another one goes on, on a GitHub of its own. */
const AT_ONCE = [1, 2, 3, 4];

describe('three images in one pull request, whatever happens to each of them', () => {
  it.concurrent.each(AT_ONCE)(
    'are proposed as far as they can be decided, each at the newest that nobody refused (%i)',
    { timeout: 3_600_000 },
    async (share) => {
      const stories = await startImageStories(openRegistryInMemory);
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(STEP, { minLength: 2, maxLength: 9 }), async (steps) => {
            expect(await playImages(stories, steps)).toEqual([]);
          }),
          { seed: SEED * AT_ONCE.length + share, numRuns: sampleSize(24, 2_000) / AT_ONCE.length },
        );
        expect(stories.github.github.violations).toEqual([]);
      } finally {
        await stories.close();
      }
    },
  );
});
