import type { QueueDepth, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { isConditionTrue } from '#shared/journal/conditions.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** How things are, for a person or a probe. Holds nothing that has to be kept from either. */
export interface Health {
  /** `degraded`: it works, and something waits for a person. */
  readonly status: 'ok' | 'degraded';
  /** What waits, in words; empty when it is `ok`. */
  readonly problems: readonly string[];
  readonly startedAt: string;
  readonly lastTickAt?: string;
  readonly queues: Readonly<
    Record<string, { waiting: number; inFlight: number; deadLetters: number; oldestSeconds: number }>
  >;
  readonly clusters: Readonly<Record<string, { lastReconcileAt?: string; kustomizations: number; ready: number }>>;
}

/** Ticks that may be missed before it is said. */
const MISSED_TICKS = 3;
/** Longer than a run may take, and than a message is tried. */
const OLD_SECONDS = 20 * 60;

/** Reads how things are from queue and journal. */
export async function observeHealth(request: {
  readonly queues: Pick<SqliteWorkQueues, 'depths'>;
  readonly journal: Journal;
  readonly clusters: readonly string[];
  readonly startedAt: number;
  readonly lastTickAt: number | undefined;
  readonly tickMs: number;
  readonly now: number;
}): Promise<Health> {
  const { journal, now } = request;
  const queues = Object.fromEntries(request.queues.depths().map((depth) => [depth.queue, describeDepth(depth, now)]));
  const clusters = await Promise.all(
    request.clusters.map(async (cluster) => [cluster, await observeCluster(journal, cluster)] as const),
  );
  const problems = [
    ...((request.lastTickAt ?? request.startedAt) + MISSED_TICKS * request.tickMs < now ? ['ticks: none is sent'] : []),
    ...Object.entries(queues).flatMap(([queue, depth]) => findQueueProblems(queue, depth)),
  ];
  return {
    status: problems.length > 0 ? 'degraded' : 'ok',
    problems,
    startedAt: new Date(request.startedAt).toISOString(),
    ...(request.lastTickAt === undefined ? {} : { lastTickAt: new Date(request.lastTickAt).toISOString() }),
    queues,
    clusters: Object.fromEntries(clusters),
  };
}

function findQueueProblems(queue: string, depth: Health['queues'][string]): readonly string[] {
  const { deadLetters, oldestSeconds } = depth;
  return [
    ...(deadLetters > 0 ? [`queue ${queue}: ${deadLetters} dead letters`] : []),
    ...(oldestSeconds > OLD_SECONDS ? [`queue ${queue}: a message waits since ${oldestSeconds} s`] : []),
  ];
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
