import { readBlob, readTree, type PromiseFsClient } from 'isomorphic-git';

import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { checkArtifactPath } from '#shared/sources/check-artifact-path.ts';

/** The regular files of a commit, and the links and submodules that are not part of it. */
export async function readCommitTree(
  repository: { readonly fs: PromiseFsClient; readonly gitdir: string; readonly oid: string },
  limits: { readonly files: number; readonly bytes: number },
): Promise<{ readonly tree: SourceTree; readonly leftOut: readonly string[] }> {
  const { fs, gitdir } = repository;
  const cache = {};
  const tree = new Map<string, SourceFile>();
  const leftOut: string[] = [];
  const blobs = new Map<string, Uint8Array>();
  const folders = [{ path: '', oid: repository.oid }];
  let bytes = 0;
  // A few trees that name each other many times over stand for more folders than there are atoms.
  for (let visited = 0; ; visited += 1) {
    const folder = folders.pop();
    if (folder === undefined) return { tree, leftOut };
    if (visited > limits.files) throw refused(`holds more than the allowed ${limits.files} folders`);
    const entries = await readTree({ fs, gitdir, oid: folder.oid, cache });
    for (const entry of entries.tree) {
      const path = folder.path === '' ? entry.path : `${folder.path}/${entry.path}`;
      const refusal = entry.path.includes('/') ? 'holds a "/" in one name' : checkArtifactPath(path);
      if (refusal !== undefined) throw refused(`holds the path ${JSON.stringify(path)}, which ${refusal}`);
      if (entry.type === 'tree') {
        folders.push({ path, oid: entry.oid });
      } else if (entry.mode === '120000' || entry.type === 'commit') {
        leftOut.push(path);
      } else {
        if (tree.has(path)) throw refused(`holds the path ${JSON.stringify(path)} twice`);
        if (tree.size >= limits.files) throw refused(`holds more than the allowed ${limits.files} files`);
        const content = blobs.get(entry.oid) ?? (await readBlob({ fs, gitdir, oid: entry.oid, cache })).blob;
        blobs.set(entry.oid, content);
        bytes += content.byteLength;
        if (bytes > limits.bytes) throw refused(`holds more than the allowed ${limits.bytes} bytes of files`, true);
        tree.set(path, { bytes: content, executable: entry.mode === '100755' });
      }
    }
  }
}

function refused(message: string, isTooLarge = false): TidegateError {
  return new TidegateError('GitOperationFailed', `commit ${message}`, { disposition: 'stall', isTooLarge });
}
