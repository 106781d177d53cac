import type { StatusRecord } from '#shared/journal/journal-record.ts';

/**
 * Whether a tick has anything to do for a cluster. A run is about the whole cluster, so one Kustomization that is due
 * is enough, and a cluster that was never worked on is due at once.
 */
export function isDue(statuses: readonly StatusRecord[], now: number): boolean {
  const kustomizations = statuses.filter((status) => status.object.kind === 'Kustomization');
  if (kustomizations.length === 0) return true;
  return kustomizations.some((status) => status.dueAt !== undefined && status.dueAt <= now);
}
