import { findMergeBase, holdsCommit, walkCommits } from './commit-graph.ts';
import type { FileChange } from './file-change.ts';
import { rememberByIds } from './remembered.ts';
import { gitLines, runGit, tryGit } from './run-git.ts';
import { differTrees, mergeByFile } from './tree-difference.ts';

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const STATUSES = { A: 'added', D: 'removed', M: 'modified', R: 'renamed', C: 'copied', T: 'changed' } as const;

/** The commits that `to` has and `excluded` have not, newest first. */
export async function listCommits(
  directory: string,
  to: string,
  excluded: readonly string[] = [],
  options: { readonly path?: string; readonly max?: number; readonly skip?: number } = {},
): Promise<string[]> {
  const limit = options.max === undefined ? [] : [`--max-count=${options.max}`];
  const skip = options.skip === undefined ? [] : [`--skip=${options.skip}`];
  const not = excluded.map((sha) => `^${sha}`);
  const under = options.path === undefined ? [] : [options.path];
  if (under.length === 0 && [to, ...excluded].every(isId)) {
    const all = await listAllCommits(directory, to, ...excluded);
    const { skip: first = 0, max = all.length } = options;
    return all.slice(first, first + max);
  }
  return await gitLines(directory, ['rev-list', ...limit, ...skip, to, ...not, '--', ...under]);
}

function isId(name: string): boolean {
  return /^[0-9a-f]{40}$/u.test(name);
}

const listAllCommits = rememberByIds(async (directory, to = '', ...excluded): Promise<readonly string[]> => {
  const walked = await walkCommits(directory, [to], excluded);
  if (walked !== null) return walked.map(({ sha }) => sha);
  return await gitLines(directory, ['rev-list', to, ...excluded.map((sha) => `^${sha}`), '--']);
});

/** The best common ancestor of two commits, or null. */
export const mergeBase = rememberByIds(async (directory, one = '', other = ''): Promise<string | null> => {
  const found = [one, other].every(isId) ? await findMergeBase(directory, one, other) : undefined;
  if (found !== undefined) return found;
  const output = await tryGit(directory, ['merge-base', one, other]);
  return output.code === 0 ? output.stdout.toString().trim() : null;
});

/** Whether every commit of one is also in the other. */
export const isAncestor = rememberByIds(async (directory, ancestor = '', commit = ''): Promise<boolean> => {
  const holds = [ancestor, commit].every(isId) ? await holdsCommit(directory, commit, ancestor) : undefined;
  if (holds !== undefined) return holds;
  return ancestor === commit || (await tryGit(directory, ['merge-base', '--is-ancestor', ancestor, commit])).code === 0;
});

function splitPatches(text: string): (string | null)[] {
  return text
    .split(/^diff --git .*\n/m)
    .slice(1)
    .map((part) => {
      const hunks = part.indexOf('@@');
      return hunks === -1 ? null : part.slice(hunks).replace(/\n$/, '');
    });
}

/** The files that differ between two commits; a null `from` is the empty tree. */
export async function diffFiles(
  directory: string,
  from: string | null,
  to: string,
  withPatch = false,
): Promise<readonly FileChange[]> {
  return await (withPatch ? diffWithPatches : diffWithoutPatches)(directory, from ?? EMPTY_TREE, to);
}

const diffWithPatches = rememberByIds((directory, ...range) => readDiff(directory, range, true));
const diffWithoutPatches = rememberByIds((directory, ...range) => readDiff(directory, range, false));

async function readDiff(directory: string, range: readonly string[], withPatch: boolean): Promise<FileChange[]> {
  const [from = '', to = ''] = range;
  const simple = range.every(isId) ? await differTrees(directory, from, to, withPatch) : undefined;
  return simple ?? (await askForDiff(directory, range, withPatch));
}

async function askForDiff(directory: string, range: readonly string[], withPatch: boolean): Promise<FileChange[]> {
  const raw = (await runGit(directory, ['diff', '--raw', '-z', '-M', '--no-abbrev', ...range])).toString().split('\0');
  const counts = (await runGit(directory, ['diff', '--numstat', '-z', '-M', ...range])).toString().split('\0');
  const patches = withPatch ? splitPatches((await runGit(directory, ['diff', '-M', ...range])).toString()) : [];
  const changes: FileChange[] = [];
  let at = 0;
  let count = 0;
  while (at + 1 < raw.length) {
    const [, , before = '', after = '', letter = 'M'] = (raw[at] ?? '').slice(1).split(' ');
    const status = STATUSES[letter.charAt(0) as keyof typeof STATUSES] ?? 'changed';
    const moved = status === 'renamed' || status === 'copied';
    const [added = '0', removed = '0'] = (counts[count] ?? '').split('\t');
    changes.push({
      status,
      path: raw[at + (moved ? 2 : 1)] ?? '',
      previousPath: moved ? (raw[at + 1] ?? null) : null,
      sha: status === 'removed' ? before : after,
      additions: Number(added) || 0,
      deletions: Number(removed) || 0,
      patch: patches[changes.length] ?? null,
    });
    at += moved ? 3 : 2;
    count += moved ? 3 : 1;
  }
  return changes;
}

/** The tree that merging two commits makes, or the files in conflict. */
export type MergedTree = { readonly tree: string } | { readonly conflicts: readonly string[] };

/** Merges two commits without a work tree. */
export const mergeTrees = rememberByIds(async (directory, ours = '', theirs = ''): Promise<MergedTree> => {
  const base = [ours, theirs].every(isId) ? await findMergeBase(directory, ours, theirs) : undefined;
  const simple = typeof base === 'string' ? await mergeByFile(directory, { base, ours, theirs }) : undefined;
  if (simple !== undefined) return { tree: simple };
  const args = ['merge-tree', '--write-tree', '--name-only', '--no-messages', ours, theirs];
  const output = await tryGit(directory, args);
  const [tree = '', ...files] = output.stdout.toString().trim().split('\n');
  if (output.code === 0) return { tree };
  if (output.code === 1) return { conflicts: files };
  // Nothing in common is nothing that could be merged.
  if (output.stderr.includes('refusing to merge unrelated histories')) return { conflicts: [] };
  throw new Error(`git ${args.join(' ')} ended with ${output.code}: ${output.stderr.trim()}`);
});
