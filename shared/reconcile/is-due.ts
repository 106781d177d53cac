import { findCondition } from '#shared/records/conditions.ts';
import type { InstallationRecord, SourceHead, StatusRecord } from '#shared/records/journal-record.ts';
import { isCluster } from '#shared/records/journal-record.ts';

/** What a tick looks at. */
export interface TickState {
  readonly statuses: readonly StatusRecord[];
  readonly heads: readonly SourceHead[];
  /** What the last run that began knew of the cluster. */
  readonly installation: InstallationRecord | undefined;
  /** The API server of the settings. */
  readonly server: string;
}

/**
 * Whether a tick has anything to do for a cluster. A run is about the whole cluster, so one Kustomization that is due
 * is enough, and a cluster that was never worked on is due at once. So is one
 * - with a source that moved after the last run, or that could not be worked on: the request to reconcile may have been
 *   given up while the cluster was out of reach;
 * - whose API server is another one since: what the journal says of it is of the cluster that had its name before.
 */
export function isDue({ statuses, heads, installation, server }: TickState, now: number): boolean {
  const kustomizations = statuses.filter((status) => status.object.kind === 'Kustomization');
  if (kustomizations.length === 0 || installation?.server !== server || statuses.some(isAway)) return true;
  const lastRun = Math.max(...kustomizations.map(({ observedAt }) => observedAt));
  if (heads.some(({ observedAt }) => observedAt > lastRun)) return true;
  return kustomizations.some((status) => status.dueAt !== undefined && status.dueAt <= now);
}

function isAway({ object, conditions }: StatusRecord): boolean {
  return isCluster(object) && findCondition(conditions, 'Ready')?.status === 'False';
}
