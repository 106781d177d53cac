import { isDeepStrictEqual } from 'node:util';

import type { ImageRepository } from '#shared/flux/kinds/image-repository.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import type { Scan } from './scan-images.ts';

/** All kept scans together hold no more tags than this, about 200 MB. */
const MAX_TAGS = 1_000_000;

/**
 * Scans of image repositories whose automation could not run yet, because the run had no time to read the others it uses.
 * The next run in this process continues with them; without them, an automation that uses more repositories than one run
 * can read would never run. They are kept in memory only: a new process reads the registry again, which costs time and
 * loses nothing.
 */
export interface KeptScans {
  /** The kept scans of repositories that are still specified as they were. */
  find(cluster: string, repositories: readonly ImageRepository[]): readonly Scan[];
  keep(cluster: string, scans: readonly Scan[]): void;
  forget(cluster: string, repositories: readonly Pick<ImageRepository, 'namespace' | 'name'>[]): void;
}

export function createKeptScans(): KeptScans {
  const scans = new Map<string, Scan>();
  let tags = 0;
  const keyOf = (cluster: string, one: Pick<ImageRepository, 'namespace' | 'name'>): string =>
    `${cluster}/${formatNamespacedName(one)}`;

  function remove(key: string): void {
    const scan = scans.get(key);
    if (scan === undefined) return;
    scans.delete(key);
    tags -= tagCount(scan);
  }

  return {
    find: (cluster, repositories) =>
      repositories.flatMap((repository) => {
        const scan = scans.get(keyOf(cluster, repository));
        return scan !== undefined && isDeepStrictEqual(scan.repository, repository) ? [scan] : [];
      }),
    keep: (cluster, made) => {
      for (const scan of made) {
        const key = keyOf(cluster, scan.repository);
        remove(key);
        scans.set(key, scan);
        tags += tagCount(scan);
      }
      for (const oldest of scans.keys()) {
        if (tags <= MAX_TAGS) break;
        remove(oldest);
      }
    },
    forget: (cluster, repositories) => {
      for (const repository of repositories) remove(keyOf(cluster, repository));
    },
  };
}

function tagCount(scan: Scan): number {
  return 'tags' in scan ? scan.tags.length : 0;
}
