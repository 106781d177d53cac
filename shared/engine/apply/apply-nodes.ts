import { runAtMost } from '#shared/common/run-at-most.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import { ensureParents } from '../inventory/ensure-parents.ts';
import { saveRecords } from '../inventory/save-records.ts';
import { STAGES, type Stage } from '../model/apply-order.ts';
import type { ApplyFailure, DesiredSet } from '../model/apply-request.ts';
import { mayStart, progressOf, type ApplyRun } from '../model/apply-run.ts';
import { claimObjects } from '../model/desired-object.ts';
import { observeCluster } from '../observe/observe-cluster.ts';
import { describeRefusal } from './describe-refusal.ts';
import { executeApply } from './execute-apply.ts';
import { planApply, type ApplyPlan, type PlannedObject } from './plan-apply.ts';
import { settleStage } from './settle-stage.ts';

const AT_ONCE = 16;
/** Once to apply, once more for what was still terminating. */
const ROUNDS = 2;

/** Applies Kustomizations that may go now, stage by stage; the plan is made again after each stage. */
export async function applyNodes(run: ApplyRun, nodes: readonly DesiredSet[]): Promise<void> {
  await ensureParents(run, nodes);
  const sets = nodes.filter((set) => progressOf(run, set.id).phase === 'pending');
  for (const stage of STAGES) {
    await applyStage(run, sets, stage);
    await saveRecords(run);
  }
}

async function applyStage(run: ApplyRun, sets: readonly DesiredSet[], stage: Stage): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    await meetStrangers(run, planStage(run, sets, stage));
    const plan = planStage(run, sets, stage);
    const open = plan.objects.filter((planned) => !isSettled(run, planned));
    noteDecisions(run, open);
    await driftEvents(run, sets, open);
    await executeApply(run, open);
    const last = round === ROUNDS || !(await settleStage(run, stage, open));
    if (last) {
      noteFailures(run, plan, open);
      return;
    }
    await observeAgain(run);
    if (!open.some((planned) => planned.action === 'await-gone')) {
      noteFailures(run, plan, []);
      return;
    }
  }
}

function isSettled(run: ApplyRun, { desired }: PlannedObject): boolean {
  const { changes, failures } = progressOf(run, desired.set.id);
  return changes.has(desired.key) || failures.some((failure) => objectKey(failure.id) === desired.key);
}

function planStage(run: ApplyRun, sets: readonly DesiredSet[], stage: Stage): ApplyPlan {
  return planApply({
    stage,
    sets,
    cluster: run.cluster,
    unseenObjects: run.unseenObjects,
    records: run.records,
    claims: run.claims,
    ignoreRecords: run.request.ignoreRecords ?? false,
  });
}

async function meetStrangers(run: ApplyRun, plan: ApplyPlan): Promise<void> {
  const strangers = plan.objects.filter((planned) => planned.action === 'meet');
  await runAtMost(AT_ONCE, strangers, async ({ desired }) => {
    if (!mayStart(run)) return;
    const { resource, id, key } = desired;
    try {
      const live = await run.ports.api.getMetadata({ resource, namespace: id.namespace, name: id.name });
      run.unseenObjects.set(key, live ?? 'absent');
    } catch (error) {
      run.unseenObjects.set(key, { refused: describeRefusal(id, error).message });
    }
  });
}

async function observeAgain(run: ApplyRun): Promise<void> {
  run.cluster = await observeCluster(run.ports.api, { ...run.request, sets: run.sets, now: run.ports.clock.now() });
  run.claims = claimObjects(run.sets, run.cluster.discovery);
  run.unseenObjects.clear();
}

async function driftEvents(
  run: ApplyRun,
  sets: readonly DesiredSet[],
  planned: readonly PlannedObject[],
): Promise<void> {
  if (run.ports.onDrift === undefined || !mayStart(run)) return;
  const drifted = planned.filter((object) => object.action === 'apply' && object.drifted);
  for (const set of sets) {
    const objects = drifted.filter(({ desired }) => desired.set === set).map(({ desired }) => desired.id);
    if (objects.length > 0) {
      await run.ports.onDrift(set, objects);
    }
  }
}

function noteDecisions(run: ApplyRun, planned: readonly PlannedObject[]): void {
  for (const object of planned) {
    const { id, key, set } = object.desired;
    const { changes } = progressOf(run, set.id);
    if (object.action === 'keep') {
      changes.set(key, { id, action: 'unchanged', drift: false, revision: object.revision });
    } else if (object.action === 'skip') {
      changes.set(key, { id, action: 'skipped', drift: false, revision: set.revision, note: object.note });
    }
  }
}

function nameFailure({ id }: DesiredSet, failure: ApplyFailure): string {
  return `${formatNamespacedName(id)} ${objectKey(failure.id)} ${failure.reason}`;
}

function noteFailures(run: ApplyRun, plan: ApplyPlan, open: readonly PlannedObject[]): void {
  const told = new Set(
    [...run.progress.values()].flatMap(({ set, failures }) => failures.map((one) => nameFailure(set, one))),
  );
  for (const { set, ...failure } of plan.failures) {
    // A Kustomization that gets another turn keeps what failed in the first.
    if (!told.has(nameFailure(set, failure))) {
      progressOf(run, set.id).failures.push(failure);
    }
  }
  for (const { action, desired } of open) {
    if (action === 'await-gone') {
      const message = `it is being deleted and not gone yet; it is applied again by a later run of ${formatNamespacedName(desired.set.id)}`;
      progressOf(run, desired.set.id).failures.push({ id: desired.id, reason: 'Terminating', message });
    }
  }
}
