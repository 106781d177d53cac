import { randomUUID } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import { artifactDigest } from '#shared/sources/artifact.ts';

import { writeWholeFile } from './write-whole-file.ts';

/** Artifacts as files named after their digest, below one folder. */
export function createDiskArtifactStore(folder: string): ArtifactStore {
  async function has(digest: string): Promise<boolean> {
    const path = pathOf(folder, digest);
    try {
      return (await stat(path)).isFile();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  return {
    has,
    // What is swept is what no head names, however old.
    keep: has,
    async put(digest, bytes) {
      const path = pathOf(folder, digest);
      const actual = artifactDigest(bytes);
      if (actual !== digest) {
        throw failed(`artifact ${digest} was to be stored with bytes of digest ${actual}`, 'stall');
      }
      makeFolder(folder);
      await writeAtomically(folder, path, bytes);
    },
    async get(digest) {
      const path = pathOf(folder, digest);
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await readFile(path));
      } catch (error) {
        if (isMissing(error)) throw failed(`artifact ${digest} is not stored`, 'retry', error);
        throw error;
      }
      const actual = artifactDigest(bytes);
      if (actual !== digest) throw failed(`artifact ${digest} is damaged: its bytes have digest ${actual}`, 'retry');
      return bytes;
    },
  };
}

/** The folder is synced too, so that the artifact's name survives a power cut like its bytes. */
async function writeAtomically(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  await writeWholeFile(path, bytes, { temporary: join(folder, `.${randomUUID()}.tmp`), mode: 0o600 });
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function pathOf(folder: string, digest: string): string {
  const hex = /^sha256:(?<hex>[0-9a-f]{64})$/.exec(digest)?.groups?.['hex'];
  if (hex === undefined) {
    throw failed(`artifact digest ${JSON.stringify(digest)} is not sha256:<64 hex digits>`, 'stall');
  }
  return join(folder, `${hex}.tar`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function failed(message: string, disposition: 'retry' | 'stall', cause?: unknown): TidegateError {
  return new TidegateError('ArtifactFailed', message, { disposition, cause });
}
