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
  /**
   * The kept scans of repositories that are still specified as they were.
   * @param usedAt when an automation that uses a repository ran last, milliseconds since the epoch: it may have read the
   *   registry in another process, so that a scan from before would set its pull request back.
   */
  find(
    cluster: string,
    repositories: readonly ImageRepository[],
    usedAt: (repository: ImageRepository) => number,
  ): readonly Scan[];
  /** Keeps what could be read; a failure is tried again. */
  keep(cluster: string, scans: readonly Scan[], at: number): void;
  forget(cluster: string, repositories: readonly Pick<ImageRepository, 'namespace' | 'name'>[]): void;
}

export function createKeptScans(): KeptScans {
  const scans = new Map<string, KeptScan>();
  let tags = 0;
  const keyOf = (cluster: string, one: Pick<ImageRepository, 'namespace' | 'name'>): string =>
    `${cluster}/${formatNamespacedName(one)}`;

  function remove(key: string): void {
    tags -= scans.get(key)?.scan.tags.length ?? 0;
    scans.delete(key);
  }

  return {
    find: (cluster, repositories, usedAt) =>
      repositories.flatMap((repository) => {
        const kept = scans.get(keyOf(cluster, repository));
        const isCurrent =
          kept !== undefined && isDeepStrictEqual(kept.scan.repository, repository) && kept.at > usedAt(repository);
        return isCurrent ? [kept.scan] : [];
      }),
    keep: (cluster, made, at) => {
      for (const scan of made) {
        const key = keyOf(cluster, scan.repository);
        remove(key);
        if (!('tags' in scan)) continue;
        scans.set(key, { scan, at });
        tags += scan.tags.length;
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

interface KeptScan {
  readonly scan: Extract<Scan, { readonly tags: unknown }>;
  readonly at: number;
}
