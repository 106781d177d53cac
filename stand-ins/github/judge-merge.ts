import type { Core } from './core.ts';
import { gitDirectory } from './core.ts';
import { isAncestor, mergeTrees } from './git-history.ts';
import { readRef } from './git-refs.ts';
import { requirementsOf } from './rules.ts';
import type { Pull, Repository } from './state.ts';

/** What stands between a pull request and its merge, under the names of `mergeable_state`; in GraphQL they are in capitals. */
export type MergeState = 'unknown' | 'draft' | 'dirty' | 'blocked' | 'behind' | 'unstable' | 'clean';

/** What is missing, in the words of the rules; empty when nothing is. */
export function missingFor(core: Core, repository: Repository, pull: Pull): readonly string[] {
  const { approvals, contexts } = requirementsOf(repository, pull.base);
  const states = latestStates(core, repository, pull.headSha);
  const waiting = contexts.filter((context) => states.get(context) !== 'success');
  const by = approvals === 1 ? 'review is' : 'reviews are';
  return [
    ...(pull.approvals.length < approvals
      ? [`At least ${approvals} approving ${by} required by reviewers with write access.`]
      : []),
    ...waiting.map((context) => `Required status check "${context}" is expected.`),
  ];
}

/** What is missing is told before that the branch is behind: who waits for a review is told of the base only after it. */
export async function judgeMerge(core: Core, repository: Repository, pull: Pull): Promise<MergeState> {
  if (pull.state === 'closed') return 'unknown';
  if (pull.draft) return 'draft';
  const directory = gitDirectory(core, repository);
  const base = (await readRef(directory, `refs/heads/${pull.base}`))?.sha ?? pull.baseSha;
  if (!('tree' in (await mergeTrees(directory, base, pull.headSha)))) return 'dirty';
  if (missingFor(core, repository, pull).length > 0) return 'blocked';
  const { strict } = requirementsOf(repository, pull.base);
  if (strict && !(await isAncestor(directory, base, pull.headSha))) return 'behind';
  const states = [...latestStates(core, repository, pull.headSha).values()];
  return states.every((state) => state === 'success') ? 'clean' : 'unstable';
}

/** The last word of each status and check run on a commit. */
function latestStates(core: Core, repository: Repository, sha: string): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const { repositoryId, sha: on, context, state } of core.state.statuses) {
    if (repositoryId === repository.id && on === sha) states.set(context, state);
  }
  for (const { repositoryId, headSha, values } of core.state.checkRuns) {
    const { name, conclusion } = values;
    if (repositoryId === repository.id && headSha === sha && typeof name === 'string') {
      states.set(name, typeof conclusion === 'string' ? conclusion : 'pending');
    }
  }
  return states;
}
