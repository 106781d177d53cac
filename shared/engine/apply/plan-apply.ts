import { defined } from '#shared/common/defined.ts';
import { hashValue } from '#shared/common/hash-value.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { ADOPT_ANNOTATION, APPLIED_ANNOTATION, APPLYSET_PART_OF_LABEL } from '#shared/kubernetes/names.ts';
import { ownEntry } from '#shared/kubernetes/own-entry.ts';

import type { ObjectRecord, RecordBook } from '../inventory/apply-record.ts';
import { applySetId } from '../inventory/apply-set-id.ts';
import { reservedForInventory } from '../inventory/reserved-for-inventory.ts';
import { compareForApply, stageOf, type Stage } from '../model/apply-order.ts';
import type { ApplyFailure, DesiredSet } from '../model/apply-request.ts';
import { resolveDesired, type DesiredObject } from '../model/desired-object.ts';
import type { ObservedCluster } from '../observe/observed-cluster.ts';
import { outsideScope } from '../observe/outside-scope.ts';
import { fieldOf } from './describe-refusal.ts';
import { foreignOwner } from './foreign-owner.ts';
import { refuseOtherInstallation } from './other-installation.ts';

/** What first contact with an object that no list showed brought: its metadata, nothing there, or a refusal. */
export type UnseenObject = LiveMetadata | 'absent' | { readonly refused: string };

export type PlannedObject =
  /**
   * `sameDesire`: what is desired is what was applied last, so a change is the correction of drift.
   * `drifted`: that somebody changed or removed what was applied is certain before anything is sent.
   */
  | {
      readonly action: 'apply';
      readonly desired: DesiredObject;
      readonly live: LiveMetadata | undefined;
      readonly sameDesire: boolean;
      readonly drifted: boolean;
    }
  | { readonly action: 'keep'; readonly desired: DesiredObject; readonly revision: string }
  | { readonly action: 'skip'; readonly desired: DesiredObject; readonly note: string }
  | { readonly action: 'await-gone'; readonly desired: DesiredObject; readonly live: LiveMetadata }
  | { readonly action: 'meet'; readonly desired: DesiredObject };

export interface PlannedFailure extends ApplyFailure {
  readonly set: DesiredSet;
}

export interface ApplyPlan {
  readonly objects: readonly PlannedObject[];
  readonly failures: readonly PlannedFailure[];
}

export interface PlanApplyInput {
  readonly stage: Stage;
  readonly sets: readonly DesiredSet[];
  readonly cluster: ObservedCluster;
  readonly unseenObjects: ReadonlyMap<string, UnseenObject>;
  readonly records: RecordBook;
  readonly claims: ReadonlyMap<string, string>;
  readonly ignoreRecords: boolean;
}

/**
 * Decides what to do with each desired object of a stage. It decides only from what was observed; an object that nobody
 * has looked at yet is to be met first (`meet`), because it may belong to someone else.
 */
export function planApply(input: PlanApplyInput): ApplyPlan {
  const objects: PlannedObject[] = [];
  const failures: PlannedFailure[] = [];
  for (const set of input.sets) {
    const rendered = set.render.kind === 'rendered' ? set.render.objects : [];
    for (const object of rendered.filter((candidate) => stageOf(candidate.kind) === input.stage)) {
      const desired = resolveDesired(set, object, input.cluster.discovery);
      const planned = 'reason' in desired ? desired : planObject(desired, input);
      if ('reason' in planned) {
        failures.push({ set, ...describePlanned(planned) });
      } else {
        objects.push(planned);
      }
    }
  }
  objects.sort((one, other) => compareForApply(one.desired.object, other.desired.object));
  return { objects, failures };
}

/** A field of a wrong type is known by its path, as the server would name it. */
function describePlanned({ id, reason, message }: Pick<ApplyFailure, 'id' | 'reason' | 'message'>): ApplyFailure {
  const field = reason === 'Invalid' ? fieldOf(message) : undefined;
  return { id, reason, message, ...defined({ field }) };
}

function planObject(desired: DesiredObject, input: PlanApplyInput): PlannedObject | ApplyFailure {
  const claimant = input.claims.get(desired.key);
  const own = formatNamespacedName(desired.set.id);
  if (claimant !== undefined && claimant !== own) {
    return failure(desired, 'ClaimedTwice', `Kustomization ${claimant} desires it too; remove it from one of them`);
  }
  const note = optedOut(desired.object.metadata.annotations ?? {});
  if (note !== undefined) return { action: 'skip', desired, note };
  const reserved = reservedForInventory(desired.id);
  if (reserved !== undefined) return failure(desired, 'NotAllowed', reserved);
  const outside = outsideScope(desired.id, input.cluster);
  if (outside !== undefined) return outside;
  const contact = input.cluster.members.get(desired.key)?.live ?? input.unseenObjects.get(desired.key);
  if (contact === undefined) return { action: 'meet', desired };
  const record = input.records.get(desired.key);
  const live = contact === 'absent' || isRefusal(contact) ? undefined : contact;
  const sameRecord = record !== undefined && record.set === own && isRecordOf(record, desired, live);
  if (contact === 'absent') {
    return { action: 'apply', desired, live: undefined, sameDesire: sameRecord, drifted: sameRecord };
  }
  if (isRefusal(contact)) return failure(desired, 'Forbidden', contact.refused);
  return planExisting(desired, contact, input, sameRecord ? record : undefined);
}

