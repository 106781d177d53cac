import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { runGit } from './run-git.ts';

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
export async function listTree(directory: string, tree: string, recursive = false): Promise<TreeEntry[]> {
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
  const index = path.join(directory, `index-${randomUUID()}`);
  const env = { GIT_INDEX_FILE: index };
  const git = (args: readonly string[], input = ''): Promise<Buffer> => runGit(directory, args, { env, input });
  try {
    await git(base === null ? ['read-tree', '--empty'] : ['read-tree', base]);
    const replaces = changes.some((change) => change.sha === null || change.mode === '040000');
    const listed = replaces ? (await git(['ls-files', '-z'])).toString().split('\0') : [];
    const isUnder = (file: string, change: TreeChange): boolean => file.startsWith(`${change.path}/`);
    const lines: string[] = [];
    const folders: TreeChange[] = [];
    for (const change of changes) {
      const replacesFolder = change.sha === null || change.mode === '040000';
      for (const file of replacesFolder ? listed : []) {
        if (isUnder(file, change)) lines.push(`0 ${'0'.repeat(40)}\t${file}`);
      }
      if (change.sha === null) lines.push(`0 ${'0'.repeat(40)}\t${change.path}`);
      else if (change.mode === '040000') folders.push(change);
      else lines.push(`${change.mode} ${change.sha}\t${change.path}`);
    }
    await git(['update-index', '-z', '--replace', '--index-info'], lines.map((line) => `${line}\0`).join(''));
    for (const folder of folders) await git(['read-tree', `--prefix=${folder.path}/`, folder.sha ?? '']);
    return (await git(['write-tree'])).toString().trim();
  } finally {
    await rm(index, { force: true });
  }
}
