import { defined } from '#shared/common/defined.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import { formatGroupKind } from '#shared/kubernetes/group-kind.ts';
import { objectKey, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

import { describeRefusal } from '../apply/describe-refusal.ts';
import { kustomizationOf } from '../inventory/apply-set-id.ts';
import type { ChangeSetEntry, SetOutcome, SetState, WithheldPrune } from '../model/apply-request.ts';
import { mayStart, type ApplyRun } from '../model/apply-run.ts';
import { isUnknown } from '../model/desired-in-cluster.ts';
import { configMaps } from '../observe/observe-cluster.ts';
import type { ObservedParent } from '../observe/observed-cluster.ts';
import { SETTLED_GUARDS } from './guard-outlook.ts';
import { judgeGone, type GoneVerdict } from './judge-gone.ts';
import { leftBehind } from './left-behind.ts';
import type { PruneSet } from './plan-prune.ts';
import { pruneLast } from './prune-last.ts';
import { forgetSet, isApplied, membersOf, notePrunes, pruneSets, type PruneResult } from './prune-nodes.ts';

type JudgedParent = ObservedParent & GoneVerdict;

/** So many Kustomizations are named; more are counted. */
const MAX_HEIRS = 3;

/**
 * Clears up after Kustomizations that are gone from Git, as their parents say: a parent goes after its last member. Then
 * goes what takes others with it, whoever it belongs to.
 */
export async function pruneDeletedSets(run: ApplyRun): Promise<readonly SetOutcome[]> {
  const gone = run.cluster.parents.filter((parent) => !run.progress.has(formatNamespacedName(parent.kustomization)));
  const judge = judgeGone(run.sets, gone, (set) => isApplied(run, set));
  const judged = gone.map((parent): JudgedParent => ({ ...parent, ...judge(parent) }));
  const pruned = await pruneSets(
    run,
    judged
      .filter((parent) => parent.whenDeleted === 'prune')
      .map(({ kustomization, whenDeleted, emptied, unapplied }): PruneSet => ({
        kustomization,
        members: membersOf(run, kustomization),
        desired: 0,
        whenGone: whenDeleted,
        gone: true,
        ...defined({ emptied, unapplied }),
      })),
  );
  const last = await pruneLast(run, pruned.withheld);
  notePrunes(run, last);
  const withheld = groupBySet([...pruned.withheld, ...last.withheld]);
  const deleted = groupBySet([...pruned.deleted, ...last.deleted]);
  const outcomes: SetOutcome[] = [];
  for (const parent of judged) {
    const name = formatNamespacedName(parent.kustomization);
    const result = { withheld: withheld.get(name) ?? [], deleted: deleted.get(name) ?? [] };
    outcomes.push(await concludeDeleted(run, parent, result));
  }
  return outcomes;
}

function groupBySet<T extends { readonly kustomization: NamespacedName }>(
  prunes: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const prune of prunes) {
    const name = formatNamespacedName(prune.kustomization);
    const known = groups.get(name) ?? [];
    known.push(prune);
    groups.set(name, known);
  }
  return groups;
}

async function concludeDeleted(run: ApplyRun, parent: JudgedParent, result: PruneResult): Promise<SetOutcome> {
  const withheld = [
    ...result.withheld.map(forgetSet),
    ...(parent.whenDeleted === 'prune' ? leftBehind(run.cluster, parent.kustomization) : []),
  ];
  const changes = result.deleted.map(({ object }): ChangeSetEntry => ({
    id: object.id,
    action: 'deleted',
    drift: false,
    revision: '',
  }));
  const message = await deleteParent(run, parent, withheld);
  const state: SetState = message === undefined ? 'deleted' : 'deleting';
  return {
    id: kustomizationOf(parent.kustomization),
    revision: '',
    state,
    reason: state === 'deleted' ? 'ReconciliationSucceeded' : 'Progressing',
    message: message ?? describeDeleted(run, parent, changes.length),
    changes,
    failures: [],
    withheld,
    orphans: [],
    health: [],
  };
}

