import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import type { ApplyRecords } from '#shared/ports/apply-records.ts';

/** Keeps the apply records in a folder, one file a cluster; a write is whole or did not happen. */
export function diskApplyRecords(folder: string): ApplyRecords {
  const fileOf = (cluster: string) => join(folder, `${encodeURIComponent(cluster)}.json`);
  return {
    async load(cluster) {
      try {
        return await readFile(fileOf(cluster));
      } catch {
        return undefined;
      }
    },
    async save(cluster, bytes) {
      makeFolder(folder);
      const temporary = `${fileOf(cluster)}.${process.pid}`;
      await writeFile(temporary, bytes);
      await rename(temporary, fileOf(cluster));
    },
  };
}
