import { changeRefs } from './change-refs.ts';
import { closePull, tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { gitDirectory, timestamp } from './core.ts';
import { isAncestor, listCommits, mergeTrees } from './git-history.ts';
import type { Person } from './git-objects.ts';
import { readCommits, writeCommit } from './git-objects.ts';
import { readRef, updateRefs } from './git-refs.ts';
import { judgeMerge, missingFor } from './judge-merge.ts';
import { Problem } from './problem.ts';
import { describeViolations, requirementsOf, updateRefsByRules } from './rules.ts';
import type { Account, Pull, Repository } from './state.ts';
import { webFlow } from './web-flow.ts';

/** How a pull request is merged and under which words. */
export type MergeRequest = {
  readonly method: 'merge' | 'squash';
  readonly sha?: string | undefined;
  readonly title?: string | undefined;
  readonly message?: string | undefined;
  /** Whether rules bind who merges; an administrator may pass them by. */
  readonly isBound: boolean;
};

/** An account as the author of a commit made now. */
export function personOf(core: Core, account: Account): Person {
  return { name: account.name, email: account.email, date: timestamp(core) };
}

async function messageOf(
  directory: string,
  repository: Repository,
  pull: Pull,
  base: string,
  wanted: MergeRequest,
): Promise<string> {
  const squash = wanted.method === 'squash';
  const title =
    wanted.title ??
    (squash
      ? `${pull.title} (#${pull.number})`
      : `Merge pull request #${pull.number} from ${repository.owner}/${pull.head}`);
  const commits = squash
    ? await readCommits(directory, (await listCommits(directory, pull.headSha, [base])).toReversed())
    : [];
  const listed = commits.length > 1 ? commits.map((commit) => `* ${commit.message.trim()}`).join('\n\n') : '';
  const single = commits[0]?.message.trim().split('\n').slice(1).join('\n').trim() ?? '';
  const message = wanted.message ?? (squash ? listed || single : pull.title);
  return message === '' ? title : `${title}\n\n${message}`;
}

/** Merges a commit into a branch, as `POST /merges` does; null when the branch has it already. */
export async function mergeBranch(
  core: Core,
  repository: Repository,
  actor: Account,
  wanted: { readonly base: string; readonly head: string; readonly message: string; readonly isBound: boolean },
): Promise<string | null> {
  const directory = gitDirectory(core, repository);
  return await changeRefs(core, repository, actor, async () => {
    const ref = `refs/heads/${wanted.base}`;
    const base = (await readRef(directory, ref))?.sha;
    if (base === undefined) throw new Problem(404, 'Base does not exist');
    if (await isAncestor(directory, wanted.head, base)) return null;
    const result = await mergeTrees(directory, base, wanted.head);
    if ('conflicts' in result) throw new Problem(409, 'Merge conflict');
    const sha = await writeCommit(directory, {
      tree: result.tree,
      parents: [base, wanted.head],
      author: personOf(core, actor),
      committer: webFlow(core),
      message: wanted.message,
    });
    core.state.verifiedCommits[sha] = timestamp(core);
    const update = [{ name: ref, after: sha, before: base }];
    const refused = await (wanted.isBound
      ? updateRefsByRules(core, repository, update)
      : updateRefs(directory, update));
    if (refused !== null) throw new Problem(409, 'Base branch was modified. Review and try the merge again.');
    return sha;
  });
}

/** Merges a pull request with git itself: from the heads as they are now, so that no earlier merge is undone. */
export async function mergePull(
  core: Core,
  repository: Repository,
  actor: Account,
  pull: Pull,
  wanted: MergeRequest,
): Promise<string> {
  const directory = gitDirectory(core, repository);
  const merged = await changeRefs(core, repository, actor, async () => {
    const base = (await readRef(directory, `refs/heads/${pull.base}`))?.sha;
    if (pull.state === 'closed' || pull.draft || base === undefined) {
      throw new Problem(405, pull.draft ? 'Pull Request is still a draft' : 'Pull Request is not mergeable');
    }
    if (wanted.sha !== undefined && wanted.sha !== pull.headSha) {
      throw new Problem(409, 'Head branch was modified. Review and try the merge again.');
    }
    const missing = wanted.isBound ? missingFor(core, repository, pull) : [];
    if (missing.length > 0) throw new Problem(405, describeViolations(missing));
    if (wanted.isBound && requirementsOf(repository, pull.base).queue) {
      throw new Problem(405, describeViolations(['Changes must be made through the merge queue']));
    }
    if (wanted.isBound && (await judgeMerge(core, repository, pull)) === 'behind') {
      throw new Problem(405, 'Head branch is out of date with the base branch');
    }
    const result = await mergeTrees(directory, base, pull.headSha);
    if ('conflicts' in result) throw new Problem(405, 'Pull Request has merge conflicts');
    const sha = await writeCommit(directory, {
      tree: result.tree,
      parents: wanted.method === 'squash' ? [base] : [base, pull.headSha],
      author: personOf(core, actor),
      committer: webFlow(core),
      message: await messageOf(directory, repository, pull, base, wanted),
    });
    core.state.verifiedCommits[sha] = timestamp(core);
    const refused = await updateRefs(directory, [{ name: `refs/heads/${pull.base}`, after: sha, before: base }]);
    if (refused !== null) throw new Problem(409, 'Base branch was modified. Review and try the merge again.');
    closePull(core, pull, actor, base, sha);
    return sha;
  });
  await tellPull(core, repository, actor, pull, 'closed');
  await deleteMergedBranch(core, repository, actor, pull);
  return merged;
}

/** Deletes the branch of a merged pull request where the repository is set to. */
export async function deleteMergedBranch(
  core: Core,
  repository: Repository,
  actor: Account,
  pull: Pull,
): Promise<void> {
  if (!repository.deleteBranchOnMerge) return;
  const name = `refs/heads/${pull.head}`;
  await changeRefs(core, repository, actor, () =>
    updateRefs(gitDirectory(core, repository), [{ name, after: null, before: pull.headSha }]),
  );
}