function isRecordOf(record: ObjectRecord, desired: DesiredObject, live: LiveMetadata | undefined): boolean {
  const applied = record.applied ?? live?.annotations?.[APPLIED_ANNOTATION];
  // A Secret that is gone took its hash with it: it was there, so its absence is drift.
  return applied === undefined ? live === undefined : applied === desired.hash;
}

function planExisting(
  desired: DesiredObject,
  live: LiveMetadata,
  input: PlanApplyInput,
  record: ObjectRecord | undefined,
): PlannedObject | ApplyFailure {
  const refusal = refuseForeign(desired, live, input);
  if (refusal !== undefined) return failure(desired, 'OwnedByOther', refusal);
  const note = optedOut(live.annotations ?? {}) ?? onlyIfNotPresent(desired);
  if (note !== undefined) return { action: 'skip', desired, note };
  if (live.deletionTimestamp !== undefined) return { action: 'await-gone', desired, live };
  if (!input.ignoreRecords && record !== undefined && isUnchanged(desired, live, record, input.cluster)) {
    return { action: 'keep', desired, revision: record.revision };
  }
  const sameDesire = record !== undefined || live.annotations?.[APPLIED_ANNOTATION] === desired.hash;
  // With another epoch the server itself may have changed the object: nobody is to blame.
  const drifted = !input.ignoreRecords && record?.epoch === input.cluster.epochOf(desired.id);
  return { action: 'apply', desired, live, sameDesire, drifted };
}

/**
 * An object is unchanged when
 * - it is the one we applied (uid) and it is not going away,
 * - nobody changed or removed a field of ours since (our managedFields entry),
 * - not even in our own name (the applied annotation),
 * - and the server would still make the same of what we sent (epoch).
 */
function isUnchanged(
  desired: DesiredObject,
  live: LiveMetadata,
  record: ObjectRecord,
  cluster: ObservedCluster,
): boolean {
  return (
    record.uid === live.uid &&
    record.entry === hashValue(ownEntry(live)) &&
    live.annotations?.[APPLIED_ANNOTATION] === desired.hash &&
    record.epoch === cluster.epochOf(desired.id)
  );
}

function refuseForeign(desired: DesiredObject, live: LiveMetadata, input: PlanApplyInput): string | undefined {
  const { adopt = false } = desired.set.settings;
  // Whose an object is to be, Git says, and nobody who may annotate the object in the cluster.
  const adopted = adopt || desired.object.metadata.annotations?.[ADOPT_ANNOTATION] === 'enabled';
  const partOf = live.labels?.[APPLYSET_PART_OF_LABEL];
  const isOwnSet =
    partOf !== undefined && (partOf === applySetId(desired.set.id) || input.cluster.parentsBySet.has(partOf));
  const other = refuseOtherInstallation(desired, live, input.cluster, isOwnSet);
  if (other !== undefined) return other;
  const { [APPLYSET_PART_OF_LABEL]: _, ...otherLabels } = live.labels ?? {};
  // A label of our own sets that somebody put there by hand takes nothing away from another owner.
  const seen = isOwnSet ? { ...live, labels: otherLabels } : live;
  const owner = foreignOwner(seen);
  return owner === undefined || adopted
    ? undefined
    : `${owner} owns it; annotate it with ${ADOPT_ANNOTATION}: enabled in Git to take it over, or Kustomization ${formatNamespacedName(desired.set.id)} for all of its objects`;
}

function optedOut(annotations: Readonly<Record<string, string>>): string | undefined {
  if (annotations['kustomize.toolkit.fluxcd.io/reconcile'] === 'disabled') {
    return 'kustomize.toolkit.fluxcd.io/reconcile is disabled';
  }
  return annotations['kustomize.toolkit.fluxcd.io/ssa']?.toLowerCase() === 'ignore'
    ? 'kustomize.toolkit.fluxcd.io/ssa is Ignore'
    : undefined;
}

function onlyIfNotPresent(desired: DesiredObject): string | undefined {
  const ssa = desired.object.metadata.annotations?.['kustomize.toolkit.fluxcd.io/ssa'];
  return ssa?.toLowerCase() === 'ifnotpresent'
    ? 'it exists, and kustomize.toolkit.fluxcd.io/ssa is IfNotPresent'
    : undefined;
}

function isRefusal(contact: Exclude<UnseenObject, 'absent'>): contact is { readonly refused: string } {
  return 'refused' in contact && typeof contact['refused'] === 'string';
}

function failure(desired: DesiredObject, reason: string, message: string): ApplyFailure {
  return { id: desired.id, reason, message };
}
