import type { ApplyOutcome, SetOutcome } from '#shared/engine/model/apply-request.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { isConditionTrue } from '#shared/records/conditions.ts';
import type {
  EventRecord,
  JournalRecord,
  RequestRecord,
  StatusRecord,
  TombstoneRecord,
} from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';

import { describeOutcome } from './describe-outcome.ts';
import type { DesiredState, FrozenBy, KustomizationNode, LastRenderUse } from './desired-state.ts';
import { isWhollyKnown } from './is-wholly-known.ts';
import { objectKey, type NextId } from './plan-start-records.ts';
import type { PreviousState } from './read-previous-state.ts';

/** After this much time a Kustomization is looked at again when its spec does not say. */
const DEFAULT_INTERVAL_MS = 600_000;
const DEFAULT_RETRY_MS = 60_000;

/** What a run leaves in the journal: a status and the news of each Kustomization, and its continuation where it stopped early. */
export function recordReconcile(
  outcome: ApplyOutcome,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const nodes = new Map(desired.nodes.map((node) => [formatNamespacedName(node.kustomization), node]));
  const records = [
    ...outcome.sets.flatMap((set) => recordSet(set, nodes, desired, previous, now, nextId)),
    ...forgetKustomizations(outcome, desired, previous, now),
    ...tellDoubts(desired, previous, now, nextId),
    ...requestContinuation(outcome, desired, now, nextId),
  ];
  // The new lease holder owns the status; record only this run's events.
  return outcome.ended === 'lease-lost' ? records.filter((record) => record.type === 'Event') : records;
}

/** The status of a Kustomization that is gone from Git and has nothing in the cluster, where the engine would find it. */
function forgetKustomizations(
  outcome: ApplyOutcome,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
): readonly TombstoneRecord[] {
  if (!isWhollyKnown(desired)) return [];
  const told = new Set(outcome.sets.map((set) => formatNamespacedName(set.id)));
  return [...previous.statuses.values()]
    .filter(({ object }) => object.kind === 'Kustomization' && !told.has(formatNamespacedName(object)))
    .map((status) => ({ type: 'Tombstone', ...journalKey(status), at: now }));
}

/** Doubts hold up every prune of the cluster, so they are told when they are new, whether or not anything waits. */
function tellDoubts(
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly EventRecord[] {
  const [root] = desired.nodes;
  if (root === undefined || desired.doubts.length === 0) return [];
  const { namespace, name } = root.kustomization;
  const object = { cluster: desired.cluster, kind: 'Kustomization', namespace, name };
  const message = describeDoubts(desired);
  if (previous.statuses.get(objectKey(object))?.details['doubts'] === message) return [];
  return [
    {
      type: 'Event',
      id: nextId(),
      object,
      severity: 'warning',
      reason: 'PruneWithheld',
      message: `nothing is pruned: ${message}`,
      revision: desired.revision,
      at: now,
    },
  ];
}

function recordDoubts(desired: DesiredState, before: StatusRecord | undefined, now: number): StatusRecord['details'] {
  return { doubts: describeDoubts(desired), doubtsSince: before?.details['doubtsSince'] ?? String(now) };
}

function describeDoubts({ doubts }: DesiredState): string {
  return doubts.join('; ').slice(0, 2_000);
}

function recordSet(
  set: SetOutcome,
  nodes: ReadonlyMap<string, KustomizationNode>,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const name = formatNamespacedName(set.id);
  const node = nodes.get(name);
  const before = previous.statuses.get(`Kustomization/${name}`);
  if (isMissing(set) && !isWhollyKnown(desired)) return before === undefined ? [] : [lookAgain(before, now)];
  const { status: described, events } = describeOutcome(set, {
    cluster: desired.cluster,
    // What goes on from its last render says nothing about a commit that it has not read.
    report: node?.lastRender === undefined ? desired.report : (before?.report ?? desired.report),
    ...noteOf(node),
    now,
    intervalMs: node?.kustomization.intervalMs ?? DEFAULT_INTERVAL_MS,
    retryIntervalMs: node?.kustomization.retryIntervalMs ?? DEFAULT_RETRY_MS,
    stalled: node?.stalled ?? set.state === 'failed',
    previous: before,
  });
  const status =
    node === desired.nodes[0] && desired.doubts.length > 0
      ? { ...described, details: { ...described.details, ...recordDoubts(desired, before, now) } }
      : described;
  return [
    ...events.map((draft) => ({ type: 'Event', id: nextId(), at: now, ...draft }) as const),
    set.state === 'deleted' ? lastWord(status, before, now) : status,
  ];
}

function noteOf(node: KustomizationNode | undefined): { readonly note?: string } {
  if (node?.lastRender !== undefined) return { note: describeLastRender(node.lastRender) };
  return node?.frozen === undefined ? {} : { note: describeFrozen(node.frozen) };
}

function describeFrozen({ suspended }: FrozenBy): string {
  return `it goes on as it was declared last while Kustomization ${formatNamespacedName(suspended)}, which declares it, is suspended`;
}

function describeLastRender({ brokenBy, isPinned }: LastRenderUse): string {
  const from = isPinned ? 'its last render' : 'how it was declared last';
  return `it goes on from ${from} while Kustomization ${formatNamespacedName(brokenBy)}, which declares it, cannot be read`;
}

/** Not among what Git asks for, as far as that could be read. */
function isMissing(set: SetOutcome): boolean {
  return set.state === 'deleting' || set.state === 'deleted';
}

/** What renders it may be what is broken or suspended: nothing is known of it that was not known before. */
function lookAgain(before: StatusRecord, now: number): StatusRecord {
  return { ...before, dueAt: now + DEFAULT_INTERVAL_MS };
}

/** If it was reported as deleting, report the deletion once; the next run removes the record. */
function lastWord(status: StatusRecord, before: StatusRecord | undefined, now: number): JournalRecord {
  return before !== undefined && isConditionTrue(before.conditions, 'Reconciling')
    ? status
    : { type: 'Tombstone', ...journalKey(status), at: now };
}

/** A run that was superseded has its successor in the queue already, and one that lost its lease has another at work. */
function requestContinuation(
  outcome: ApplyOutcome,
  desired: DesiredState,
  now: number,
  nextId: NextId,
): readonly RequestRecord[] {
  if (outcome.ended !== 'deadline') return [];
  const { cluster } = desired;
  return [
    {
      type: 'Request',
      cluster,
      id: nextId(),
      queue: `reconcile/${cluster}`,
      group: cluster,
      message: { type: 'Reconcile', cluster, reason: 'Continuation' },
      at: now,
    },
  ];
}
