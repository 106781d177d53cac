import { defined } from '#shared/common/defined.ts';
import type { ApplyFailure, ChangeSetEntry, DesiredSet, SetOutcome } from '#shared/engine/model/apply-request.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { boundMessage, findCondition, replaceConditions } from '#shared/records/conditions.ts';
import type { Condition, EventRecord, ObjectName, StatusRecord } from '#shared/records/journal-record.ts';

import { describeWithheld, formatPlace, summarizeWithheld } from './describe-withheld.ts';
import { limit, nameObjects, shorten } from './shorten-message.ts';

/** Failures told in one message. */
const MAX_FAILURES = 50;
const APPLY_FAILED = 'ReconciliationFailed';

export interface OutcomeContext {
  readonly cluster: string;
  readonly report: { readonly repository: string; readonly commit: string };
  readonly now: number;
  /** When the Kustomization is due again after success and after failure; milliseconds. */
  readonly intervalMs: number;
  readonly retryIntervalMs: number;
  /** Only a change in Git can help. */
  readonly stalled: boolean;
  readonly previous: StatusRecord | undefined;
  /** What is to be known beside every verdict. */
  readonly note?: string;
}

export type EventDraft = Omit<EventRecord, 'type' | 'id' | 'at'>;

/** What is recorded of one Kustomization after a run: its status, and the events that are news. */
export function describeOutcome(
  outcome: SetOutcome,
  context: OutcomeContext,
): { readonly status: StatusRecord; readonly events: readonly EventDraft[] } {
  const object: ObjectName = { cluster: context.cluster, kind: 'Kustomization', ...outcome.id };
  const verdict = withNote(verdictOf(outcome, context), context.note);
  const status: StatusRecord = {
    type: 'Status',
    object,
    conditions: replaceConditions(context.previous?.conditions ?? [], verdict.conditions, context.now),
    ...(outcome.revision === '' ? {} : { lastAttemptedRevision: outcome.revision }),
    ...lastApplied(outcome, context.previous),
    report: context.report,
    suspended: outcome.state === 'suspended',
    observedAt: context.now,
    ...dueAt(outcome, context),
    ...withheldOf(outcome, context.previous),
    details: detailsOf(outcome, context),
  };
  return { status, events: eventsOf(outcome, object, verdict, context) };
}

interface Verdict {
  readonly reason: string;
  readonly message: string;
  readonly conditions: readonly Omit<Condition, 'lastTransitionTime'>[];
}

function withNote(verdict: Verdict, note: string | undefined): Verdict {
  const add = <T extends { readonly message: string }>(one: T): T => ({
    ...one,
    message: boundMessage(note === undefined ? one.message : `${one.message}; ${note}`),
  });
  return { ...add(verdict), conditions: verdict.conditions.map(add) };
}

function verdictOf(outcome: SetOutcome, context: OutcomeContext): Verdict {
  const { reason } = outcome;
  switch (outcome.state) {
    case 'ready':
    case 'unchanged': {
      const message = withWithheld(`Applied revision: ${outcome.revision}`, outcome);
      return { reason, message, conditions: [{ type: 'Ready', status: 'True', reason, message }] };
    }
    case 'progressing':
    case 'deleting': {
      const message = withWithheld(outcome.message, outcome);
      return {
        reason,
        message,
        conditions: [
          { type: 'Ready', status: 'Unknown', reason, message },
          { type: 'Reconciling', status: 'True', reason, message },
        ],
      };
    }
    case 'failed':
    case 'blocked': {
      const message = describeFailure(outcome);
      const ready = { type: 'Ready', status: 'False', reason, message } as const;
      return {
        reason,
        message,
        conditions: context.stalled ? [ready, { type: 'Stalled', status: 'True', reason, message }] : [ready],
      };
    }
    case 'deleted': {
      const { message } = outcome;
      return { reason, message, conditions: [{ type: 'Ready', status: 'True', reason, message }] };
    }
    case 'suspended':
      return { reason, message: outcome.message, conditions: conditionsWhileSuspended(outcome, context) };
  }
}

