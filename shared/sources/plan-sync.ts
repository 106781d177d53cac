import type { StatusRecord } from '#shared/records/journal-record.ts';

import type { Source } from './list-sources.ts';
import type { RemoteState, StoredState } from './observe-source.ts';
import { sourceSpecDigest } from './source-spec-digest.ts';

/** What one source needs, and why. */
export type SyncPlan =
  | { readonly action: 'unchanged' }
  | { readonly action: 'fetch'; readonly because: 'first' | 'revision' | 'spec' | 'artifact missing' };

/** Compares where a source stands on its server with what is stored of it. */
export function planSync(
  source: Source,
  remote: RemoteState,
  stored: StoredState,
  status: StatusRecord | undefined,
): SyncPlan {
  if (stored.head === undefined) return { action: 'fetch', because: 'first' };
  if (stored.head.revision !== remote.resolved.revision || stored.head.url !== remote.url) {
    return { action: 'fetch', because: 'revision' };
  }
  if (status?.details['stored'] !== sourceSpecDigest(source.repository)) return { action: 'fetch', because: 'spec' };
  if (!stored.hasArtifact) return { action: 'fetch', because: 'artifact missing' };
  return { action: 'unchanged' };
}
