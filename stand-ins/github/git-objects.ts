import { readLooseObject, writeLooseObject } from './loose-objects.ts';
import { runGit, tryGit } from './run-git.ts';

/** Who made a commit and when. */
export type Person = { readonly name: string; readonly email: string; readonly date: string };

/** A commit as git stores it. */
export type Commit = {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Person;
  readonly committer: Person;
  readonly message: string;
};

/** One object of a repository with its bytes. */
export type GitObject = { readonly sha: string; readonly type: string; readonly content: Buffer };

/** The name of the object that a revision expression points at, or null. */
export async function resolveRevision(directory: string, revision: string): Promise<string | null> {
  const id = /^([0-9a-f]{40})\^\{object\}$/.exec(revision)?.[1];
  if (id !== undefined && (await readLooseObject(directory, id)) !== null) return id;
  const [, of = '', kind] = /^([0-9a-f]{40})\^\{(tree|commit)\}$/.exec(revision) ?? [];
  const object = kind === undefined ? null : await readLooseObject(directory, of);
  if (object !== null && object.type === kind) return of;
  if (object?.type === 'commit') return commitFrom({ sha: of, ...object }).tree;
  const output = await tryGit(directory, ['rev-parse', '--verify', '--quiet', '--end-of-options', revision]);
  const sha = output.stdout.toString().trim();
  return output.code === 0 && /^[0-9a-f]{40}$/.test(sha) ? sha : null;
}

/** Reads objects; what does not exist is left out. Git is asked only for what is named otherwise than by its id, or packed. */
export async function readObjects(directory: string, names: readonly string[]): Promise<GitObject[]> {
  const loose = await Promise.all(
    names.map(async (name) => {
      const object = /^[0-9a-f]{40}$/.test(name) ? await readLooseObject(directory, name) : null;
      return object === null ? null : { sha: name, ...object };
    }),
  );
  const found = loose.filter((object) => object !== null);
  return found.length === names.length ? found : await askForObjects(directory, names);
}

async function askForObjects(directory: string, names: readonly string[]): Promise<GitObject[]> {
  const output = await runGit(directory, ['cat-file', '--batch'], { input: `${names.join('\n')}\n` });
  const objects: GitObject[] = [];
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(10, at);
    const [sha, type, size] = output.subarray(at, end).toString().split(' ');
    at = end + 1;
    if (sha === undefined || type === undefined || size === undefined) continue;
    objects.push({ sha, type, content: output.subarray(at, at + Number(size)) });
    at += Number(size) + 1;
  }
  return objects;
}

/** Reads one object, or null when the repository does not have it. */
export async function readObject(directory: string, name: string): Promise<GitObject | null> {
  return (await readObjects(directory, [name]))[0] ?? null;
}

/** Stores bytes and answers their blob's name. */
export async function writeBlob(directory: string, content: Buffer | string): Promise<string> {
  return await writeLooseObject(directory, 'blob', Buffer.from(content));
}

function personFrom(line: string): Person {
  const match = /^(.*) <(.*)> (\d+) ([+-]\d{4})$/.exec(line);
  const seconds = Number(match?.[3] ?? 0);
  const date = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  return { name: match?.[1] ?? '', email: match?.[2] ?? '', date };
}

function commitFrom(object: GitObject): Commit {
  const text = object.content.toString();
  const split = text.indexOf('\n\n');
  const headers = text.slice(0, split).split('\n');
  const all = (name: string): string[] =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  return {
    sha: object.sha,
    tree: all('tree')[0] ?? '',
    parents: all('parent'),
    author: personFrom(all('author')[0] ?? ''),
    committer: personFrom(all('committer')[0] ?? ''),
    message: text.slice(split + 2),
  };
}

/** Reads commits in the order given. */
export async function readCommits(directory: string, shas: readonly string[]): Promise<Commit[]> {
  const objects = await readObjects(directory, shas);
  return objects.filter((object) => object.type === 'commit').map(commitFrom);
}

const KNOWN_COMMITS = 10_000;
const knownCommits = new Map<string, Commit>();

/** Reads the commit that a revision expression points at, or null. A commit named by its whole id is read once: it cannot change. */
export async function readCommit(directory: string, revision: string): Promise<Commit | null> {
  if (revision.includes('\n') || revision === '') return null;
  const key = `${directory} ${revision}`;
  const known = knownCommits.get(key);
  if (known !== undefined) return known;
  const direct = await readLooseCommit(directory, revision);
  if (direct !== null) return direct;
  const commit = (await readCommits(directory, [`${revision}^{commit}`]))[0] ?? null;
  if (commit?.sha === revision) rememberCommit(key, commit);
  return commit;
}

function rememberCommit(key: string, commit: Commit): void {
  if (knownCommits.size >= KNOWN_COMMITS) knownCommits.clear();
  knownCommits.set(key, commit);
}

/** Reads a commit that is a file of its own; null when it is in a pack, or nowhere. */
export async function readLooseCommit(directory: string, sha: string): Promise<Commit | null> {
  const key = `${directory} ${sha}`;
  const known = knownCommits.get(key);
  if (known !== undefined) return known;
  const object = /^[0-9a-f]{40}$/.test(sha) ? await readLooseObject(directory, sha) : null;
  if (object?.type !== 'commit') return null;
  const commit = commitFrom({ sha, ...object });
  rememberCommit(key, commit);
  return commit;
}

function personLine(person: Person): string {
  const clean = (text: string): string => text.replace(/[<>\n\0]/g, '').trim();
  return `${clean(person.name)} <${clean(person.email)}> ${Math.floor(Date.parse(person.date) / 1000)} +0000`;
}

/** Stores a commit with exactly this message (git's own command would add a newline) and answers its name. */
export async function writeCommit(directory: string, commit: Omit<Commit, 'sha'>): Promise<string> {
  const text = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${personLine(commit.author)}`,
    `committer ${personLine(commit.committer)}`,
    '',
    commit.message,
  ].join('\n');
  return await writeLooseObject(directory, 'commit', Buffer.from(text));
}
