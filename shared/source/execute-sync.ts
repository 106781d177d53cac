import { describeError, TidegateError } from '#shared/errors/tidegate-error.ts';
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

/** Fetches the commit, leaves out what is ignored, packs the rest and stores it. */
export async function executeSync(
  ports: { readonly gitRemote: GitRemote; readonly artifacts: ArtifactStore; readonly limits: SourceLimits },
  source: Source,
  remote: RemoteState,
): Promise<StoredArtifact> {
  const { url, credentials, resolved } = remote;
  let leftOut = 0;
  const tree = await ports.gitRemote.fetchTree({
    url,
    ...(credentials === undefined ? {} : { credentials }),
    oid: resolved.oid,
    ...(resolved.refName === undefined ? {} : { refName: resolved.refName }),
    timeoutMs: source.repository.timeoutMs,
    limits: ports.limits,
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
