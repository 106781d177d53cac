import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';

const compress = promisify(deflate);
const expand = promisify(inflate);
const MOST_KNOWN = 50_000;
const MOST_BYTES_KNOWN = 65_536;

/** An object as git keeps it: its type and its bytes. */
export type StoredObject = { readonly type: string; readonly content: Buffer };

/** Small objects that were read or written before: an object never changes. */
const known = new Map<string, StoredObject>();

function fileOf(directory: string, sha: string): string {
  return path.join(directory, 'objects', sha.slice(0, 2), sha.slice(2));
}

function remember(directory: string, sha: string, object: StoredObject): void {
  if (object.content.length > MOST_BYTES_KNOWN) return;
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(`${directory} ${sha}`, object);
}

/** Stores an object as git itself would, one file, and answers its name. Git's own commands read it like any other. */
export async function writeLooseObject(directory: string, type: string, content: Buffer): Promise<string> {
  const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
  const sha = createHash('sha1').update(bytes).digest('hex');
  const file = fileOf(directory, sha);
  try {
    await access(file);
    return sha;
  } catch {
    // It is new.
  }
  await mkdir(path.dirname(file), { recursive: true });
  const unfinished = `${file}-${randomUUID()}`;
  await writeFile(unfinished, await compress(bytes, { level: 1 }), { mode: 0o444 });
  await rename(unfinished, file);
  remember(directory, sha, { type, content });
  return sha;
}

/** Reads an object that is a file of its own; null when it is in a pack, or nowhere. */
export async function readLooseObject(directory: string, sha: string): Promise<StoredObject | null> {
  const before = known.get(`${directory} ${sha}`);
  if (before !== undefined) return before;
  let packed: Buffer;
  try {
    packed = await readFile(fileOf(directory, sha));
  } catch {
    return null;
  }
  const bytes = await expand(packed);
  const end = bytes.indexOf(0);
  const [type = ''] = bytes.subarray(0, end).toString().split(' ');
  const object = { type, content: bytes.subarray(end + 1) };
  remember(directory, sha, object);
  return object;
}
