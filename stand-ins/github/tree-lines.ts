import { readLooseObject, writeLooseObject } from './loose-objects.ts';

/** One line of a tree object. */
export type TreeLine = { readonly mode: string; readonly name: string; readonly sha: string };

export const FOLDER = '40000';
const SHA_BYTES = 20;

/** The lines of a tree object. */
export function parseTree(content: Buffer): TreeLine[] {
  const lines: TreeLine[] = [];
  for (let at = 0; at < content.length;) {
    const end = content.indexOf(0, at);
    const [mode = '', ...name] = content.subarray(at, end).toString().split(' ');
    const sha = content.subarray(end + 1, end + 1 + SHA_BYTES).toString('hex');
    lines.push({ mode, name: name.join(' '), sha });
    at = end + 1 + SHA_BYTES;
  }
  return lines;
}

/** Git sorts a folder as if its name ended in a slash. */
export function sortLines(lines: readonly TreeLine[]): TreeLine[] {
  return lines
    .map((line) => ({ line, key: Buffer.from(line.mode === FOLDER ? `${line.name}/` : line.name) }))
    .sort((one, other) => Buffer.compare(one.key, other.key))
    .map(({ line }) => line);
}

/** Stores a tree with these lines and answers its name. */
export async function writeTreeLines(directory: string, lines: readonly TreeLine[]): Promise<string> {
  const content = sortLines(lines).flatMap((line) => [
    Buffer.from(`${line.mode} ${line.name}\0`),
    Buffer.from(line.sha, 'hex'),
  ]);
  return await writeLooseObject(directory, 'tree', Buffer.concat(content));
}

/** The lines of a tree, or of the tree of a commit, that is a file of its own; null when it is in a pack, or nowhere. */
export async function readLooseTree(directory: string, sha: string): Promise<readonly TreeLine[] | null> {
  const object = await readLooseObject(directory, sha);
  if (object?.type === 'commit') return await readLooseTree(directory, object.content.subarray(5, 45).toString());
  return object?.type === 'tree' ? parseTree(object.content) : null;
}
