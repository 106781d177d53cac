import type { Core } from './core.ts';
import { findAccount, gitDirectory, nodeId } from './core.ts';
import { listCommits } from './git-history.ts';
import { readCommit, readCommits } from './git-objects.ts';
import { showCommitNode } from './graphql-commits.ts';
import type { PageArguments } from './graphql-connection.ts';
import { connectionOf } from './graphql-connection.ts';
import { judgeMerge } from './judge-merge.ts';
import { requirementsOf } from './rules.ts';
import { associationOf, baseShaOf } from './show-pull.ts';
import type { Pull, Repository } from './state.ts';

/** How pull requests are listed. */
export type PullRequestArguments = PageArguments & {
  readonly states?: readonly string[] | null;
  readonly headRefName?: string | null;
  readonly baseRefName?: string | null;
  readonly orderBy?: { readonly field: string; readonly direction: string } | null;
};

function stateOf(pull: Pull): 'OPEN' | 'CLOSED' | 'MERGED' {
  if (pull.state === 'open') return 'OPEN';
  return pull.mergedAt === null ? 'CLOSED' : 'MERGED';
}

async function commitNodes(core: Core, repository: Repository, pull: Pull): Promise<Record<string, unknown>[]> {
  const directory = gitDirectory(core, repository);
  const base = await baseShaOf(core, repository, pull);
  const shas = (await listCommits(directory, pull.headSha, [base])).toReversed();
  const commits = await readCommits(directory, shas);
  return commits.map((commit) => ({ commit: showCommitNode(core, repository, commit) }));
}

/** Unlike REST, without the `[bot]` of an App. */
function showActor(core: Core, login: string): Record<string, unknown> | null {
  const account = findAccount(core, login);
  if (account === undefined) return null;
  return account.type === 'Bot'
    ? { __typename: 'Bot', login: account.login.replace(/\[bot\]$/u, '') }
    : { __typename: 'User', login: account.login };
}

/** A pull request as GraphQL shows it. */
export function showPullNode(core: Core, repository: Repository, pull: Pull): Record<string, unknown> {
  const { number } = pull;
  return {
    id: nodeId('PullRequest', pull.id),
    author: showActor(core, pull.user),
    number,
    url: `${core.url}/${repository.owner}/${repository.name}/pull/${number}`,
    state: stateOf(pull),
    title: pull.title,
    body: pull.body ?? '',
    isDraft: pull.draft,
    isInMergeQueue: pull.queuedAt !== null,
    isMergeQueueEnabled: requirementsOf(repository, pull.base).queue,
    autoMergeRequest: pull.autoMerge === null ? null : { mergeMethod: pull.autoMerge.method.toUpperCase() },
    mergeStateStatus: async () => (await judgeMerge(core, repository, pull)).toUpperCase(),
    mergeable: async () => {
      const state = await judgeMerge(core, repository, pull);
      return state === 'dirty' ? 'CONFLICTING' : state === 'unknown' ? 'UNKNOWN' : 'MERGEABLE';
    },
    isCrossRepository: false,
    headRefName: pull.head,
    headRefOid: pull.headSha,
    baseRefName: pull.base,
    createdAt: pull.createdAt,
    updatedAt: pull.updatedAt,
    closedAt: pull.closedAt,
    mergedAt: pull.mergedAt,
    mergeCommit: async () => {
      const commit =
        pull.mergeCommitSha === null ? null : await readCommit(gitDirectory(core, repository), pull.mergeCommitSha);
      return commit === null ? null : showCommitNode(core, repository, commit);
    },
    commits: async (page: PageArguments) => connectionOf(await commitNodes(core, repository, pull), page),
    comments: (page: PageArguments) =>
      connectionOf(
        core.state.comments
          .filter((one) => one.repositoryId === repository.id && one.number === number)
          .map(({ body, createdAt, user }) => ({
            body,
            createdAt,
            authorAssociation: associationOf(core, repository, user),
          })),
        page,
      ),
  };
}

/** Pull requests in the order and with the filters asked for. */
export function listPullNodes(
  core: Core,
  repository: Repository,
  given: PullRequestArguments,
): Record<string, unknown> {
  const { states, headRefName, baseRefName, orderBy } = given;
  const pulls = core.state.pulls
    .filter((one) => one.repositoryId === repository.id)
    .filter((one) => states === undefined || states === null || states.includes(stateOf(one)))
    .filter((one) => (headRefName ?? one.head) === one.head && (baseRefName ?? one.base) === one.base)
    .sort((one, other) => {
      const byUpdate = orderBy?.field === 'UPDATED_AT' ? one.updatedAt.localeCompare(other.updatedAt) : 0;
      return byUpdate === 0 ? one.number - other.number : byUpdate;
    });
  const ordered = orderBy?.direction === 'DESC' ? pulls.toReversed() : pulls;
  return connectionOf(
    ordered.map((pull) => showPullNode(core, repository, pull)),
    given,
  );
}
