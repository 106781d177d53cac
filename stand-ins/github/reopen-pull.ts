import { tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { gitDirectory, timestamp } from './core.ts';
import { isAncestor, mergeBase } from './git-history.ts';
import { readRef, updateRefs } from './git-refs.ts';
import { invalidField } from './problem.ts';
import type { Account, Pull, Repository } from './state.ts';

/** Opens a closed pull request again, or says why that cannot be: its head has to be where it was, or ahead of it. */
export async function reopenPull(core: Core, repository: Repository, sender: Account, pull: Pull): Promise<void> {
  const directory = gitDirectory(core, repository);
  const head = (await readRef(directory, `refs/heads/${pull.head}`))?.sha;
  const why = await whyNot(core, repository, pull, head);
  if (why !== null || head === undefined) {
    throw invalidField('PullRequest', 'state', 'custom', `state cannot be changed. ${why ?? ''}`);
  }
  pull.state = 'open';
  pull.headSha = head;
  pull.closedAt = null;
  pull.updatedAt = timestamp(core);
  await updateRefs(directory, [{ name: `refs/pull/${pull.number}/head`, after: head }]);
  await tellPull(core, repository, sender, pull, 'reopened');
}

async function whyNot(
  core: Core,
  repository: Repository,
  pull: Pull,
  head: string | undefined,
): Promise<string | null> {
  const directory = gitDirectory(core, repository);
  if (pull.mergedAt !== null) return 'The pull request cannot be reopened.';
  if (head === undefined) return `The ${pull.head} branch has been deleted.`;
  const base = (await readRef(directory, `refs/heads/${pull.base}`))?.sha;
  if (base === undefined) return `The ${pull.base} branch has been deleted.`;
  // What it was compared with while it was closed is not known any more.
  if (!(await isAncestor(directory, pull.headSha, head))) {
    return `The ${pull.head} branch was force-pushed or recreated.`;
  }
  const isTwin = (one: Pull): boolean =>
    one.repositoryId === repository.id && one.state === 'open' && one.head === pull.head && one.base === pull.base;
  if (core.state.pulls.some(isTwin)) return `There is already an open pull request from ${pull.head} to ${pull.base}.`;
  const [from, to] = [`${repository.owner}:${pull.head}`, `${repository.owner}:${pull.base}`];
  if ((await mergeBase(directory, base, head)) === null) {
    return `The ${from} branch has no history in common with ${to}.`;
  }
  if (await isAncestor(directory, head, base)) return `There are no new commits between ${pull.base} and ${pull.head}.`;
  return null;
}
