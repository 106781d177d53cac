import { changeRefs } from './change-refs.ts';
import { closePull, tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { findAccount, gitDirectory, timestamp } from './core.ts';
import { ensureAccount } from './create-app.ts';
import { mergeTrees } from './git-history.ts';
import { writeCommit } from './git-objects.ts';
import { listRefs, readRef, updateRefs } from './git-refs.ts';
import { judgeMerge } from './judge-merge.ts';
import { deleteMergedBranch, personOf } from './merge-pull.ts';
import { requirementsOf } from './rules.ts';
import type { Account, Pull, Repository } from './state.ts';
import { webFlow } from './web-flow.ts';

const BOT = 'github-merge-queue[bot]';

function groupPrefix(base: string): string {
  return `refs/heads/gh-readonly-queue/${base}/`;
}

function queueBot(core: Core): Account {
  return findAccount(core, BOT) ?? ensureAccount(core, BOT, 'Bot');
}

/** Puts a pull request into the queue of its base: from now on its branch may not be moved. */
export async function enqueuePull(core: Core, repository: Repository, by: Account, pull: Pull): Promise<void> {
  if (!requirementsOf(repository, pull.base).queue) throw new Error(`${pull.base} has no merge queue`);
  const state = await judgeMerge(core, repository, pull);
  if (state !== 'clean' && state !== 'unstable' && state !== 'behind') {
    throw new Error(`#${pull.number} cannot be queued: it is ${state}`);
  }
  pull.queuedAt = timestamp(core);
  pull.updatedAt = pull.queuedAt;
  await buildGroup(core, repository, pull);
  await tellPull(core, repository, by, pull, 'enqueued');
}

/** Takes a pull request out of its queue, as a person does or a failed check. */
export async function dequeuePull(core: Core, repository: Repository, by: Account, pull: Pull): Promise<void> {
  pull.queuedAt = null;
  pull.updatedAt = timestamp(core);
  await dropGroups(core, repository, pull.base);
  await tellPull(core, repository, by, pull, 'dequeued', { reason: 'MANUAL' });
}

/** Merges what waits in a queue, in the order in which it came; what conflicts falls out. */
export async function mergeQueued(core: Core, repository: Repository, base: string): Promise<readonly number[]> {
  const waiting = core.state.pulls
    .filter((one) => one.repositoryId === repository.id && one.base === base && one.queuedAt !== null)
    .sort((one, other) => (one.queuedAt ?? '').localeCompare(other.queuedAt ?? '') || one.number - other.number);
  const merged: number[] = [];
  for (const pull of waiting) {
    const group = await buildGroup(core, repository, pull);
    if (group === null) {
      await dequeuePull(core, repository, queueBot(core), pull);
    } else {
      await mergeGroup(core, repository, pull, group);
      merged.push(pull.number);
    }
  }
  await dropGroups(core, repository, base);
  return merged;
}

/** The base moves to the commit that the group's checks ran on. */
async function mergeGroup(core: Core, repository: Repository, pull: Pull, group: string): Promise<void> {
  const directory = gitDirectory(core, repository);
  const bot = queueBot(core);
  await changeRefs(core, repository, bot, async () => {
    const ref = `refs/heads/${pull.base}`;
    const before = (await readRef(directory, ref))?.sha ?? null;
    await updateRefs(directory, [{ name: ref, after: group, before }]);
    closePull(core, pull, bot, before ?? pull.baseSha, group);
  });
  await tellPull(core, repository, bot, pull, 'closed');
  await deleteMergedBranch(core, repository, bot, pull);
}

/** The branch on which the checks of a group run: the base as it is, with what waits merged into it. */
async function buildGroup(core: Core, repository: Repository, pull: Pull): Promise<string | null> {
  const directory = gitDirectory(core, repository);
  const base = (await readRef(directory, `refs/heads/${pull.base}`))?.sha;
  const result = base === undefined ? null : await mergeTrees(directory, base, pull.headSha);
  if (base === undefined || result === null || 'conflicts' in result) return null;
  const sha = await writeCommit(directory, {
    tree: result.tree,
    parents: [base, pull.headSha],
    author: personOf(core, queueBot(core)),
    committer: webFlow(core),
    message: `Merge pull request #${pull.number} from ${repository.owner}/${pull.head}\n\n${pull.title}`,
  });
  core.state.verifiedCommits[sha] = timestamp(core);
  await dropGroups(core, repository, pull.base);
  const name = `${groupPrefix(pull.base)}pr-${pull.number}-${base}`;
  await changeRefs(core, repository, queueBot(core), () => updateRefs(directory, [{ name, after: sha }]));
  return sha;
}

async function dropGroups(core: Core, repository: Repository, base: string): Promise<void> {
  const directory = gitDirectory(core, repository);
  await changeRefs(core, repository, queueBot(core), async () => {
    const groups = (await listRefs(directory)).filter(({ name }) => name.startsWith(groupPrefix(base)));
    if (groups.length > 0) {
      await updateRefs(
        directory,
        groups.map(({ name }) => ({ name, after: null })),
      );
    }
  });
}
