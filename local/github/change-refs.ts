import type { Core } from './core.ts';
import { gitDirectory, timestamp } from './core.ts';
import { isAncestor } from './git-history.ts';
import type { Ref } from './git-refs.ts';
import { listRefs, updateRefs } from './git-refs.ts';
import { showPull } from './show-pull.ts';
import type { Account, Pull, Repository } from './state.ts';
import type { RefChange } from './webhook-payloads.ts';
import { describePush, showContext } from './webhook-payloads.ts';
import { announce, isListened } from './webhooks.ts';

const MAX_TAGS_TOLD = 3;
const MAX_BRANCHES_TOLD = 5000;

/** Does something alone in a repository: whoever else wants to change it waits. */
export async function lockRepository<T>(core: Core, repository: Repository, work: () => Promise<T>): Promise<T> {
  const earlier = core.locks.get(repository.id) ?? Promise.resolve();
  const mine = earlier.catch(() => undefined).then(work);
  core.locks.set(
    repository.id,
    mine.catch(() => undefined),
  );
  return await mine;
}

function compare(before: readonly Ref[], after: readonly Ref[]): RefChange[] {
  const old = new Map(before.map((ref) => [ref.name, ref.sha]));
  const now = new Map(after.map((ref) => [ref.name, ref.sha]));
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((name) => ({ name, before: old.get(name) ?? null, after: now.get(name) ?? null }))
    .filter((change) => change.before !== change.after);
}

async function tellPushes(
  core: Core,
  repository: Repository,
  sender: Account,
  changes: readonly RefChange[],
  known: readonly string[],
): Promise<void> {
  const tags = changes.filter((change) => change.name.startsWith('refs/tags/'));
  const branches = changes.filter((change) => !change.name.startsWith('refs/tags/'));
  const told = [...(branches.length > MAX_BRANCHES_TOLD ? [] : branches), ...(tags.length > MAX_TAGS_TOLD ? [] : tags)];
  if (!isListened(core, repository, 'push')) return;
  const directory = gitDirectory(core, repository);
  for (const change of told) {
    announce(core, repository, 'push', await describePush(core, repository, directory, sender, change, known));
  }
}

/** Tells a change of a pull request to whoever listens. */
export async function tellPull(
  core: Core,
  repository: Repository,
  sender: Account,
  pull: Pull,
  action: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  if (!isListened(core, repository, 'pull_request')) return;
  announce(core, repository, 'pull_request', {
    action,
    number: pull.number,
    ...more,
    pull_request: await showPull(core, repository, pull),
    ...showContext(core, repository, sender),
  });
}

/** Closes a pull request in the records; merged when a commit says by what. */
export function closePull(core: Core, pull: Pull, by: Account, baseSha: string, mergeCommit: string | null): void {
  const now = timestamp(core);
  pull.state = 'closed';
  pull.baseSha = baseSha;
  pull.closedAt = now;
  pull.updatedAt = now;
  if (mergeCommit === null) return;
  pull.mergedAt = now;
  pull.mergedBy = by.login;
  pull.mergeCommitSha = mergeCommit;
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
  if (base?.after && head?.after !== null) {
    const headSha = head?.after ?? pull.headSha;
    if (await isAncestor(directory, headSha, base.after)) {
      closePull(core, pull, sender, base.before ?? pull.baseSha, base.after);
      return await tellPull(core, repository, sender, pull, 'closed');
    }
  }
  if (base?.after === null || head?.after === null) {
    closePull(core, pull, sender, base?.before ?? pull.baseSha, null);
    return await tellPull(core, repository, sender, pull, 'closed');
  }
  if (head === undefined) return;
  pull.headSha = head.after;
  pull.updatedAt = timestamp(core);
  await updateRefs(directory, [{ name: `refs/pull/${pull.number}/head`, after: head.after }]);
  await tellPull(core, repository, sender, pull, 'synchronize', { before: head.before, after: head.after });
}

/**
 * Changes refs of a repository alone, and tells what changed: whoever changes them and however, a push is what the refs
 * differ by afterwards.
 */
export async function changeRefs<T>(
  core: Core,
  repository: Repository,
  sender: Account,
  change: () => Promise<T>,
): Promise<T> {
  return await lockRepository(core, repository, async () => {
    const directory = gitDirectory(core, repository);
    const before = await listRefs(directory);
    try {
      return await change();
    } finally {
      const changes = compare(before, await listRefs(directory));
      if (changes.length > 0) {
        repository.pushedAt = timestamp(core);
        const known = before.filter((ref) => ref.name.startsWith('refs/heads/')).map((ref) => ref.sha);
        await tellPushes(core, repository, sender, changes, known);
        const open = core.state.pulls.filter((one) => one.repositoryId === repository.id && one.state === 'open');
        for (const pull of open) await followPull(core, repository, sender, pull, changes);
        await core.save();
      }
    }
  });
}
