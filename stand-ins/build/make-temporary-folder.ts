import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeAtExit } from './remove-at-exit.ts';

/** A folder for as long as this process lives. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
  /** Leaves it to whoever reads it. */
  readonly keep: () => void;
}

/** Makes a folder that does not outlive this process, unless it is kept. */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const keep = removeAtExit(path);
  return {
    path,
    keep,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      keep();
    },
  };
}
