import { sourceHeadKey } from '#shared/journal/journal-record.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { DesiredState } from './desired-state.ts';

/** Whether a source that this run reads has a newer artifact by now: waiting for the old one's health is then idle. */
export async function isSuperseded(desired: DesiredState, journal: Journal): Promise<boolean> {
  const seen = new Map<string, string>();
  for (const { kustomization, revision, lastRender } of desired.nodes) {
    // What goes on from an old artifact does so on purpose.
    if (revision !== '' && lastRender?.isPinned !== true) seen.set(sourceHeadKey(kustomization.sourceRef), revision);
  }
  const heads = await Promise.all([...seen.keys()].map((key) => journal.read(desired.cluster, key)));
  return heads.some((head) => head?.type === 'SourceHead' && head.revision !== seen.get(sourceHeadKey(head.source)));
}
