import { readObject, resolveRevision } from './git-objects.ts';
import { readLooseObject, writeLooseObject } from './loose-objects.ts';
import { rememberByIds } from './remembered.ts';
import { runGit } from './run-git.ts';
import { FOLDER, parseTree, readLooseTree, writeTreeLines, type TreeLine } from './tree-lines.ts';

/** One entry of a tree as listed. */
export type TreeEntry = {
  readonly mode: string;
  readonly type: string;
  readonly sha: string;
  readonly size: number | null;
  readonly path: string;
};

/** What a tree gets at a path: an object, or nothing (a null sha takes the path away). */
export type TreeChange = { readonly path: string; readonly mode: string; readonly sha: string | null };

/** Lists a tree; recursive answers the folders too, as GitHub does. */
export async function listTree(directory: string, tree: string, recursive = false): Promise<readonly TreeEntry[]> {
  return await (recursive ? listWholeTree : listOneTree)(directory, tree);
}

const listWholeTree = rememberByIds((directory, tree = '') => readListing(directory, tree, true));
const listOneTree = rememberByIds((directory, tree = '') => readListing(directory, tree, false));

async function readListing(directory: string, tree: string, recursive: boolean): Promise<readonly TreeEntry[]> {
  const simple = /^[0-9a-f]{40}$/u.test(tree) ? await listLooseTree(directory, tree, recursive, '') : null;
  return simple ?? (await askForListing(directory, tree, recursive));
}

/** Null when git has some of it in packs. */
async function listLooseTree(
  directory: string,
  tree: string,
  recursive: boolean,
  prefix: string,
): Promise<readonly TreeEntry[] | null> {
  const lines = await readLooseTree(directory, tree);
  if (lines === null) return null;
  const entries: TreeEntry[] = [];
  for (const { mode, name, sha } of lines) {
    const path = `${prefix}${name}`;
    const object = await readLooseObject(directory, sha);
    if (object === null) return null;
    const size = mode === FOLDER ? null : object.content.length;
    entries.push({ mode: mode.padStart(6, '0'), type: object.type, sha, size, path });
    if (!recursive || mode !== FOLDER) continue;
    const inside = await listLooseTree(directory, sha, recursive, `${path}/`);
    if (inside === null) return null;
    entries.push(...inside);
  }
  return entries;
}

async function askForListing(directory: string, tree: string, recursive: boolean): Promise<TreeEntry[]> {
  const flags = recursive ? ['-r', '-t'] : [];
  const output = await runGit(directory, ['ls-tree', '-z', '-l', ...flags, '--end-of-options', tree]);
  return output
    .toString()
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', type = '', sha = '', size = '-'] = line.slice(0, tab).split(/ +/);
      return { mode, type, sha, size: size === '-' ? null : Number(size), path: line.slice(tab + 1) };
    });
}

/** Writes the tree that results from changes to a base tree (or to nothing) and answers its name. */
export async function writeTree(
  directory: string,
  base: string | null,
  changes: readonly TreeChange[],
): Promise<string> {
  const tree = base === null ? null : await resolveTree(directory, base);
  return (await writeChanged(directory, tree, changes)) ?? (await writeLooseObject(directory, 'tree', Buffer.alloc(0)));
}

/** The bytes of a file in a tree, or null. */
export async function readTreeFile(directory: string, tree: string, file: string): Promise<Buffer | null> {
  const [name = '', ...rest] = file.split('/');
  const line = (await readLines(directory, tree)).find((one) => one.name === name);
  if (line === undefined) return null;
  if (rest.length > 0) return line.mode === FOLDER ? await readTreeFile(directory, line.sha, rest.join('/')) : null;
  return line.mode === FOLDER ? null : ((await readObject(directory, line.sha))?.content ?? null);
}

async function resolveTree(directory: string, name: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(name) && (await readObject(directory, name))?.type === 'tree') return name;
  const tree = await resolveRevision(directory, name.endsWith('^{tree}') ? name : `${name}^{tree}`);
  if (tree === null) throw new Error(`${name} has no tree in ${directory}`);
  return tree;
}

/** A folder with its changes; null when nothing is left in it, since git keeps no empty folders. */
async function writeChanged(
  directory: string,
  tree: string | null,
  changes: readonly TreeChange[],
): Promise<string | null> {
  const lines = new Map((await readLines(directory, tree)).map((line) => [line.name, line]));
  const inside = new Map<string, TreeChange[]>();
  for (const change of changes) {
    const slash = change.path.indexOf('/');
    if (slash === -1) {
      if (change.sha === null) lines.delete(change.path);
      else lines.set(change.path, { mode: change.mode.replace(/^0/, ''), name: change.path, sha: change.sha });
      continue;
    }
    const name = change.path.slice(0, slash);
    const below = { ...change, path: change.path.slice(slash + 1) };
    inside.set(name, [...(inside.get(name) ?? []), below]);
  }
  for (const [name, below] of inside) {
    const line = lines.get(name);
    const written = await writeChanged(directory, line?.mode === FOLDER ? line.sha : null, below);
    if (written !== null) lines.set(name, { mode: FOLDER, name, sha: written });
    else if (line?.mode === FOLDER) lines.delete(name);
  }
  if (lines.size === 0) return null;
  return await writeTreeLines(directory, [...lines.values()]);
}

async function readLines(directory: string, tree: string | null): Promise<TreeLine[]> {
  return tree === null ? [] : parseTree((await readObject(directory, tree))?.content ?? Buffer.alloc(0));
}
