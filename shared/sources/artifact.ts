import { createHash } from 'node:crypto';
import { extract, pack, type Extract, type Header, type Pack } from 'tar-stream';

import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import { viewOf } from '#shared/common/view-of.ts';

import { checkArtifactPath } from './check-artifact-path.ts';

/** Either side of tar-stream: what is packed, or one entry of what is unpacked. */
type Readable = Pack | (Extract extends AsyncIterable<infer Entry> ? Entry : never);

/** How much of a source is read; beyond it the source stalls and says so. */
export interface SourceLimits {
  readonly files: number;
  readonly bytes: number;
}

export const DEFAULT_SOURCE_LIMITS: SourceLimits = { files: 20_000, bytes: 64 * 1024 * 1024 };

/** `sha256:<hex>` of the bytes. */
export function artifactDigest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A tar of the tree that depends on nothing but its paths, contents and executable bits: same tree, same bytes. */
export async function packArtifact(tree: SourceTree): Promise<Uint8Array> {
  const archive = pack();
  const bytes = collect(archive);
  for (const [path, file] of sortBytewise(tree)) {
    const refusal = checkArtifactPath(path);
    if (refusal !== undefined) {
      archive.destroy();
      await bytes.catch(() => undefined);
      throw refused(`path ${JSON.stringify(path)} ${refusal}`);
    }
    const header = { name: path, mode: file.executable ? 0o755 : 0o644, mtime: new Date(0), uid: 0, gid: 0 };
    archive.entry({ ...header, type: 'file', size: file.bytes.byteLength }, viewOf(file.bytes));
  }
  archive.finalize();
  return bytes;
}

/**
 * The tree inside an artifact. Files and folders only; whatever else it holds makes the whole artifact refused.
 * @throws TidegateError `ArtifactFailed` (stall) naming the entry and the rule.
 */
export async function unpackArtifact(bytes: Uint8Array, limits: SourceLimits): Promise<SourceTree> {
  if (bytes.byteLength > archiveLimit(limits)) {
    throw refused(`archive of ${bytes.byteLength} bytes is larger than the allowed ${archiveLimit(limits)}`);
  }
  const tree = new Map<string, SourceFile>();
  const folders = new Set<string>();
  let total = 0;
  const archive = extract();
  const done = (async () => {
    for await (const entry of archive) {
      const path = entryPath(entry.header);
      if (entry.header.type === 'directory') {
        addFolders(path, folders);
        entry.resume();
        continue;
      }
      total += entry.header.size ?? 0;
      if (total > limits.bytes) throw refused(`files hold more than the allowed ${limits.bytes} bytes`);
      if (tree.size >= limits.files) throw refused(`there are more than the allowed ${limits.files} files`);
      if (tree.has(path)) throw refused(`path ${JSON.stringify(path)} is there twice`);
      addFolders(path.split('/').slice(0, -1).join('/'), folders);
      tree.set(path, { bytes: await collect(entry), executable: ((entry.header.mode ?? 0) & 0o100) !== 0 });
    }
  })();
  archive.end(viewOf(bytes));
  try {
    await done;
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw refused(`archive cannot be read: ${describeError(error)}`, error);
  }
  const clash = [...tree.keys()].find((path) => folders.has(path));
  if (clash !== undefined) throw refused(`path ${JSON.stringify(clash)} is a file and a folder`);
  return tree;
}

/** Each file may cost its header, padding and a long-path header beside its bytes. */
function archiveLimit(limits: SourceLimits): number {
  return limits.bytes + limits.files * 8192 + 1024;
}

function entryPath(header: Header): string {
  const path = header.type === 'directory' ? header.name.replace(/\/$/, '') : header.name;
  if (header.type !== 'file' && header.type !== 'directory') {
    throw refused(`entry ${JSON.stringify(path)} is a ${header.type}; allowed are files and folders`);
  }
  const refusal = checkArtifactPath(path);
  if (refusal !== undefined) throw refused(`path ${JSON.stringify(path)} ${refusal}`);
  return path;
}

function addFolders(folder: string, folders: Set<string>): void {
  const parts = folder.split('/');
  for (let length = 1; length <= parts.length; length += 1) folders.add(parts.slice(0, length).join('/'));
}

function sortBytewise(tree: SourceTree): readonly (readonly [string, SourceFile])[] {
  return [...tree]
    .map(([path, file]) => ({ key: Buffer.from(path), path, file }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ path, file }) => [path, file] as const);
}

function collect(stream: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    stream.on('data', (chunk) => {
      if (chunk instanceof Uint8Array) chunks.push(chunk);
    });
    stream.on('end', () => resolve(bytesOf(Buffer.concat(chunks))));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('archive ends in the middle of a file')));
  });
}

/** As `viewOf`, no copy either. */
function bytesOf({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function refused(message: string, cause?: unknown): TidegateError {
  return new TidegateError('ArtifactFailed', message, { disposition: 'stall', cause });
}
