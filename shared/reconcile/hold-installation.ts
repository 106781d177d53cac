import { defined } from '#shared/common/defined.ts';
import { claimInstallation } from '#shared/engine/lease/claim-installation.ts';
import type { InstallationDecision } from '#shared/engine/lease/decide-installation.ts';
import { describePlace, type Installation } from '#shared/engine/lease/installation.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/flux/resource-key.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import { findCondition, replaceConditions } from '#shared/records/conditions.ts';
import type { EventRecord, InstallationRecord, JournalRecord, StatusRecord } from '#shared/records/journal-record.ts';

import type { ClusterFolder, DesiredState } from './desired-state.ts';
import type { JournalReporter } from './journal-reporter.ts';
import type { NextId } from './plan-start-records.ts';
import type { PreviousState } from './read-previous-state.ts';
import { readInstallation } from './read-previous-state.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';

/** Who works on the cluster, as the settings say. */
export interface InstallationSettings {
  readonly name: string;
  readonly repository: string;
  readonly branch: string;
  /** Names the place where the journal is kept: what a copy of it says is the memory of another installation. */
  readonly store: string;
}

/** Which cluster it is that has the name, as far as that is known. */
export interface ClusterIdentity {
  /** Its API server, as the settings name it. */
  readonly server?: string;
  /** Of its own. */
  readonly clusterUid?: string;
}

export interface HeldInstallation {
  readonly installation: Installation;
  /** That the cluster is another one than that of the last run: it was built anew, or the settings name another. */
  readonly isReplaced: boolean;
}

/** When one that was refused looks again whether it may. */
const RETRY_MS = 60_000;
const REASON = 'InstallationRefused';
const REPLACED = 'ClusterReplaced';

/**
 * Makes sure that the cluster is this installation's to work on, before anything is said or done, and leaves in the journal
 * what came of it.
 * @returns undefined when another one has it.
 */
export async function holdInstallation(
  request: ClusterFolder & ClusterIdentity & { readonly installation: InstallationSettings },
  desired: DesiredState,
  previous: PreviousState,
  ports: Pick<ReconcilePorts, 'api' | 'journal' | 'clock'> & { readonly reporter: Pick<JournalReporter, 'tell'> },
  nextId: NextId,
): Promise<HeldInstallation | undefined> {
  const { cluster, path, installation: settings } = request;
  const { name, repository, branch, store } = settings;
  const before = await readInstallation(cluster, ports.journal);
  const record = before?.store === store ? before : undefined;
  const isReplaced = record !== undefined && isAnother(record, request);
  const decision = await claimInstallation(ports.api, {
    cluster,
    name,
    place: { repository, branch, path },
    ...(record === undefined ? {} : { remembered: record.installation }),
    isReplaced,
    knows: (kustomization) =>
      previous.statuses.get(`Kustomization/${formatNamespacedName(kustomization)}`)?.lastAttemptedRevision !==
      undefined,
  });
  const now = ports.clock.now();
  if (decision.outcome === 'refused') {
    const refusal = recordRefusal(decision.message, desired, previous, now, nextId);
    await ports.reporter.tell('that the cluster is not ours', () => writeInBatches(ports.journal, refusal));
    return undefined;
  }
  const identity = identityOf(request, isReplaced ? undefined : record);
  const news = [
    ...(isReplaced ? recordReplaced(desired, previous, now, nextId) : []),
    ...recordHeld(decision, desired, record, { store, ...identity }, now, nextId),
  ];
  // The lease in the cluster says the same: without the record the next run compares places, and writes it again.
  if (news.length > 0) await ports.reporter.tell('whose the cluster is', () => ports.journal.write(news));
  return { installation: decision.installation, isReplaced };
}

/** By what the cluster says of itself; where nobody may look, by its address. */
function isAnother(before: ClusterIdentity, { server, clusterUid }: ClusterIdentity): boolean {
  if (clusterUid !== undefined && before.clusterUid !== undefined) return clusterUid !== before.clusterUid;
  return server !== undefined && before.server !== undefined && server !== before.server;
}

