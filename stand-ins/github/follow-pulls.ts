import { closePull, tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { gitDirectory, timestamp } from './core.ts';
import { isAncestor } from './git-history.ts';
import { readRef, updateRefs } from './git-refs.ts';
import type { Account, Pull, Repository } from './state.ts';
import type { RefChange } from './webhook-payloads.ts';

/** Has the open pull requests of a repository follow what happened to its branches. */
export async function followPulls(
  core: Core,
  repository: Repository,
  sender: Account,
  changes: readonly RefChange[],
): Promise<void> {
  const open = core.state.pulls.filter((one) => one.repositoryId === repository.id && one.state === 'open');
  for (const pull of open) await followPull(core, repository, sender, pull, changes);
}

async function followPull(
  core: Core,
  repository: Repository,
  sender: Account,
  pull: Pull,
  changes: readonly RefChange[],
): Promise<void> {
  const directory = gitDirectory(core, repository);
  const head = changes.find((change) => change.name === `refs/heads/${pull.head}`);
  const base = changes.find((change) => change.name === `refs/heads/${pull.base}`);
  if (head === undefined && base === undefined) return;
  const before = base?.before ?? pull.baseSha;
  const close = async (mergeCommit: string | null): Promise<void> => {
    closePull(core, pull, sender, before, mergeCommit);
    await tellPull(core, repository, sender, pull, 'closed');
  };
  // However the base got the commits, a push, a rebase or another merge: that is a merge.
  const proposed = head?.after ?? pull.headSha;
  if (base?.after && (await isAncestor(directory, proposed, base.after))) return await close(base.after);
  if (head?.after === null) return await close(null);
  if (base?.after === null && !(await retarget(core, repository, sender, pull, base.before))) return await close(null);
  if (head === undefined) return;
  pull.headSha = head.after;
  pull.updatedAt = timestamp(core);
  await updateRefs(directory, [{ name: `refs/pull/${pull.number}/head`, after: head.after }]);
  await tellPull(core, repository, sender, pull, 'synchronize', { before: head.before, after: head.after });
  const target = (await readRef(directory, `refs/heads/${pull.base}`))?.sha;
  // Without a commit of its own there is nothing to propose any more; nobody merged it either.
  if (target !== undefined && (await isAncestor(directory, head.after, target))) await close(null);
}

/** The base is gone: where that was the branch of a merged pull request, what was to go into it goes where it went. */
async function retarget(
  core: Core,
  repository: Repository,
  sender: Account,
  pull: Pull,
  baseSha: string | null,
): Promise<boolean> {
  const merged = core.state.pulls.findLast(
    (one) => one.repositoryId === repository.id && one.mergedAt !== null && one.head === pull.base,
  );
  if (merged === undefined) return false;
  const from = pull.base;
  pull.base = merged.base;
  pull.updatedAt = timestamp(core);
  const changes = { base: { ref: { from }, sha: { from: baseSha } } };
  await tellPull(core, repository, sender, pull, 'edited', { changes });
  return true;
}
