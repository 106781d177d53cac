import { access, mkdir, readdir, readFile, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { readLooseObject } from './loose-objects.ts';
import { gitLines, tryGit } from './run-git.ts';

/** A ref and the object it points at. */
export type Ref = { readonly name: string; readonly sha: string; readonly type: string };

/** A wanted change of one ref: null is "does not exist"; an undefined `before` accepts anything. */
export type RefUpdate = { readonly name: string; readonly after: string | null; readonly before?: string | null };

const SETTINGS = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[http]
	receivepack = true
[receive]
	hideRefs = refs/pull
	autogc = false
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[gc]
	auto = 0
`;
const FOLDERS: ReadonlySet<string> = new Set(['refs', 'refs/heads', 'refs/tags', 'refs/pull']);
const ZERO = '0'.repeat(40);

/** Makes an empty bare repository that smart HTTP may serve. */
export async function initRepository(directory: string, defaultBranch: string): Promise<void> {
  for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags']) {
    await mkdir(path.join(directory, folder), { recursive: true });
  }
  await writeFile(path.join(directory, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`);
  await writeFile(path.join(directory, 'config'), SETTINGS);
}

/** What a file of git's says that holds one ref; null when it is no such file. */
async function readRefFile(file: string): Promise<string | null> {
  try {
    const text = await readFile(file, 'utf8');
    return /^[0-9a-f]{40}\n$/.test(text) ? text.trim() : null;
  } catch {
    return null;
  }
}

/** Refs are packed by nobody here; a repository that came with packed ones is read by git alone. */
async function hasPackedRefs(directory: string): Promise<boolean> {
  return await isThere(path.join(directory, 'packed-refs'));
}

/** The refs, as far as git keeps each in a file of commits; null when there is anything else that only git reads. */
async function listRefFiles(directory: string, prefixes: readonly string[]): Promise<Ref[] | null> {
  if (await hasPackedRefs(directory)) return null;
  const list = async (folder: string) => {
    const entries = await readdir(path.join(directory, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  };
  if ((await list('refs/tags')).length > 0) return null;
  const files = (await Promise.all(prefixes.map(list))).flat().filter((file) => !file.endsWith('.lock'));
  const refs: Ref[] = [];
  for (const file of files) {
    const sha = await readRefFile(file);
    if (sha !== null) refs.push({ name: path.relative(directory, file), sha, type: 'commit' });
  }
  return refs.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The refs under the prefixes, sorted by name. */
export async function listRefs(
  directory: string,
  prefixes: readonly string[] = ['refs/heads', 'refs/tags'],
): Promise<Ref[]> {
  const files = prefixes.every((prefix) => FOLDERS.has(prefix)) ? await listRefFiles(directory, prefixes) : null;
  if (files !== null) return files;
  const lines = await gitLines(directory, [
    'for-each-ref',
    '--format=%(objectname) %(objecttype) %(refname)',
    ...prefixes,
  ]);
  return lines.map((line) => {
    const [sha = '', type = '', ...name] = line.split(' ');
    return { name: name.join(' '), sha, type };
  });
}

/** The ref with exactly this full name, or null. */
export async function readRef(directory: string, name: string): Promise<Ref | null> {
  if (!isRefName(name)) return null;
  const isBranch = /^refs\/(heads|pull)\//.test(name);
  const sha = isBranch ? await readRefFile(path.join(directory, name)) : null;
  if (sha !== null) return { name, sha, type: 'commit' };
  if (isBranch && !(await hasPackedRefs(directory))) return null;
  return (await listRefs(directory, [name])).find((ref) => ref.name === name) ?? null;
}

/** Whether git accepts this as the full name of a branch, tag or other ref. */
export function isRefName(name: string): boolean {
  const forbidden = Array.from(name).some((letter) => letter <= ' ' || '\u007f~^:?*[\\'.includes(letter));
  const parts = name.split('/');
  return (
    name.startsWith('refs/') &&
    !forbidden &&
    !name.includes('..') &&
    !name.includes('@{') &&
    !name.endsWith('.') &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  );
}

/** Changes refs all together or not at all; answers git's reason when it refuses. */
export async function updateRefs(directory: string, updates: readonly RefUpdate[]): Promise<string | null> {
  if (await writeRefFiles(directory, updates)) return null;
  const lines = updates.map(({ name, after, before }) => {
    const old = before === undefined ? '' : (before ?? ZERO);
    return after === null ? `delete ${name}\0${old}\0` : `update ${name}\0${after}\0${old}\0`;
  });
  const input = ['start\0', ...lines, 'prepare\0', 'commit\0'].join('');
  const output = await tryGit(directory, ['update-ref', '-z', '--stdin'], { input });
  return output.code === 0 ? null : output.stderr.trim() || 'refused';
}

/**
 * Does as git does, with a lock beside each ref: false, with nothing changed, where anything is not as usual. Git does it
 * then, or says what is wrong.
 */
async function writeRefFiles(directory: string, updates: readonly RefUpdate[]): Promise<boolean> {
  if ((await hasPackedRefs(directory)) || new Set(updates.map(({ name }) => name)).size < updates.length) return false;
  const locked: string[] = [];
  try {
    for (const { name, after, before } of updates) {
      const file = path.join(directory, name);
      if (!/^refs\/(heads|pull)\/./u.test(name) || !isRefName(name)) return false;
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(`${file}.lock`, after === null ? '' : `${after}\n`, { flag: 'wx' });
      locked.push(file);
      const now = await readRefFile(file);
      const isExpected = before === undefined ? after !== null || now !== null : before === now;
      const isFree = now !== null || (after !== null && !(await isThere(file)));
      if (!isExpected || !isFree) return false;
      if (after !== null && (await readLooseObject(directory, after))?.type !== 'commit') return false;
    }
    for (const { name, after } of updates) {
      const file = path.join(directory, name);
      if (after === null) await unlink(file);
      else await rename(`${file}.lock`, file);
    }
    return true;
  } catch (error) {
    // A folder where a file should be, or a lock of git's own.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  } finally {
    for (const file of locked) await rm(`${file}.lock`, { force: true });
    for (const { name, after } of updates) if (after === null) await removeEmptyFolders(directory, path.dirname(name));
  }
}

/** Branches of a name that a folder has would find no room. */
async function removeEmptyFolders(directory: string, folder: string): Promise<void> {
  if (folder.split('/').length <= 2) return;
  const isRemoved = await rmdir(path.join(directory, folder)).then(
    () => true,
    () => false,
  );
  if (isRemoved) await removeEmptyFolders(directory, path.dirname(folder));
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