/** What cannot be seen in this run was seen in an earlier one. */
function identityOf({ server, clusterUid }: ClusterIdentity, before: ClusterIdentity | undefined): ClusterIdentity {
  const known = { server: server ?? before?.server, clusterUid: clusterUid ?? before?.clusterUid };
  return {
    ...defined({ server: known.server, clusterUid: known.clusterUid }),
  };
}

/** Should the run die before it has applied everything, the root is still due: the journal says `Ready` of the other cluster. */
function recordReplaced(
  { cluster, revision, nodes }: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const { namespace, name } = nodes[0]?.kustomization ?? ROOT_NAME;
  const root = previous.statuses.get(`Kustomization/${formatNamespacedName({ namespace, name })}`);
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: { cluster, kind: 'Kustomization', namespace, name },
    severity: 'info',
    reason: REPLACED,
    message: `cluster ${cluster} is another one than before: everything is applied to it, and of what lies there already nothing is pruned but by an inventory that came along with it`,
    revision,
    at: now,
  };
  return [...(root === undefined ? [] : [{ ...root, dueAt: now }]), event];
}

function recordHeld(
  { installation, how }: InstallationDecision & { outcome: 'held' },
  { cluster, revision }: DesiredState,
  before: InstallationRecord | undefined,
  now: Pick<InstallationRecord, 'store' | 'server' | 'clusterUid'>,
  at: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const isKnown = before !== undefined && before.server === now.server && before.clusterUid === now.clusterUid;
  const isSame = JSON.stringify(before?.installation) === JSON.stringify(installation);
  if (how === 'known' && isKnown && isSame) return [];
  const record: InstallationRecord = { type: 'Installation', cluster, installation, ...now, at };
  const message = describeNews(installation, how, before?.installation);
  if (message === undefined) return [record];
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: { cluster, kind: 'Kustomization', ...ROOT_NAME },
    severity: 'info',
    reason: how === 'adopted' ? 'InstallationAdopted' : 'InstallationMoved',
    message,
    revision,
    at,
  };
  return [record, event];
}

function describeNews(
  { name, identity, place }: Installation,
  how: (InstallationDecision & { outcome: 'held' })['how'],
  before: Installation | undefined,
): string | undefined {
  switch (how) {
    case 'adopted':
      return `installation ${name} (${identity}), of ${describePlace(place)}, took over what another one had applied, as was said on its lease`;
    case 'moved':
      return `installation ${name} (${identity}) is of ${describePlace(place)} now${before === undefined ? '' : `, and was of ${describePlace(before.place)}`}`;
    case 'known':
    case 'new':
    case 'restored':
      return undefined;
  }
}

/** The root says why; the others only that they are not worked on. */
function recordRefusal(
  message: string,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const { cluster, report } = desired;
  const { namespace, name } = desired.nodes[0]?.kustomization ?? ROOT_NAME;
  const rootName = formatNamespacedName({ namespace, name });
  const rootKey = `Kustomization/${rootName}`;
  const root: StatusRecord = previous.statuses.get(rootKey) ?? {
    type: 'Status',
    object: { cluster, kind: 'Kustomization', namespace, name },
    conditions: [],
    suspended: false,
    observedAt: now,
    details: {},
  };
  const others = [...previous.statuses]
    .filter(([key, { object }]) => object.kind === 'Kustomization' && key !== rootKey)
    .map(([, status]) => refuse(status, `see Kustomization ${rootName}`, report, now));
  const isTold = findCondition(root.conditions, 'Stalled')?.message === message;
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: root.object,
    severity: 'error',
    reason: REASON,
    message,
    revision: desired.revision,
    at: now,
  };
  return [refuse(root, message, report, now), ...(isTold ? [] : [...others, event])];
}

function refuse(status: StatusRecord, message: string, report: DesiredState['report'], now: number): StatusRecord {
  return {
    ...status,
    conditions: replaceConditions(
      status.conditions,
      [
        { type: 'Ready', status: 'False', reason: REASON, message },
        { type: 'Stalled', status: 'True', reason: REASON, message },
      ],
      now,
    ),
    report,
    observedAt: now,
    dueAt: now + RETRY_MS,
  };
}
