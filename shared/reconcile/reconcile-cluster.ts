import { applyCluster } from '#shared/engine/apply-cluster.ts';
import { readClusterUid } from '#shared/engine/lease/cluster-uid.ts';
import type { ApplyOutcome, PruneGuard } from '#shared/engine/model/apply-request.ts';
import { ROOT_NAME } from '#shared/flux/resource-key.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import { journalObject, type RequestRecord } from '#shared/records/journal-record.ts';
import { recordId } from '#shared/records/record-id.ts';

import { describeDrift } from './describe-outcome.ts';
import type { ClusterFolder, DesiredState } from './desired-state.ts';
import { explainOutcome } from './explain-outcome.ts';
import { holdInstallation, type InstallationSettings } from './hold-installation.ts';
import { isSuperseded } from './is-superseded.ts';
import { createJournalReporter, type JournalReporter } from './journal-reporter.ts';
import { logResults, logRunStarted } from './log-run.ts';
import { observeDesiredState } from './observe-desired-state.ts';
import { keepOwed, recallOwed } from './owed-declarations.ts';
import { planReconcile } from './plan-reconcile.ts';
import type { NextId } from './plan-start-records.ts';
import { objectKey, planStartRecords } from './plan-start-records.ts';
import { readPreviousState } from './read-previous-state.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { recordReconcile } from './record-reconcile.ts';
import { redactOutcome } from './redact-outcome.ts';
import { writeStartRecords } from './write-start-records.ts';

export interface ReconcileRequest extends ClusterFolder {
  readonly installation: InstallationSettings;
  /** The API server, as the settings name it. */
  readonly server?: string;
  readonly pruneGuard: PruneGuard;
  /** The root's approval, from the settings: `"<namespace>/<kustomization>=<count>"`. */
  readonly approvePrune?: string;
  /** No request is started after this; milliseconds since the epoch. */
  readonly deadline: number;
  /** How long the run may wait for health; milliseconds since the epoch. */
  readonly awaitHealthUntil: number;
  /** Whether the process is told to end before that. */
  readonly isOutOfTime?: () => boolean;
  /** Whether this run still is the only one on the cluster. */
  readonly holdsLease: () => boolean;
}

export type ReconcileOutcome =
  | { readonly outcome: 'no-source' }
  /** The cluster belongs to another installation; the journal says to whom, and what to do. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'reconciled'; readonly desired: DesiredState; readonly applied: ApplyOutcome };

/**
 * Brings one cluster to what Git asks for: observe what Git asks and what the last runs knew, make sure that the cluster
 * is this installation's, say what is about to happen, plan, execute, record. The caller holds the cluster's lease.
 *
 * What keeps the cluster safe lies in the cluster: the lease, the installation's own, the inventory. What is written to the
 * journal tells others, so that a failure to write it is told in turn, and stops nothing.
 * @throws TidegateError `RecordFailed` (retry) when all was done, and not all of it could be recorded.
 */
export async function reconcileCluster(request: ReconcileRequest, ports: ReconcilePorts): Promise<ReconcileOutcome> {
  const { cluster, holdsLease } = request;
  const { journal, clock, log } = ports;
  const nextId = numberRecords(clock.now());
  const recorded = await readPreviousState(cluster, journal);
  const { previous, pending } = await recallOwed(journal, cluster, recorded);
  const known = previous.fluxObjects ?? previous.fluxObjectsDamage?.readable;
  const remembered = { ...previous.remembered, sources: known?.gitRepositories ?? [] };
  const desired = await observeDesiredState(request, remembered, ports);
  if (desired === undefined) {
    await journal.write([askForRoot(cluster, clock.now(), nextId)]);
    return { outcome: 'no-source' };
  }
  const reporter = createJournalReporter(cluster, journal, log);
  const conclude = () =>
    reporter.conclude(previous.statuses.get(objectKey(journalObject(cluster))), clock.now(), nextId);
  const clusterUid = await readClusterUid(ports.api);
  const identity = clusterUid === undefined ? {} : { clusterUid };
  const held = await holdInstallation({ ...request, ...identity }, desired, previous, { ...ports, reporter }, nextId);
  if (held === undefined) {
    await conclude();
    return { outcome: 'refused' };
  }
  const { installation, isReplaced } = held;

  logRunStarted(desired, log);
  const startRecords = planStartRecords(desired, previous, clock.now(), nextId);
  const owed = [...pending, ...(await writeStartRecords(startRecords, { journal, reporter, holdsLease }))];
  keepOwed(journal, cluster, recorded.remembered, owed);

  // How long something has been awaited in another cluster says nothing of this one.
  const plan = planReconcile(
    desired,
    isReplaced ? { ...previous, statuses: new Map() } : previous,
    request.approvePrune,
  );
  const { isOutOfTime = () => false } = request;
  const outcome = await applyCluster(
    { ...plan, ...request, ...identity, installation },
    {
      ...ports,
      records: noteUnsaved(ports.records, reporter),
      holdsLease,
      isOutOfTime,
      isSuperseded: () => isSuperseded(desired, journal, log),
      onDrift: (set, objects) =>
        reporter.tell('drift', () => {
          const draft = describeDrift(cluster, set, objects);
          return journal.write([{ type: 'Event', id: nextId(), at: clock.now(), ...draft }]);
        }),
    },
  );
  const applied = redactOutcome(explainOutcome(outcome, desired, request.approvePrune), desired.secrets);

  // While another run holds the lease, what it has read of Git since is the newer.
  if (owed.length > 0 && holdsLease()) {
    await reporter.tell('what is about to happen', async () => {
      await writeInBatches(journal, owed);
      keepOwed(journal, cluster, undefined, []);
    });
  }
  await reporter.tell('what was done', () =>
    writeInBatches(journal, recordReconcile(applied, desired, previous, clock.now(), nextId)),
  );
  logResults(applied, log);
  await conclude();
  return { outcome: 'reconciled', desired, applied };
}

/** The records of what was applied are a cache: without them the next run looks at more. */
function noteUnsaved(records: ReconcilePorts['records'], reporter: JournalReporter): ReconcilePorts['records'] {
  return {
    load: (cluster) => records.load(cluster),
    save: async (cluster, bytes) => {
      try {
        await records.save(cluster, bytes);
      } catch (error) {
        reporter.note('the record of what was applied', error);
        throw error;
      }
    },
  };
}

/** Ids sort by time, and name the worker, so that two workers in one millisecond never take each other's. */
function numberRecords(startedAt: number): NextId {
  let count = 0;
  return () => {
    count += 1;
    return recordId(startedAt, `reconcile-${String(count).padStart(4, '0')}`);
  };
}

function askForRoot(cluster: string, now: number, nextId: NextId): RequestRecord {
  return {
    type: 'Request',
    cluster,
    id: nextId(),
    queue: 'source-sync',
    group: `${cluster}/${ROOT_NAME.namespace}/${ROOT_NAME.name}`,
    message: { type: 'SyncSource', source: { cluster, kind: 'GitRepository', ...ROOT_NAME } },
    at: now,
  };
}
