import * as fc from 'fast-check';

import type { Step } from './play-history.ts';

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

/** What people and everything else do, one after the other. */
export const HISTORY = fc.array(STEP, { minLength: 2, maxLength: 9 });
