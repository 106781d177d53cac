import type { Core } from './core.ts';
import { gitDirectory, timestamp } from './core.ts';
import { followPulls } from './follow-pulls.ts';
import type { Ref } from './git-refs.ts';
import { listRefs } from './git-refs.ts';
import type { Account, Repository } from './state.ts';
import type { RefChange } from './webhook-payloads.ts';
import { describePush } from './webhook-payloads.ts';
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
        for (const { name, before: was } of changes) if (was === null) core.lag.written(repository.id, name);
        const known = before.filter((ref) => ref.name.startsWith('refs/heads/')).map((ref) => ref.sha);
        await tellPushes(core, repository, sender, changes, known);
        await followPulls(core, repository, sender, changes);
        await core.save();
      }
    }
  });
}
