import type { FileChange } from './file-change.ts';
import { differLines } from './line-difference.ts';
import { readLooseObject } from './loose-objects.ts';
import { FOLDER, readLooseTree, sortLines, writeTreeLines, type TreeLine } from './tree-lines.ts';

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const PLAIN_MODES: ReadonlySet<string> = new Set(['100644', '100755', FOLDER]);

/** Git has to be asked: it is in a pack, or a matter of choice. */
class OnlyGitKnows extends Error {}

/** Undefined where only git can tell. */
async function unlessOnlyGitKnows<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OnlyGitKnows) return undefined;
    throw error;
  }
}

type Pair = { readonly path: string; readonly before: TreeLine | undefined; readonly after: TreeLine | undefined };

/** The files that differ between two trees or commits, as git's `diff` tells them; undefined when only git can. */
export async function differTrees(
  directory: string,
  from: string,
  to: string,
  withPatch: boolean,
): Promise<FileChange[] | undefined> {
  return await unlessOnlyGitKnows(async () => {
    const pairs = await differ(directory, from, to, '');
    // What was taken away may be what was added, under another name.
    if (pairs.some(({ before }) => before === undefined) && pairs.some(({ after }) => after === undefined)) {
      throw new OnlyGitKnows();
    }
    return await Promise.all(pairs.map((pair) => describe(directory, pair, withPatch)));
  });
}

/** The tree that two commits make together from what they had in common, where no file was changed by both; undefined otherwise. */
export async function mergeByFile(
  directory: string,
  { base, ours, theirs }: { readonly base: string; readonly ours: string; readonly theirs: string },
): Promise<string | undefined> {
  return await unlessOnlyGitKnows(async () => (await merge(directory, base, ours, theirs)) ?? EMPTY_TREE);
}

async function linesOf(directory: string, sha: string | undefined): Promise<readonly TreeLine[]> {
  if (sha === undefined || sha === EMPTY_TREE) return [];
  const lines = await readLooseTree(directory, sha);
  if (lines === null || lines.some(({ mode }) => !PLAIN_MODES.has(mode))) throw new OnlyGitKnows();
  return lines;
}

async function differ(
  directory: string,
  from: string | undefined,
  to: string | undefined,
  prefix: string,
): Promise<Pair[]> {
  const [before, after] = [await linesOf(directory, from), await linesOf(directory, to)];
  const old = new Map(before.map((line) => [keyOf(line), line]));
  const now = new Map(after.map((line) => [keyOf(line), line]));
  const pairs: Pair[] = [];
  for (const line of sortLines([...before.filter((one) => !now.has(keyOf(one))), ...after])) {
    const [one, other] = [old.get(keyOf(line)), now.get(keyOf(line))];
    if (one?.sha === other?.sha && one?.mode === other?.mode) continue;
    const path = `${prefix}${line.name}`;
    if (line.mode === FOLDER) pairs.push(...(await differ(directory, one?.sha, other?.sha, `${path}/`)));
    else pairs.push({ path, before: one, after: other });
  }
  return pairs;
}

function keyOf({ mode, name }: TreeLine): string {
  return mode === FOLDER ? `${name}/` : name;
}

async function describe(directory: string, { path, before, after }: Pair, withPatch: boolean): Promise<FileChange> {
  const difference = differLines(await bytesOf(directory, before), await bytesOf(directory, after));
  if (difference === undefined) throw new OnlyGitKnows();
  const { additions, deletions, patch } = difference;
  return {
    status: before === undefined ? 'added' : after === undefined ? 'removed' : 'modified',
    path,
    previousPath: null,
    sha: (after ?? before)?.sha ?? '',
    additions,
    deletions,
    patch: withPatch ? patch : null,
  };
}

async function bytesOf(directory: string, line: TreeLine | undefined): Promise<Buffer> {
  if (line === undefined) return Buffer.alloc(0);
  const object = await readLooseObject(directory, line.sha);
  if (object === null) throw new OnlyGitKnows();
  return object.content;
}

async function merge(
  directory: string,
  base: string | undefined,
  ours: string | undefined,
  theirs: string | undefined,
): Promise<string | undefined> {
  const [before, one, other] = await Promise.all([base, ours, theirs].map((sha) => linesOf(directory, sha)));
  const byName = (lines: readonly TreeLine[] = []) => new Map(lines.map((line) => [line.name, line]));
  const [was, mine, yours] = [byName(before), byName(one), byName(other)];
  const merged: TreeLine[] = [];
  for (const name of new Set([...was.keys(), ...mine.keys(), ...yours.keys()])) {
    const [old, left, right] = [was.get(name), mine.get(name), yours.get(name)];
    const same = (a: TreeLine | undefined, b: TreeLine | undefined): boolean =>
      a?.sha === b?.sha && a?.mode === b?.mode;
    // What is gone on one side may have gone to another name, where the changes of the other side follow it.
    if (old !== undefined && (left === undefined || right === undefined)) throw new OnlyGitKnows();
    const chosen = same(left, right) || same(old, right) ? left : same(old, left) ? right : 'both';
    if (chosen !== 'both') {
      if (chosen !== undefined) merged.push(chosen);
      continue;
    }
    if ([old, left, right].some((line) => line !== undefined && line.mode !== FOLDER)) throw new OnlyGitKnows();
    const sha = await merge(directory, old?.sha, left?.sha, right?.sha);
    if (sha !== undefined) merged.push({ mode: FOLDER, name, sha });
  }
  return merged.length === 0 ? undefined : await writeTreeLines(directory, merged);
}