/** It stays what it was, but nobody is at it, and it is no case for a person. */
function conditionsWhileSuspended(outcome: SetOutcome, { previous }: OutcomeContext): Verdict['conditions'] {
  const ready = findCondition(previous?.conditions ?? [], 'Ready');
  if (ready !== undefined) return [ready];
  const { reason, message } = outcome;
  return [{ type: 'Ready', status: 'Unknown', reason, message }];
}

function eventsOf(
  outcome: SetOutcome,
  object: ObjectName,
  verdict: Verdict,
  context: OutcomeContext,
): readonly EventDraft[] {
  const base = { object, ...(outcome.revision === '' ? {} : { revision: outcome.revision }) };
  const changed = outcome.changes.filter((entry) => ['created', 'configured', 'deleted'].includes(entry.action));
  const drafts: EventDraft[] = [];
  const planned = changed.filter((entry) => !entry.drift);
  if (planned.length > 0) {
    drafts.push({ ...base, severity: 'info', reason: 'Progressing', message: nameEntries(planned) });
  }
  const drifted = changed.filter((entry) => entry.drift);
  if (drifted.length > 0) {
    drafts.push({ ...base, severity: 'info', reason: 'DriftCorrected', message: nameEntries(drifted) });
  }
  const news = isNews(verdict, context.previous);
  if (outcome.state === 'failed' && news) {
    drafts.push({ ...base, severity: 'error', reason: verdict.reason, message: verdict.message });
  }
  if (outcome.state === 'blocked' && news) {
    drafts.push({ ...base, severity: 'info', reason: verdict.reason, message: verdict.message });
  }
  if (outcome.state === 'ready' && (news || outcome.revision !== context.previous?.lastAppliedRevision)) {
    drafts.push({ ...base, severity: 'info', reason: verdict.reason, message: verdict.message });
  }
  if (outcome.state === 'deleted') {
    drafts.push({ ...base, severity: 'info', reason: 'Deleted', message: outcome.message });
  }
  if (outcome.state === 'suspended' && context.previous?.suspended !== true) {
    drafts.push({ ...base, severity: 'info', reason: 'Suspended', message: describeSuspended(outcome, context) });
  }
  const withheld = describeWithheld(outcome);
  if (withheld !== undefined && withheld !== context.previous?.details['withheld']) {
    const severity = summarizeWithheld(outcome) === undefined ? 'info' : 'warning';
    drafts.push({ ...base, severity, reason: 'PruneWithheld', message: withheld });
  }
  const orphans = nameObjects(outcome.orphans);
  if (orphans !== '' && orphans !== context.previous?.details['orphans']) {
    drafts.push({
      ...base,
      severity: 'warning',
      reason: 'Orphaned',
      message: `${orphans}: the ApplySet label was removed by hand and Git no longer names it; it is left as it is, delete it or label it again`,
    });
  }
  return drafts;
}

function isNews(verdict: Verdict, previous: StatusRecord | undefined): boolean {
  const ready = previous?.conditions.find((condition) => condition.type === 'Ready');
  return ready?.reason !== verdict.reason || ready.message !== verdict.message;
}

function lastApplied(outcome: SetOutcome, previous: StatusRecord | undefined): { lastAppliedRevision?: string } {
  if (outcome.state === 'ready') return { lastAppliedRevision: outcome.revision };
  return previous?.lastAppliedRevision === undefined ? {} : { lastAppliedRevision: previous.lastAppliedRevision };
}

function dueAt(outcome: SetOutcome, context: OutcomeContext): { dueAt?: number } {
  switch (outcome.state) {
    case 'ready':
    case 'unchanged':
      return { dueAt: context.now + context.intervalMs };
    case 'progressing':
    case 'deleting':
      return { dueAt: context.now };
    case 'failed':
    case 'blocked':
      // A dependency may be ready at any time; a stalled one is looked at again when Git changes.
      return { dueAt: context.now + (outcome.state === 'blocked' ? 0 : context.retryIntervalMs) };
    case 'suspended':
    case 'deleted':
      return {};
  }
}

