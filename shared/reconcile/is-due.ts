import type { SourceHead, StatusRecord } from '#shared/journal/journal-record.ts';

/**
 * Whether a tick has anything to do for a cluster. A run is about the whole cluster, so one Kustomization that is due
 * is enough, and a cluster that was never worked on is due at once. So is one with a source that moved after the last
 * run: the request to reconcile may have been given up while the cluster was out of reach.
 */
export function isDue(
  { statuses, heads }: { readonly statuses: readonly StatusRecord[]; readonly heads: readonly SourceHead[] },
  now: number,
): boolean {
  const kustomizations = statuses.filter((status) => status.object.kind === 'Kustomization');
  if (kustomizations.length === 0) return true;
  const lastRun = Math.max(...kustomizations.map(({ observedAt }) => observedAt));
  if (heads.some(({ observedAt }) => observedAt > lastRun)) return true;
  return kustomizations.some((status) => status.dueAt !== undefined && status.dueAt <= now);
}
