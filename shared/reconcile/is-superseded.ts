import { describeError } from '#shared/common/tidegate-error.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { sourceHeadKey } from '#shared/records/journal-record.ts';

import type { DesiredState } from './desired-state.ts';
import { readSourceHeads } from './read-previous-state.ts';

/**
 * Whether a source that this run reads has a newer artifact by now: waiting for the old one's health is then idle. While
 * that cannot be read, the run goes on.
 */
export async function isSuperseded(desired: DesiredState, journal: Journal, log: Logger): Promise<boolean> {
  const seen = new Map<string, string>();
  for (const { kustomization, revision, lastRender } of desired.nodes) {
    // What goes on from an old artifact does so on purpose.
    if (revision !== '' && lastRender?.isPinned !== true) seen.set(sourceHeadKey(kustomization.sourceRef), revision);
  }
  try {
    const heads = await readSourceHeads(desired.cluster, journal);
    return heads.some(({ source, revision }) => (seen.get(sourceHeadKey(source)) ?? revision) !== revision);
  } catch (error) {
    log.warn('newer sources not looked for', { cluster: desired.cluster, reason: describeError(error) });
    return false;
  }
}
