import { defined } from '#shared/common/defined.ts';
import { formatProblem } from '#shared/common/problem.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { FluxKind, NamespacedName } from '#shared/flux/resource-key.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { isNewSet, isRecorded, type FluxObjectsWrite } from '#shared/journal/write-flux-objects.ts';
import { boundMessage, replaceConditions } from '#shared/records/conditions.ts';
import type {
  EventRecord,
  JournalRecord,
  ObjectName,
  RequestRecord,
  StatusRecord,
} from '#shared/records/journal-record.ts';
import { authorityObject, clusterObject, journalKey, journalObject } from '#shared/records/journal-record.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';

import type { DesiredState, StalledFluxObject } from './desired-state.ts';
import { isWhollyKnown } from './is-wholly-known.ts';
import type { PreviousState } from './read-previous-state.ts';
import { rememberDeclarations } from './remember-declarations.ts';

/** Numbers the records of one run, so that none takes another's place. */
export type NextId = () => string;

/** What is to be recorded before a cluster is touched. */
export interface StartRecords {
  /** What cannot be read. */
  readonly stalled: readonly JournalRecord[];
  /** Absent when those that are recorded hold. */
  readonly fluxObjects?: FluxObjectsWrite;
  readonly records: readonly JournalRecord[];
  /** How Kustomizations are declared and from where they are rendered; what a run applies is known by it afterwards. */
  readonly remembered: readonly JournalRecord[];
}

/**
 * What is recorded before the cluster is touched, so that the other workers need not wait for it: the Flux objects,
 * what is stalled, which Kustomizations are being worked on, and which sources are wanted. Nothing, when nothing is new.
 */
export function planStartRecords(
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): StartRecords {
  const { isNew, write: fluxObjects } = fluxObjectsToWrite(desired, previous, now, nextId);
  return {
    stalled: desired.stalled.flatMap((stalled) => stalledRecords(stalled, desired, previous, now, nextId)),
    ...defined({ fluxObjects }),
    remembered: rememberDeclarations(desired, previous, now),
    records: [
      ...pendingStatuses(desired, previous, now),
      ...forgetRemoved(desired, previous, now),
      ...(isNew ? leftOutEvents(desired, now, nextId) : []),
      ...requestSources(desired, now, nextId),
    ],
  };
}

/** Those who follow the Flux objects are told of new ones in the same write: whoever is interrupted tells both or neither. */
function fluxObjectsToWrite(
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): { readonly isNew: boolean; readonly write?: FluxObjectsWrite } {
  const fluxObjects = fluxObjectsToRecord(desired, previous);
  const { fluxObjectsDamage: damage } = previous;
  const stored = {
    head: previous.fluxObjectsHead,
    fluxObjects: previous.fluxObjects,
    ...defined({ damage }),
  };
  if (fluxObjects === undefined) return { isNew: previous.fluxObjects !== undefined };
  // Once Git tells all, nothing else holds; until then, what is lost may be something that it does not tell now.
  const wanted = layOutFluxObjects(fluxObjects, isWhollyKnown(desired) ? undefined : damage);
  if (isRecorded(stored, wanted)) return { isNew: false };
  const isNew = isNewSet(stored, wanted);
  const { cluster } = desired;
  const request: RequestRecord = {
    type: 'Request',
    cluster,
    id: nextId(),
    queue: 'image-update',
    group: cluster,
    message: { type: 'InstructionsChanged', cluster },
    at: now,
  };
  return { isNew, write: { wanted, before: stored.head, news: isNew ? [request] : [], now } };
}

/**
 * What a Kustomization that cannot be read brought before is no less wanted: the other workers go on with it. Of what is
 * recorded and damaged, that is as much as can be read.
 */
function fluxObjectsToRecord(desired: DesiredState, previous: PreviousState): FluxObjects | undefined {
  const { fluxObjects: now } = desired;
  const before = previous.fluxObjects ?? previous.fluxObjectsDamage?.readable;
  if (now === undefined || before === undefined || isWhollyKnown(desired)) return now;
  const stalled = new Set(desired.stalled.map((one) => objectKey(one.object)));
  const withUnseen = <T extends NamespacedName>(kind: FluxKind, read: readonly T[], known: readonly T[]) => {
    const seen = new Set(read.map(formatNamespacedName));
    const isUnseen = (one: T) =>
      !seen.has(formatNamespacedName(one)) &&
      !stalled.has(objectKey({ kind, namespace: one.namespace, name: one.name }));
    return [...read, ...known.filter(isUnseen)];
  };
  return {
    ...now,
    gitRepositories: withUnseen('GitRepository', now.gitRepositories, before.gitRepositories),
    imageRepositories: withUnseen('ImageRepository', now.imageRepositories, before.imageRepositories),
    imagePolicies: withUnseen('ImagePolicy', now.imagePolicies, before.imagePolicies),
    imageUpdateAutomations: withUnseen(
      'ImageUpdateAutomation',
      now.imageUpdateAutomations,
      before.imageUpdateAutomations,
    ),
  };
}

