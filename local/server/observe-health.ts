import type { QueueDepth, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { isConditionTrue } from '#shared/journal/conditions.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** How things are, for a person or a probe. Holds nothing that has to be kept from either. */
export interface Health {
  /** `degraded`: it works, and something waits for a person. */
  readonly status: 'ok' | 'degraded';
  readonly startedAt: string;
  readonly lastTickAt?: string;
  readonly queues: Readonly<
    Record<string, { waiting: number; inFlight: number; deadLetters: number; oldestSeconds: number }>
  >;
  readonly clusters: Readonly<Record<string, { lastReconcileAt?: string; kustomizations: number; ready: number }>>;
}

/** Reads how things are from queue and journal. */
export async function observeHealth(request: {
  readonly queues: Pick<SqliteWorkQueues, 'depths'>;
  readonly journal: Journal;
  readonly clusters: readonly string[];
  readonly startedAt: number;
  readonly lastTickAt: number | undefined;
  readonly now: number;
}): Promise<Health> {
  const { journal, now } = request;
  const depths = request.queues.depths();
  const clusters = await Promise.all(
    request.clusters.map(async (cluster) => [cluster, await observeCluster(journal, cluster)] as const),
  );
  return {
    status: depths.some(({ deadLetters }) => deadLetters > 0) ? 'degraded' : 'ok',
    startedAt: new Date(request.startedAt).toISOString(),
    ...(request.lastTickAt === undefined ? {} : { lastTickAt: new Date(request.lastTickAt).toISOString() }),
    queues: Object.fromEntries(depths.map((depth) => [depth.queue, describeDepth(depth, now)])),
    clusters: Object.fromEntries(clusters),
  };
}

function describeDepth(depth: QueueDepth, now: number): Health['queues'][string] {
  const { waiting, inFlight, deadLetters, oldestSentAt = now } = depth;
  return { waiting, inFlight, deadLetters, oldestSeconds: Math.max(0, Math.round((now - oldestSentAt) / 1000)) };
}

async function observeCluster(journal: Journal, cluster: string): Promise<Health['clusters'][string]> {
  const records = await journal.list(cluster, 'status/Kustomization/');
  const statuses = records.flatMap((record) => (record.type === 'Status' ? [record] : []));
  const latest = Math.max(0, ...statuses.map(({ observedAt }) => observedAt));
  return {
    ...(latest === 0 ? {} : { lastReconcileAt: new Date(latest).toISOString() }),
    kustomizations: statuses.length,
    ready: statuses.filter(({ conditions }) => isConditionTrue(conditions, 'Ready')).length,
  };
}
