import type { Lacks } from './capability-checks.ts';
import type { ChangeHostCapability } from './change-host.contract.ts';
import type { CommitStatusesCapability } from './commit-statuses.contract.ts';

/**
 * What `emulate` 0.12.2 does otherwise than GitHub, or not at all.
 * A version that is nearer to GitHub fails the suite until its line is taken out. `change-host-refusals.test.ts` does not run
 * on it at all: nobody can set its rules and limits, archive its repositories or suspend an installation.
 */
export const EMULATE_LACKS: {
  readonly changeHost: Lacks<ChangeHostCapability>;
  readonly commitStatuses: Lacks<CommitStatusesCapability>;
} = {
  changeHost: {
    'compare-and-swap': {
      because: 'it has no GraphQL, and REST moves a ref without a look at where it was',
      shows: /change: GitHub answered 404/u,
    },
    graphql: { because: 'it has no GraphQL', shows: /GitHub answered 404/u },
    merges: { because: 'it has no merges of branches', shows: /GitHub answered 404/u },
    bounds: { because: 'it takes texts of any length', shows: /resolved .* instead of rejecting/u },
    'follows-branches': {
      because: 'it does not look at pull requests when a branch moves or goes',
      shows: /expected 'open' to be '(?:merged|closed)'/u,
    },
    'reopens-what-was-left': {
      because: 'it reopens whatever is closed',
      shows: /expected true to be false/u,
    },
    'one-open-pull': {
      because: 'it opens another pull request for the same branch',
      shows: /expected \d+ to be \d+/u,
    },
  },
  commitStatuses: {
    statuses: {
      because: 'it has no commit statuses, and reads their address as the name of a commit',
      shows: /GitHub answered 403/u,
    },
  },
};
