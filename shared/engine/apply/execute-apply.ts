import { hashValue } from '#shared/common/hash-value.ts';
import { runAtMost } from '#shared/common/run-at-most.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import { FILLED_FIELDS } from '#shared/kubernetes/filled-fields.ts';
import { hasMark } from '#shared/kubernetes/has-mark.ts';
import { immutableField } from '#shared/kubernetes/immutable-field.ts';
import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata, LiveObject } from '#shared/kubernetes/live-object.ts';
import { FLUX_FORCE_ANNOTATION, PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';
import { ownEntry } from '#shared/kubernetes/own-entry.ts';
import { type Attribution } from '#shared/ports/kubernetes-api.ts';

import type { ApplyAction, DesiredSet } from '../model/apply-request.ts';
import { mayStart, progressOf, type ApplyRun } from '../model/apply-run.ts';
import type { DesiredObject } from '../model/desired-object.ts';
import { describeWeight } from '../prune/describe-weight.ts';
import { weighCandidates } from '../prune/weigh-candidates.ts';
import { isAskedFor, mayTakeAll, WEIGHTLESS } from '../prune/weight.ts';
import { describeRefusal } from './describe-refusal.ts';
import type { PlannedObject } from './plan-apply.ts';
import { takeOverFields } from './take-over-fields.ts';

const AT_ONCE = 16;
const GONE_POLL_MS = 100;
const GONE_TIMEOUT_MS = 60_000;

/** Applies what the plan says is to be applied; one object that fails leaves the others alone. */
export async function executeApply(run: ApplyRun, planned: readonly PlannedObject[]): Promise<void> {
  await runAtMost(AT_ONCE, planned, async (object) => {
    if (object.action === 'apply' && mayStart(run)) {
      await executeOne(run, object);
    }
  });
}

async function executeOne(run: ApplyRun, planned: Extract<PlannedObject, { action: 'apply' }>): Promise<void> {
  const { desired, live, sameDesire } = planned;
  const progress = progressOf(run, desired.set.id);
  try {
    if (live !== undefined && ownEntry(live) === undefined) {
      await takeOverFields(run.ports.api, desired, live);
    }
    const { after, recreated } = await applyOrRecreate(run, desired, live);
    const action = actionOf(recreated === undefined ? live : undefined, after.metadata);
    const revision = remember(run, desired, after.metadata, sameDesire);
    progress.changes.set(desired.key, {
      id: desired.id,
      action,
      drift: sameDesire && action !== 'unchanged',
      revision,
      ...(recreated === undefined ? {} : { note: `recreated: ${recreated} cannot be changed` }),
    });
  } catch (error) {
    progress.failures.push(describeRefusal(desired.id, error, desired.object));
  }
}

async function applyOrRecreate(
  run: ApplyRun,
  desired: DesiredObject,
  live: LiveMetadata | undefined,
): Promise<{ readonly after: LiveObject; readonly recreated?: string }> {
  const request = { resource: desired.resource, object: desired.object, attribution: attributionOf(desired.set) };
  try {
    return { after: await run.ports.api.apply(request) };
  } catch (error) {
    const field = error instanceof KubernetesApiError ? immutableField(error.status) : undefined;
    if (field === undefined || live === undefined || !mayForce(desired, live)) throw error;
    await deleteAndAwait(run, desired, field);
    return { after: await run.ports.api.apply(request), recreated: field };
  }
}

/** A word in Git, or on the object itself, for the Kustomization or for the object alone: what Flux takes for one. */
function mayForce(desired: DesiredObject, live: LiveMetadata): boolean {
  const marked = [desired.object.metadata, live].some((one) => hasMark(one, FLUX_FORCE_ANNOTATION, 'enabled'));
  return desired.set.settings.force || marked;
}

async function deleteAndAwait(run: ApplyRun, desired: DesiredObject, field: string): Promise<void> {
  const address = { resource: desired.resource, namespace: desired.id.namespace, name: desired.id.name };
  const live = await run.ports.api.getMetadata(address);
  if (live === undefined) return;
  await refuseToTakeOthers(run, desired, live, field);
  await run.ports.api.delete({
    address,
    uid: live.uid,
    resourceVersion: live.resourceVersion,
    attribution: attributionOf(desired.set),
  });
  const giveUp = Math.min(run.ports.clock.now() + GONE_TIMEOUT_MS, run.request.deadline);
  while ((await run.ports.api.getMetadata(address))?.uid === live.uid) {
    if (run.ports.clock.now() >= giveUp || !mayStart(run)) {
      throw new Error(`${desired.id.kind} ${desired.id.name}: deleted to be recreated, but it is still terminating`);
    }
    await run.ports.clock.sleep(GONE_POLL_MS);
  }
}

/** `force` is a word about an object, not about what goes with it: its data, or all that is in it. */
async function refuseToTakeOthers(
  run: ApplyRun,
  { id, resource, object }: DesiredObject,
  live: LiveMetadata,
  field: string,
): Promise<void> {
  if (mayTakeAll(object.metadata)) return;
  // Only Git's word counts: a mark that was taken out there is still on the live object.
  const candidate = { id, resource, live: { ...live, labels: {}, annotations: {} } };
  const weight = (await weighCandidates(run, [candidate])).get(live.uid) ?? WEIGHTLESS;
  if (isAskedFor(candidate, weight)) {
    const what = describeWeight(candidate, weight, () => false);
    throw new TidegateError(
      'RecreationWithheld',
      `${field} cannot be changed, and if it were recreated, ${what}; undo the change, or annotate it in Git with ${PRUNE_ANNOTATION}: enabled to have it recreated all the same`,
      { disposition: 'stall', subject: formatObjectId(id) },
    );
  }
}

/** Who a write is made for. */
export function attributionOf(set: Pick<DesiredSet, 'id' | 'revision'>): Attribution {
  return { kustomization: formatNamespacedName(set.id), revision: set.revision };
}

// A controller that wrote status between our look and our apply moved the resourceVersion, not what we own.
function actionOf(before: LiveMetadata | undefined, after: LiveMetadata): ApplyAction {
  if (before === undefined || before.uid !== after.uid) return 'created';
  if (before.resourceVersion === after.resourceVersion) return 'unchanged';
  const same =
    after.generation !== undefined &&
    before.generation === after.generation &&
    hashValue(ownEntry(before)) === hashValue(ownEntry(after)) &&
    hashValue([before.labels, before.annotations]) === hashValue([after.labels, after.annotations]);
  return same ? 'unchanged' : 'configured';
}

function holdsSecret({ id, object }: DesiredObject): boolean {
  return id.kind === 'Secret' || object[FILLED_FIELDS]?.some(({ isSecret }) => isSecret) === true;
}

function remember(run: ApplyRun, desired: DesiredObject, after: LiveMetadata, sameDesire: boolean): string {
  const before = run.records.get(desired.key);
  const revision = sameDesire && before !== undefined ? before.revision : desired.set.revision;
  run.appliedUids.add(after.uid);
  run.records.set(desired.key, {
    uid: after.uid,
    entry: hashValue(ownEntry(after)),
    // Records lie outside the cluster, where a hash would let anyone try out what a Secret may hold.
    ...(holdsSecret(desired) ? {} : { applied: desired.hash }),
    epoch: run.cluster.epochOf(desired.id),
    set: formatNamespacedName(desired.set.id),
    revision,
  });
  run.recordsChanged = true;
  return revision;
}
