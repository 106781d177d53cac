import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Deletes the artifacts that nothing refers to any more, and what a killed writer left half-written.
 * What is younger than `olderThanMs` stays: a run may still read it, or its head may not be recorded yet.
 * @returns how many files went.
 */
export async function sweepDiskArtifacts(
  folder: string,
  options: { readonly keep: ReadonlySet<string>; readonly olderThanMs: number; readonly now: number },
): Promise<number> {
  let deleted = 0;
  for (const name of await listFiles(folder)) {
    const digest = /^(?<hex>[0-9a-f]{64})\.tar$/u.exec(name)?.groups?.['hex'];
    if (digest === undefined && !/^\..*\.tmp$/u.test(name)) continue;
    if (digest !== undefined && options.keep.has(`sha256:${digest}`)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (options.now - mtimeMs < options.olderThanMs) continue;
    await rm(path, { force: true });
    deleted += 1;
  }
  return deleted;
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
