import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startImageStories, type ImageStories } from '#test/integration/image-stories.ts';
import { sampleSize } from '#test/sample-size.ts';

import { playHistory, type Step } from './play-history.ts';

let stories: ImageStories;

beforeAll(async () => {
  stories = await startImageStories();
});

afterAll(async () => {
  await stories?.close();
});

const ACTIONS = fc.oneof(
  { weight: 6, arbitrary: fc.constant('push image' as const) },
  { weight: 3, arbitrary: fc.constantFrom('merge', 'squash', 'close' as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'reopen',
      'take back',
      'revert',
      'update by hand',
      'delete branch',
      'commit on branch',
      'commit beside',
      'commit on base',
      'update branch',
      'rewrite base',
      'replace body',
      'reword title',
      'suspend policy',
      'resume policy',
      'rename automation',
      'remove automation',
      'restore automation',
      'fault',
      'lose answer' as const,
    ),
  },
);
const STEP: fc.Arbitrary<Step> = fc.record({ action: ACTIONS, at: fc.integer({ min: 0, max: 24 }) });

describe('the life of pull requests, whatever people, bots, the registry, instructions and GitHub do between any two requests', () => {
  it('ends with one right proposal', { timeout: 6 * 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 2, maxLength: 9 }), async (steps) => {
        expect(await playHistory(stories, steps)).toEqual([]);
      }),
      { seed: Number(process.env['TIDEGATE_SEED'] ?? 42), numRuns: sampleSize(60, 10_000) },
    );
  });
});
