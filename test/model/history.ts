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
      'commit on branch as a bot',
      'comment as a bot',
      'label',
      'retarget',
      'change base',
      'push instead',
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
      'lose answer',
      'refuse token',
      'limit',
      'limit GraphQL' as const,
    ),
  },
);
const STEP = { action: ACTIONS, at: fc.integer({ min: 0, max: 24 }) };
const LENGTH = { minLength: 2, maxLength: 9 };

/** What people and everything else do, one after the other; in one of four histories two clusters share the repository. */
export const HISTORY: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.record(STEP), LENGTH) },
  { weight: 1, arbitrary: fc.array(fc.record({ ...STEP, cluster: fc.constantFrom(0 as const, 1 as const) }), LENGTH) },
);

/** Histories that once ended wrong, or that showed a part of GitHub that the stand-in lacked, as short as they get. */
export const CASES: readonly (readonly [what: string, history: readonly Step[]])[] = [
  [
    'a version that comes after "Update branch"',
    [
      { action: 'push image', at: 0 },
      { action: 'commit on base', at: 0 },
      { action: 'update branch', at: 0 },
      { action: 'push image', at: 0 },
    ],
  ],
  [
    'another base while the pull request into the old one is merged at once',
    [
      { action: 'push image', at: 0 },
      { action: 'change base', at: 24 },
      { action: 'merge', at: 9 },
    ],
  ],
  [
    "one with a bot's commit that is closed, and reopened beside the next one",
    [
      { action: 'push image', at: 0 },
      { action: 'commit on branch as a bot', at: 0 },
      { action: 'close', at: 0 },
      { action: 'push image', at: 0 },
      { action: 'reopen', at: 0 },
    ],
  ],
  [
    'the same version set by hand, and "Update branch", after which nothing is left to propose',
    [
      { action: 'push image', at: 0 },
      { action: 'update by hand', at: 3 },
      { action: 'update branch', at: 0 },
    ],
  ],
  [
    'a base whose history begins anew, and a squash while the automation is gone',
    [
      { action: 'remove automation', at: 4 },
      { action: 'fault', at: 17 },
      { action: 'rewrite base', at: 18 },
      { action: 'push image', at: 8 },
      { action: 'squash', at: 15 },
    ],
  ],
];
