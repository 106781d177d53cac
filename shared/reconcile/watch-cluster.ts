import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import { ROOT_NAME } from '#shared/flux/resource-key.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { findCondition, isConditionTrue, replaceConditions, type ConditionState } from '#shared/records/conditions.ts';
import {
  clusterObject,
  sourceHeadKey,
  statusKey,
  type EventRecord,
  type SourceHead,
  type StatusRecord,
} from '#shared/records/journal-record.ts';
import { recordId } from '#shared/records/record-id.ts';
import { parseRevision } from '#shared/sources/revision.ts';

import { RECORD_FAILED } from './journal-reporter.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { shorten } from './shorten-message.ts';

/** A cluster that restarts is back after less; milliseconds. */
const PATIENCE_MS = 60_000;
/** Another run is at work: that the cluster answers is seen from it. */
const OTHERS_AT_WORK: ReadonlySet<string> = new Set(['LeaseHeld', 'InstallationContended']);

type WatchPorts = Pick<ReconcilePorts, 'journal' | 'clock' | 'log'>;

/**
 * Does what is done on a cluster, and keeps in the journal whether it can be done: no Kustomization tells that its
 * cluster does not answer, because nobody gets as far as to look at one.
 */
export async function watchCluster<T>(cluster: string, ports: WatchPorts, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = error instanceof TidegateError ? error.code : '';
    // What could not be told says nothing of the cluster, which was worked on.
    if (code === RECORD_FAILED) await record(cluster, ports);
    else if (!OTHERS_AT_WORK.has(code)) await record(cluster, ports, error);
    throw error;
  }
  await record(cluster, ports);
  return result;
}

/** What became of the work counts, even if nobody can write it down. */
async function record(cluster: string, ports: WatchPorts, error?: unknown): Promise<void> {
  try {
    await (error === undefined ? recordAnswers(cluster, ports) : recordAway(cluster, error, ports));
  } catch (failure) {
    ports.log.error('state of the cluster not recorded', { cluster, reason: describeError(failure) });
  }
}

async function recordAway(cluster: string, error: unknown, { journal, clock }: WatchPorts): Promise<void> {
  const now = clock.now();
  const before = await readStatus(cluster, journal);
  const known = findCondition(before?.conditions ?? [], 'Ready');
  const isNew = known?.status !== 'False';
  const since = isNew ? now : known.lastTransitionTime;
  const { reason, message } = explain(cluster, error);
  const ready: ConditionState = { type: 'Ready', status: 'False', reason, message };
  const retrying: ConditionState = { type: 'Reconciling', status: 'True', reason: 'Retrying', message };
  const status: StatusRecord = {
    type: 'Status',
    object: clusterObject(cluster),
    conditions: replaceConditions(
      before?.conditions ?? [],
      now - since < PATIENCE_MS ? [ready, retrying] : [ready],
      now,
    ),
    ...(await findUnapplied(cluster, journal)),
    suspended: false,
    observedAt: now,
    details: {},
  };
  const event: EventRecord = {
    type: 'Event',
    id: eventId(now),
    object: status.object,
    severity: 'error',
    reason,
    message,
    at: now,
  };
  await journal.write([status, ...(isNew ? [event] : [])]);
}

async function recordAnswers(cluster: string, { journal, clock }: WatchPorts): Promise<void> {
  const before = await readStatus(cluster, journal);
  if (before === undefined || isConditionTrue(before.conditions, 'Ready')) return;
  const now = clock.now();
  const since = findCondition(before.conditions, 'Ready')?.lastTransitionTime ?? now;
  const reason = 'ClusterReachable';
  const message = `cluster ${cluster} can be worked on again, after ${Math.ceil((now - since) / 1000)} s`;
  const { object } = before;
  await journal.write([
    {
      ...before,
      conditions: replaceConditions(before.conditions, [{ type: 'Ready', status: 'True', reason, message }], now),
      observedAt: now,
    },
    { type: 'Event', id: eventId(now), object, severity: 'info', reason, message, at: now },
  ]);
}

/** Runs of a cluster follow one another. */
function eventId(now: number): string {
  return recordId(now, 'cluster-0001');
}

function explain(cluster: string, error: unknown): Pick<ConditionState, 'reason' | 'message'> {
  if (!(error instanceof KubernetesApiError)) {
    const reason = error instanceof TidegateError ? error.code : 'ReconciliationFailed';
    return { reason, message: shorten(`cluster ${cluster} cannot be worked on: ${describeError(error)}`) };
  }
  const { code, message } = error.status;
  const reason = code === 401 ? 'AuthenticationFailed' : error.status.reason;
  const refusal = code === 401 ? 'the API server does not accept the credentials' : 'the API server refuses';
  return { reason, message: shorten(`cluster ${cluster} cannot be worked on: ${refusal}: ${message} (${code})`) };
}

/** The commit that waits for the cluster. One that runs there already is not marked for what came after it. */
async function findUnapplied(cluster: string, journal: Journal): Promise<Pick<StatusRecord, 'report'>> {
  const [head, statuses] = await Promise.all([
    journal.read(cluster, sourceHeadKey({ kind: 'GitRepository', ...ROOT_NAME })),
    journal.list(cluster, 'status/Kustomization/'),
  ]);
  if (
    head?.type !== 'SourceHead' ||
    isApplied(
      head,
      statuses.filter((one) => one.type === 'Status'),
    )
  ) {
    return {};
  }
  const commit = parseRevision(head.revision)?.oid;
  return commit === undefined ? {} : { report: { repository: head.url, commit } };
}

function isApplied(head: SourceHead, statuses: readonly StatusRecord[]): boolean {
  const commit = parseRevision(head.revision)?.oid;
  const isRoot = ({ object }: StatusRecord): boolean =>
    object.namespace === ROOT_NAME.namespace && object.name === ROOT_NAME.name;
  return (
    statuses.find(isRoot)?.report?.commit === commit &&
    !statuses.some(({ conditions }) => isConditionTrue(conditions, 'Reconciling'))
  );
}

async function readStatus(cluster: string, journal: Journal): Promise<StatusRecord | undefined> {
  const record = await journal.read(cluster, statusKey(clusterObject(cluster)));
  return record?.type === 'Status' ? record : undefined;
}
