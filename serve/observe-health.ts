import type { QueueDepth, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { listQuietTimes } from '#shared/journal/quiet-times.ts';
import { findConcerns, type Concern } from '#shared/notify/find-concerns.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { QuietTime } from '#shared/ports/quiet-times.ts';
import { isConditionTrue } from '#shared/records/conditions.ts';
import { isCluster, type ObjectName, type StatusRecord } from '#shared/records/journal-record.ts';

/** Something that waits for a person. */
export interface HealthProblem {
  /** `Kustomization flux-system/apps of cluster production`, `queue source-sync`. */
  readonly what: string;
  readonly problem: string;
  /** When it began, as far as that is known. */
  readonly since?: string;
  readonly todo: string;
}

/** How things are, for a person or a probe. Says no more of an object than a commit status does. */
export interface Health {
  /** `degraded`: it works, and something waits for a person. */
  readonly status: 'ok' | 'degraded';
  /** What waits, the oldest first; empty when it is `ok`. */
  readonly problems: readonly HealthProblem[];
  /** How many there are, with those that are not named. */
  readonly problemCount: number;
  readonly startedAt: string;
  readonly lastTickAt?: string;
  readonly queues: Readonly<
    Record<string, { waiting: number; inFlight: number; deadLetters: number; oldestSeconds: number }>
  >;
  readonly clusters: Readonly<Record<string, ClusterHealth>>;
}

/** Kustomizations of one cluster by how they are: what is neither `ready`, `suspended` nor `failed` is under way or waits. */
export interface ClusterHealth {
  readonly reachable: boolean;
  readonly lastReconcileAt?: string;
  readonly kustomizations: number;
  readonly ready: number;
  readonly suspended: number;
  readonly failed: number;
  /** Objects that wait to be deleted until a person was asked. */
  readonly withheldPrunes: number;
}

/** Ticks that may be missed before it is said. */
const MISSED_TICKS = 3;
/** Longer than a run may take, and than a message is tried. */
const OLD_SECONDS = 20 * 60;
/** Problems named; more are counted. */
const MAX_PROBLEMS = 100;

/** Reads how things are from queue and journal. */
export async function observeHealth(request: {
  readonly queues: Pick<SqliteWorkQueues, 'depths'>;
  readonly journal: Journal;
  readonly clusters: readonly string[];
  readonly startedAt: number;
  readonly lastTickAt: number | undefined;
  readonly tickMs: number;
  readonly now: number;
  /** Takes out of a text what looks like a secret, or is one. */
  readonly redact: (text: string) => string;
}): Promise<Health> {
  const { journal, now, redact } = request;
  const queues = Object.fromEntries(request.queues.depths().map((depth) => [depth.queue, describeDepth(depth, now)]));
  const clusters = await Promise.all(
    request.clusters.map(async (cluster) => [cluster, await readStatuses(journal, cluster)] as const),
  );
  const quiet = (await listQuietTimes(journal)).filter(({ until }) => until > now);
  const waiting = clusters.flatMap(([, statuses]) => statuses.filter(isLimited)).length;
  const lastTickAt = request.lastTickAt ?? request.startedAt;
  const problems = [
    ...(lastTickAt + MISSED_TICKS * request.tickMs < now ? [describeMissedTicks(lastTickAt)] : []),
    ...Object.entries(queues).flatMap(([queue, depth]) => findQueueProblems(queue, depth, now)),
    ...quiet.map((one) => describeQuiet(one, waiting)),
    ...clusters
      .flatMap(([, statuses]) => statuses.flatMap(findConcerns))
      .toSorted((one, other) => one.since - other.since)
      .map(describeConcern),
  ];
  return {
    status: problems.length > 0 ? 'degraded' : 'ok',
    problems: problems.slice(0, MAX_PROBLEMS).map((problem) => ({
      ...problem,
      problem: redact(problem.problem),
      todo: redact(problem.todo),
    })),
    problemCount: problems.length,
    startedAt: new Date(request.startedAt).toISOString(),
    ...(request.lastTickAt === undefined ? {} : { lastTickAt: new Date(request.lastTickAt).toISOString() }),
    queues,
    clusters: Object.fromEntries(clusters.map(([cluster, statuses]) => [cluster, describeCluster(statuses)])),
  };
}

function describeMissedTicks(lastTickAt: number): HealthProblem {
  return {
    what: 'ticks',
    problem: 'no ticks are being sent',
    since: new Date(lastTickAt).toISOString(),
    todo: 'check that the state folder is writable (a full disk, permissions); the log says "tick failed" and why',
  };
}

function describeQuiet({ account, since, until, why }: QuietTime, waiting: number): HealthProblem {
  const whose = account === 'token' ? 'of the token' : `of account ${account}`;
  const kept =
    waiting === 0 ? 'nothing waits for it' : `${waiting} ${waiting === 1 ? 'object waits' : 'objects wait'} for it`;
  return {
    what: `GitHub's limit ${whose}`,
    problem: `${why}; GitHub is asked again at ${new Date(until).toISOString()}, and ${kept}`,
    since: new Date(since).toISOString(),
    todo: 'nothing, it resumes by itself; if it recurs, check who else uses this App or token, or lengthen intervals',
  };
}

/** What waits for the end of a limit. */
function isLimited({ conditions }: StatusRecord): boolean {
  return conditions.some(
    ({ type, status, reason }) => type === 'Ready' && status === 'False' && reason === 'RateLimited',
  );
}

function findQueueProblems(queue: string, depth: Health['queues'][string], now: number): readonly HealthProblem[] {
  const { deadLetters, oldestSeconds } = depth;
  const what = `queue ${queue}`;
  return [
    ...(deadLetters > 0
      ? [
          {
            what,
            problem: deadLetters === 1 ? '1 dead letter' : `${deadLetters} dead letters`,
            todo: 'npx tidegate dead-letters shows them; fix the cause, then --redrive or --drop',
          },
        ]
      : []),
    ...(oldestSeconds > OLD_SECONDS
      ? [
          {
            what,
            problem: `the oldest message has waited ${oldestSeconds} s`,
            since: new Date(now - oldestSeconds * 1000).toISOString(),
            todo: 'the log shows what the current run is doing; split a Kustomization that takes this long',
          },
        ]
      : []),
  ];
}

function describeConcern({ object, reason, line, since, todo }: Concern): HealthProblem {
  return {
    what: nameObject(object),
    problem: `${reason}: ${line}`,
    since: new Date(since).toISOString(),
    todo,
  };
}

/** What lies in no namespace is about the cluster as a whole, and has its name. */
function nameObject(object: ObjectName): string {
  const { cluster, kind, namespace, name } = object;
  if (isCluster(object)) return `cluster ${cluster}`;
  return namespace === '' ? `${kind} of cluster ${cluster}` : `${kind} ${namespace}/${name} of cluster ${cluster}`;
}

function describeDepth(depth: QueueDepth, now: number): Health['queues'][string] {
  const { waiting, inFlight, deadLetters, oldestSentAt = now } = depth;
  return { waiting, inFlight, deadLetters, oldestSeconds: Math.max(0, Math.round((now - oldestSentAt) / 1000)) };
}

async function readStatuses(journal: Journal, cluster: string): Promise<readonly StatusRecord[]> {
  const records = await journal.list(cluster, 'status/');
  return records.flatMap((record) => (record.type === 'Status' ? [record] : []));
}

function describeCluster(all: readonly StatusRecord[]): ClusterHealth {
  const statuses = all.filter(({ object }) => object.kind === 'Kustomization');
  const cluster = all.find(({ object }) => isCluster(object));
  const latest = statuses.reduce((time, { observedAt }) => Math.max(time, observedAt), 0);
  const active = statuses.filter(({ suspended }) => !suspended);
  return {
    reachable: cluster === undefined || isConditionTrue(cluster.conditions, 'Ready'),
    ...(latest === 0 ? {} : { lastReconcileAt: new Date(latest).toISOString() }),
    kustomizations: statuses.length,
    ready: active.filter(({ conditions }) => isConditionTrue(conditions, 'Ready')).length,
    suspended: statuses.length - active.length,
    failed: active.filter(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'Ready' && status === 'False'),
    ).length,
    withheldPrunes: active.reduce((count, { withheld }) => count + (withheld?.count ?? 0), 0),
  };
}
