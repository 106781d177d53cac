import { defined } from '#shared/common/defined.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';
import { APPLYSET_PART_OF_LABEL } from '#shared/kubernetes/names.ts';
import { ownsPartOfLabel } from '#shared/kubernetes/own-entry.ts';

import { applySetId, type ApplySetName } from '../inventory/apply-set-id.ts';
import type { DesiredSet, WithheldPrune } from '../model/apply-request.ts';
import type { ApplyRun } from '../model/apply-run.ts';
import { progressOf } from '../model/apply-run.ts';
import { desiredInCluster } from '../model/desired-in-cluster.ts';
import { desiredIds, resolveId } from '../model/desired-object.ts';
import type { ObservedObject } from '../observe/observed-cluster.ts';
import { executePrune } from './execute-prune.ts';
import type { PruneCandidate, PruneContext } from './guards/prune-candidate.ts';
import { leftBehind } from './left-behind.ts';
import { planPrune, selectCandidates, type PruneSet, type WithheldFrom } from './plan-prune.ts';
import { weighCandidates } from './weigh-candidates.ts';
import type { WeighedObject } from './weight.ts';

/** What became of the members that nobody desires. */
export interface PruneResult {
  readonly deleted: readonly PruneCandidate[];
  readonly withheld: readonly WithheldFrom[];
}

/** Prunes Kustomizations of the request that were just applied; what takes others with it waits for `pruneLast`. */
export async function pruneNodes(run: ApplyRun, nodes: readonly DesiredSet[]): Promise<void> {
  const sets = nodes.map((set): PruneSet => ({
    kustomization: set.id,
    members: membersOf(run, set.id),
    desired: desiredIds(set).length + set.children.length,
    whenGone: set.settings.prune ? 'prune' : 'orphan',
    gone: false,
  }));
  notePrunes(run, await pruneSets(run, sets));
  for (const set of nodes.filter(({ settings }) => settings.prune)) {
    progressOf(run, set.id).withheld.push(...leftBehind(run.cluster, set.id));
  }
}

/** Notes what became of the members of Kustomizations that Git holds. */
export function notePrunes(run: ApplyRun, { deleted, withheld }: PruneResult): void {
  for (const { kustomization, object } of deleted) {
    const progress = run.progress.get(formatNamespacedName(kustomization));
    const { id } = object;
    progress?.changes.set(objectKey(id), {
      id,
      action: 'deleted',
      drift: false,
      revision: progress.set.revision,
    });
  }
  for (const prune of withheld) {
    run.progress.get(formatNamespacedName(prune.kustomization))?.withheld.push(forgetSet(prune));
  }
}

/** As it is told of the Kustomization. */
export function forgetSet({ id, guard, message, asksFor }: WithheldFrom): WithheldPrune {
  return { id, guard, message, ...defined({ asksFor }) };
}

/** Plans the prune of any sets, deleted ones too, and executes it but for what goes last. */
export async function pruneSets(run: ApplyRun, sets: readonly PruneSet[]): Promise<PruneResult> {
  const context = pruneContext(run, sets);
  const selection = selectCandidates(sets, context);
  const free = selection.sets.flatMap((one) => one.free.map(({ object }) => object));
  const plan = planPrune(selection, {
    guard: run.request.pruneGuard,
    approvals: run.request.approvals,
    weights: await weighCandidates(run, free),
    isOurs: ownSets(run),
    isDesired: ({ id, live }) => context.desiredKeys.has(objectKey(id)) || context.desiredUids.has(live.uid),
  });
  run.pruneLast.push(...plan.last);
  const { deleted, withheld } = await executePrune(run, plan.deletions);
  return { deleted, withheld: [...plan.withheld, ...withheld] };
}

/** Knows the objects that a Kustomization of this installation holds; a copied label holds nothing. */
export function ownSets(run: ApplyRun): (object: WeighedObject) => boolean {
  const isOwn = (id: string): boolean => run.setIds.has(id) || run.cluster.parentsBySet.has(id);
  return ({ live }) => isOwn(live.labels?.[APPLYSET_PART_OF_LABEL] ?? '') && ownsPartOfLabel(live);
}

/** All objects that carry the label of a Kustomization's ApplySet. */
export function membersOf(run: ApplyRun, kustomization: ApplySetName): readonly ObservedObject[] {
  return run.cluster.membersBySet.get(applySetId(kustomization)) ?? [];
}

function pruneContext(run: ApplyRun, sets: readonly PruneSet[]): PruneContext {
  const { discovery, unlisted } = run.cluster;
  if (run.desired?.cluster !== run.cluster) {
    run.desired = desiredInCluster(run.cluster, run.sets, run.records);
  }
  const { cluster: _, uids, ...desired } = run.desired;
  const present = sets.flatMap(({ kustomization }) => run.progress.get(formatNamespacedName(kustomization))?.set ?? []);
  return {
    ...desired,
    doubts: run.request.doubts,
    unapplied: new Set(present.filter((set) => !isApplied(run, set)).map((set) => formatNamespacedName(set.id))),
    holdsLease: run.ports.holdsLease(),
    incompleteDiscovery: discovery.incomplete,
    unlisted,
    desiredUids: { has: (uid) => uids.has(uid) || run.appliedUids.has(uid) },
    installedAt: parseTime(run.request.installation.since),
    isRecorded: (id, uid) => run.records.get(objectKey(id))?.uid === uid,
  };
}

function parseTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

// Every desired object has an entry, or it was not applied: a run that was stopped leaves no failure behind.
export function isApplied(run: ApplyRun, set: DesiredSet): boolean {
  if (set.render.kind !== 'rendered') return false;
  const { changes, failures } = progressOf(run, set.id);
  return (
    failures.length === 0 && desiredIds(set).every((id) => changes.has(objectKey(resolveId(id, run.cluster.discovery))))
  );
}
