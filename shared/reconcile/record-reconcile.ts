import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { ApplyOutcome, SetOutcome } from '#shared/apply/desired-state.ts';
import type { JournalRecord, RequestRecord } from '#shared/journal/journal-record.ts';
import { journalKey } from '#shared/journal/journal-record.ts';
import type { NextId } from './announce-reconcile.ts';
import { describeOutcome } from './describe-outcome.ts';
import type { DesiredState } from './desired-state.ts';
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
  return [
    ...outcome.sets.flatMap((set) => recordSet(set, desired, previous, now, nextId)),
    ...requestContinuation(outcome, desired, now, nextId),
  ];
}

function recordSet(
  set: SetOutcome,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const name = formatNamespacedName(set.id);
  const node = desired.nodes.find((one) => formatNamespacedName(one.kustomization) === name);
  const { status, events } = describeOutcome(set, {
    cluster: desired.cluster,
    report: desired.report,
    now,
    intervalMs: node?.kustomization.intervalMs ?? DEFAULT_INTERVAL_MS,
    retryIntervalMs: node?.kustomization.retryIntervalMs ?? DEFAULT_RETRY_MS,
    stalled: node?.stalled ?? set.state === 'failed',
    previous: previous.statuses.get(`Kustomization/${name}`),
  });
  return [
    ...events.map((draft) => ({ type: 'Event', id: nextId(), at: now, ...draft }) as const),
    set.state === 'deleted' ? ({ type: 'Tombstone', ...journalKey(status), at: now } as const) : status,
  ];
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