function withheldOf(outcome: SetOutcome, previous: StatusRecord | undefined): Pick<StatusRecord, 'withheld'> {
  // Nobody looked at what would be pruned of it.
  const withheld = isLookedAt(outcome) ? summarizeWithheld(outcome) : previous?.withheld;
  return withheld === undefined ? {} : { withheld };
}

function isLookedAt({ state }: SetOutcome): boolean {
  return state !== 'unchanged' && state !== 'suspended' && state !== 'blocked';
}

function detailsOf(outcome: SetOutcome, { previous, now }: OutcomeContext): Readonly<Record<string, string>> {
  const counts = new Map<string, number>();
  for (const entry of outcome.changes) counts.set(entry.action, (counts.get(entry.action) ?? 0) + 1);
  const withheld = isLookedAt(outcome) ? describeWithheld(outcome) : previous?.details['withheld'];
  const waits = withheldOf(outcome, previous).withheld !== undefined;
  const orphans = nameObjects(outcome.orphans);
  return {
    ...(counts.size === 0 ? {} : { changes: [...counts].map(([action, count]) => `${count} ${action}`).join(', ') }),
    ...defined({ withheld }),
    ...(waits ? { withheldSince: previous?.details['withheldSince'] ?? String(now) } : {}),
    ...(orphans === '' ? {} : { orphans, orphansSince: previous?.details['orphansSince'] ?? String(now) }),
    ...(outcome.awaitingSince === undefined ? {} : { awaitingSince: String(outcome.awaitingSince) }),
  };
}

/** Each object and what the server says of it; the field that is wrong comes first, then where it stands. */
function describeFailure(outcome: SetOutcome): string {
  if (outcome.failures.length === 0) return shorten(outcome.message);
  const lines = outcome.failures.slice(0, MAX_FAILURES).map(describeApplyFailure);
  const more = outcome.failures.length - MAX_FAILURES;
  // The engine's own message for failures is a list of them.
  const own = outcome.reason === APPLY_FAILED ? [] : [outcome.message];
  return shorten([...own, ...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n'));
}

function describeApplyFailure({ id, reason, message, field, place }: ApplyFailure): string {
  const name = formatObjectId(id);
  const at = place === undefined ? '' : formatPlace(place);
  if (field === undefined) return `${name}${at === '' ? '' : ` (${at})`}: ${reason}: ${message}`;
  const [first = '', ...rest] = message.split('\n');
  return [`${first} (${[at, name].filter((part) => part !== '').join(', ')})`, ...rest].join('\n');
}

function describeSuspended(outcome: SetOutcome, { previous }: OutcomeContext): string {
  const applied = previous?.lastAppliedRevision;
  return `${outcome.message}${applied === undefined ? '' : `; its objects stay as of ${applied}`}`;
}

function withWithheld(message: string, outcome: SetOutcome): string {
  const waits = summarizeWithheld(outcome);
  return waits === undefined ? message : `${message}; ${waits.count} not pruned: ${waits.line}`;
}

/** What is told of drift before it is put right. */
export function describeDrift(cluster: string, set: DesiredSet, objects: readonly ObjectId[]): EventDraft {
  return {
    object: { cluster, kind: 'Kustomization', namespace: set.id.namespace, name: set.id.name },
    severity: 'info',
    reason: 'DriftDetected',
    message: shorten(limit(objects.map((id) => `${formatObjectId(id)} is not as Git says`)).join('\n')),
    revision: set.revision,
  };
}

function nameEntries(entries: readonly ChangeSetEntry[]): string {
  return shorten(limit(entries.map((entry) => `${formatObjectId(entry.id)} ${entry.action}`)).join('\n'));
}