/** @returns why the parent stays, or undefined when it is gone. */
async function deleteParent(
  run: ApplyRun,
  parent: ObservedParent,
  withheld: readonly WithheldPrune[],
): Promise<string | undefined> {
  const hidden = parent.whenDeleted === 'prune' ? hiddenFrom(run, parent) : [];
  const unknown = run.sets.some(isUnknown) || run.request.doubts.length > 0;
  if (unknown || hidden.length > 0 || run.cluster.discovery.incomplete.length > 0) {
    return `it stays until everything is known${hidden.length > 0 ? `; not listed: ${hidden.join(', ')}` : ''}`;
  }
  if (parent.whenDeleted === 'prune' && (await countRemaining(run, parent, withheld)) > 0) {
    return 'some of its objects are still there';
  }
  if (!mayStart(run)) return `the run ended before: ${run.ended}`;
  const resource = configMaps(run.cluster.discovery);
  const id = { group: '', kind: 'ConfigMap', namespace: TIDEGATE_NAMESPACE, name: parent.live.name };
  try {
    await run.ports.api.delete({
      address: { resource, namespace: TIDEGATE_NAMESPACE, name: parent.live.name },
      uid: parent.live.uid,
      resourceVersion: parent.live.resourceVersion,
    });
  } catch (error) {
    return describeRefusal(id, error).message;
  }
  return undefined;
}

function hiddenFrom(run: ApplyRun, parent: ObservedParent): readonly string[] {
  const kinds = parent.kinds.map(formatGroupKind);
  const unlisted = run.cluster.unlisted.filter(
    ({ kind, namespace }) => namespace === undefined && kind !== undefined && kinds.includes(kind),
  );
  const namespaces = leftBehind(run.cluster, parent.kustomization).filter(({ id }) => id.name !== '*');
  return [...unlisted.flatMap(({ kind }) => kind ?? []), ...namespaces.map(({ id }) => `namespace ${id.name}`)];
}

// Deletion in the background is done when the object is gone, not when the server took the request.
async function countRemaining(
  run: ApplyRun,
  parent: ObservedParent,
  withheld: readonly WithheldPrune[],
): Promise<number> {
  const settled = new Set(withheld.filter(({ guard }) => SETTLED_GUARDS.has(guard)).map(({ id }) => objectKey(id)));
  let remaining = 0;
  for (const { id, live, resource } of membersOf(run, parent.kustomization)) {
    if (settled.has(objectKey(id)) || heirOf(run, id) !== undefined) continue;
    const now = run.records.has(objectKey(id))
      ? live
      : await run.ports.api.getMetadata({ resource, namespace: id.namespace, name: id.name });
    remaining += now?.uid === live.uid ? 1 : 0;
  }
  return remaining;
}

/** The Kustomization that this run applied a member to, and that has it from then on. */
function heirOf(run: ApplyRun, id: ObjectId): string | undefined {
  const key = objectKey(id);
  const heir = run.claims.get(key);
  const action = heir === undefined ? undefined : run.progress.get(heir)?.changes.get(key)?.action;
  return action === 'configured' || action === 'created' ? heir : undefined;
}

function describeDeleted(run: ApplyRun, parent: JudgedParent, deleted: number): string {
  const { keptBy } = parent;
  if (keptBy !== undefined) {
    return `deleted from Git; its objects stay, for Kustomization ${formatNamespacedName(keptBy)}, from which it came, takes nothing away`;
  }
  switch (parent.whenDeleted) {
    case 'prune':
      return describePruned(run, parent, deleted);
    case 'orphan':
      return 'deleted from Git; its objects stay';
    case 'keep':
      return 'deleted from Git while it was suspended; its objects stay';
  }
}

/** Of one that was renamed or merged into another, nothing was deleted: who has its objects now is what people ask. */
function describePruned(run: ApplyRun, parent: ObservedParent, deleted: number): string {
  const heirs = membersOf(run, parent.kustomization).flatMap(({ id }) => heirOf(run, id) ?? []);
  const objects = (count: number): string => (count === 1 ? '1 object' : `${count} objects`);
  if (heirs.length > 0) {
    const names = [...new Set(heirs)];
    const who = names.length > MAX_HEIRS ? `${names.length} Kustomizations` : `Kustomization ${names.join(', ')}`;
    const rest =
      deleted === 0
        ? ''
        : `, and ${objects(deleted)} that nobody desires any more ${deleted === 1 ? 'is' : 'are'} deleted`;
    return `gone from Git; its ${objects(heirs.length)} moved to ${who}${rest}`;
  }
  return deleted === 0
    ? 'deleted from Git; it has no objects left'
    : `deleted from Git, and its ${objects(deleted)} with it`;
}