function stalledRecords(
  stalled: StalledFluxObject,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  // A Kustomization's own status is recorded with the run's outcome, where its commit status belongs.
  if (stalled.object.kind === 'Kustomization') return [];
  const message = boundMessage(stalled.problems.map(formatProblem).join('\n'));
  const before = previous.statuses.get(objectKey(stalled.object));
  const known = before?.conditions.find((condition) => condition.type === 'Stalled');
  if (known?.message === message) return [];
  const { reason } = stalled;
  const status: StatusRecord = {
    type: 'Status',
    object: stalled.object,
    conditions: replaceConditions(
      before?.conditions ?? [],
      [
        { type: 'Ready', status: 'False', reason, message },
        { type: 'Stalled', status: 'True', reason, message },
      ],
      now,
    ),
    lastAttemptedRevision: desired.revision,
    report: desired.report,
    suspended: false,
    observedAt: now,
    details: {},
  };
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: stalled.object,
    severity: 'error',
    reason,
    message,
    revision: desired.revision,
    at: now,
  };
  return [status, event];
}

/** `Reconciling`, for those whose desired state is new: beside the commit they show as pending. */
function pendingStatuses(desired: DesiredState, previous: PreviousState, now: number): readonly StatusRecord[] {
  return desired.nodes.flatMap((node) => {
    const { namespace, name } = node.kustomization;
    const object: ObjectName = { cluster: desired.cluster, kind: 'Kustomization', namespace, name };
    const before = previous.statuses.get(objectKey(object));
    const isNew = before?.report?.commit !== desired.report.commit || before.lastAttemptedRevision !== node.revision;
    // What goes on from its last render has nothing to do with this commit.
    if (!isNew || node.render.kind !== 'rendered' || node.lastRender !== undefined) return [];
    const reason = 'Progressing';
    const message = `Reconciliation in progress: ${node.revision}`;
    return [
      {
        type: 'Status',
        object,
        conditions: replaceConditions(
          before?.conditions ?? [],
          [
            { type: 'Ready', status: 'Unknown', reason, message },
            { type: 'Reconciling', status: 'True', reason, message },
          ],
          now,
        ),
        lastAttemptedRevision: node.revision,
        ...(before?.lastAppliedRevision === undefined ? {} : { lastAppliedRevision: before.lastAppliedRevision }),
        report: desired.report,
        suspended: false,
        observedAt: now,
        // Should the run die here, the next tick takes it up.
        dueAt: now,
        details: detailsFor(node.revision, before),
      },
    ];
  });
}

/** How long health is awaited counts from the revision that is awaited. */
function detailsFor(revision: string, before: StatusRecord | undefined): StatusRecord['details'] {
  const { awaitingSince, ...details } = before?.details ?? {};
  return awaitingSince !== undefined && before?.lastAttemptedRevision === revision
    ? { ...details, awaitingSince }
    : details;
}

/** The status of what is no longer written in Git goes. Kustomizations wait for their members: the outcome says when. */
function forgetRemoved(desired: DesiredState, previous: PreviousState, now: number): readonly JournalRecord[] {
  const { fluxObjects } = desired;
  if (fluxObjects === undefined || !isWhollyKnown(desired)) return [];
  const present = new Set([
    ...fluxObjects.gitRepositories.map((one) => `GitRepository/${formatNamespacedName(one)}`),
    ...fluxObjects.imageRepositories.map((one) => `ImageRepository/${formatNamespacedName(one)}`),
    ...fluxObjects.imagePolicies.map((one) => `ImagePolicy/${formatNamespacedName(one)}`),
    ...fluxObjects.imageUpdateAutomations.map((one) => `ImageUpdateAutomation/${formatNamespacedName(one)}`),
    ...desired.stalled.map((one) => objectKey(one.object)),
    'GitRepository/flux-system/flux-system',
    objectKey(clusterObject(desired.cluster)),
    objectKey(journalObject(desired.cluster)),
    objectKey(authorityObject(desired.cluster)),
  ]);
  return [...previous.statuses.values()]
    .filter((status) => status.object.kind !== 'Kustomization' && !present.has(objectKey(status.object)))
    .map((status) => ({ type: 'Tombstone', ...journalKey(status), at: now }));
}

function leftOutEvents(desired: DesiredState, now: number, nextId: NextId): readonly EventRecord[] {
  const object: ObjectName = {
    cluster: desired.cluster,
    kind: 'Kustomization',
    namespace: 'flux-system',
    name: 'flux-system',
  };
  return desired.leftOut.map((message) => ({
    type: 'Event',
    id: nextId(),
    object,
    severity: 'info',
    reason: 'LeftOut',
    message,
    revision: desired.revision,
    at: now,
  }));
}

function requestSources(desired: DesiredState, now: number, nextId: NextId): readonly RequestRecord[] {
  return desired.missingSources.map((source) => ({
    type: 'Request',
    cluster: desired.cluster,
    id: nextId(),
    queue: 'source-sync',
    group: `${source.cluster}/${formatNamespacedName(source)}`,
    message: { type: 'SyncSource', source },
    at: now,
  }));
}

/** `Kustomization/flux-system/podinfo`. */
export function objectKey(object: Pick<ObjectName, 'kind' | 'namespace' | 'name'>): string {
  return `${object.kind}/${object.namespace}/${object.name}`;
}
