import { defined } from '#shared/common/defined.ts';
import type { OneAtATime } from '#shared/common/one-at-a-time.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';

import { artifactDigest, packArtifact, type SourceLimits } from './artifact.ts';
import { applyIgnorePatterns } from './ignore-patterns.ts';
import type { Source } from './list-sources.ts';
import type { RemoteState } from './observe-source.ts';

/** An artifact that is in the store. */
export interface StoredArtifact {
  readonly digest: string;
  /** Links and submodules, which no artifact holds. */
  readonly leftOut: number;
}

/** What a source may hold so that several are read at once: unpacked, packed and on their way they are there some times over. */
export const SMALL_SOURCE_BYTES: number = 8 * 1024 * 1024;

/** What reading a source needs. */
export interface ExecutePorts {
  /** Its time begins when it is asked for. */
  readonly gitRemote: () => GitRemote;
  readonly artifacts: ArtifactStore;
  readonly limits: SourceLimits;
  /** Of all sources that are larger, one is in memory. */
  readonly large: OneAtATime;
}

/** Fetches the commit, leaves out what is ignored, packs the rest and stores it: a large one when no other is in memory. */
export async function executeSync(ports: ExecutePorts, source: Source, remote: RemoteState): Promise<StoredArtifact> {
  const { limits, large } = ports;
  if (limits.bytes <= SMALL_SOURCE_BYTES) return fetchAndStore(ports, source, remote, limits);
  try {
    return await fetchAndStore(ports, source, remote, { ...limits, bytes: SMALL_SOURCE_BYTES });
  } catch (error) {
    if (!(error instanceof TidegateError) || !error.isTooLarge) throw error;
    return large(() => fetchAndStore(ports, source, remote, limits));
  }
}

async function fetchAndStore(
  ports: Pick<ExecutePorts, 'gitRemote' | 'artifacts'>,
  source: Source,
  remote: RemoteState,
  limits: SourceLimits,
): Promise<StoredArtifact> {
  const { url, credentials, resolved } = remote;
  let leftOut = 0;
  const tree = await ports.gitRemote().fetchTree({
    url,
    ...defined({ credentials }),
    oid: resolved.oid,
    ...defined({ refName: resolved.refName }),
    timeoutMs: source.repository.timeoutMs,
    limits,
    onLeftOut: (paths) => {
      leftOut = paths.length;
    },
  });
  const bytes = await packArtifact(applyIgnorePatterns(tree, source.repository.ignore));
  const digest = artifactDigest(bytes);
  try {
    await ports.artifacts.put(digest, bytes);
  } catch (error) {
    throw new TidegateError('StorageOperationFailed', `artifact cannot be stored: ${describeError(error)}`, {
      disposition: 'retry',
      cause: error,
    });
  }
  return { digest, leftOut };
}
