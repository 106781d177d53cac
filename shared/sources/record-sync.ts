import { defined } from '#shared/common/defined.ts';
import { describeError, dispositionOf, notBeforeOf, TidegateError } from '#shared/common/tidegate-error.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { boundMessage } from '#shared/records/conditions.ts';
import type { Condition, EventRecord, JournalRecord, StatusRecord } from '#shared/records/journal-record.ts';
import { recordId } from '#shared/records/record-id.ts';

import type { StoredArtifact } from './execute-sync.ts';
import type { RemoteState } from './observe-source.ts';
import { sourceSpecDigest } from './source-spec-digest.ts';
import type { KnownSource } from './sources-to-sync.ts';

/** What is written when a new artifact was stored: the head, the news, and the wish to reconcile. */
export function recordStored(
  source: KnownSource,
  remote: RemoteState,
  artifact: StoredArtifact,
  at: number,
): readonly JournalRecord[] {
  const { key } = source;
  const { revision } = remote.resolved;
  const name = `${key.kind} ${formatNamespacedName(key)}`;
  const message = storedMessage(revision);
  const leftOut = artifact.leftOut === 0 ? '' : `; left out ${artifact.leftOut} links and submodules`;
  return [
    { type: 'SourceHead', source: key, revision, digest: artifact.digest, url: remote.url, observedAt: at },
    readyStatus(source, remote, artifact.digest, at),
    event(source, { severity: 'info', reason: 'NewArtifact', message: `${message}${leftOut}`, revision }, at),
    {
      type: 'Request',
      cluster: key.cluster,
      id: idOf(source, at),
      queue: `reconcile/${key.cluster}`,
      group: key.cluster,
      message: { type: 'Reconcile', cluster: key.cluster, reason: `${name} is at ${revision}` },
      at,
    },
  ];
}

/** What is written when the source stands where it stood: when it was looked at, and news only of a recovery. */
export function recordUnchanged(
  source: KnownSource,
  remote: RemoteState,
  digest: string,
  at: number,
): readonly JournalRecord[] {
  const { revision } = remote.resolved;
  const status = readyStatus(source, remote, digest, at);
  if (readyOf(source.status)?.status !== 'False') return [status];
  return [
    status,
    event(source, { severity: 'info', reason: 'Succeeded', message: storedMessage(revision), revision }, at),
  ];
}

/** What is written when a source could not be read; an event only when the failure is a new one. */
export function recordFailure(source: KnownSource, error: unknown, at: number): readonly JournalRecord[] {
  const reason = error instanceof TidegateError ? error.code : 'SyncFailed';
  const message = boundMessage(describeError(error));
  const previous = readyOf(source.status);
  const isKnown = previous?.status === 'False' && previous.reason === reason && previous.message === message;
  const conditions: Omit<Condition, 'lastTransitionTime'>[] = [{ type: 'Ready', status: 'False', reason, message }];
  if (dispositionOf(error) === 'stall') conditions.push({ type: 'Stalled', status: 'True', reason, message });
  const details = { ...source.status?.details, spec: sourceSpecDigest(source.repository) };
  const dueAt = notBeforeOf(error);
  const status = { ...statusOf(source, conditions, details, at), ...defined({ dueAt }) };
  return isKnown ? [status] : [status, event(source, { severity: 'error', reason, message }, at)];
}

/** What is written when a source was not looked at: why not, once, but no time of a look. */
export function recordSkipped(source: KnownSource, error: TidegateError, at: number): readonly JournalRecord[] {
  const previous = readyOf(source.status);
  if (previous?.status === 'False' && previous.reason === error.code) return [];
  const observedAt = source.status?.observedAt ?? 0;
  return recordFailure(source, error, at).map((record) =>
    record.type === 'Status' ? { ...record, observedAt } : record,
  );
}

/** What is written of a suspended source: that it is, once. */
export function recordSuspended(source: KnownSource, at: number): readonly JournalRecord[] {
  if (source.status?.suspended === true) return [];
  return [statusOf(source, source.status?.conditions ?? [], source.status?.details ?? {}, at)];
}

function storedMessage(revision: string): string {
  return `stored artifact for revision '${revision}'`;
}

function readyStatus(source: KnownSource, remote: RemoteState, digest: string, at: number): StatusRecord {
  const { revision } = remote.resolved;
  const spec = sourceSpecDigest(source.repository);
  return {
    ...statusOf(
      source,
      [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: storedMessage(revision) }],
      { url: remote.url, revision, digest, spec, stored: spec },
      at,
    ),
    lastAttemptedRevision: revision,
    lastAppliedRevision: revision,
  };
}

function statusOf(
  source: KnownSource,
  conditions: readonly Omit<Condition, 'lastTransitionTime'>[],
  details: Readonly<Record<string, string>>,
  at: number,
): StatusRecord {
  const previous = source.status;
  const { dueAt: _dueAt, ...kept } = previous ?? {};
  return {
    ...kept,
    type: 'Status',
    object: source.key,
    conditions: conditions.map((condition) => {
      const before = previous?.conditions.find(({ type }) => type === condition.type);
      return { ...condition, lastTransitionTime: before?.status === condition.status ? before.lastTransitionTime : at };
    }),
    suspended: source.repository.suspend,
    observedAt: at,
    details,
  };
}

function readyOf(status: StatusRecord | undefined): Condition | undefined {
  return status?.conditions.find(({ type }) => type === 'Ready');
}

function event(
  source: KnownSource,
  news: Pick<EventRecord, 'severity' | 'reason' | 'message' | 'revision'>,
  at: number,
): EventRecord {
  return { type: 'Event', id: idOf(source, at), object: source.key, at, ...news };
}

/** One source writes at most one event and one request a millisecond; two sources may share it. */
function idOf({ key }: KnownSource, at: number): string {
  return recordId(at, `${key.kind}/${key.namespace}/${key.name}`);
}
