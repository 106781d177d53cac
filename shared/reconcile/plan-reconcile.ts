import { formatProblem } from '#shared/common/problem.ts';
import type { DesiredSet, PruneApproval } from '#shared/engine/model/apply-request.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { ADOPT_ANNOTATION } from '#shared/kubernetes/names.ts';

import { collectApprovals, parentsOf } from './approvals.ts';
import type { DesiredState, KustomizationNode, StalledFluxObject } from './desired-state.ts';
import type { PreviousState } from './read-previous-state.ts';

/** What the apply engine is asked to do. */
export interface ReconcilePlan {
  readonly sets: readonly DesiredSet[];
  readonly doubts: readonly string[];
  readonly approvals: readonly PruneApproval[];
}

/** Turns what Git asks for into the engine's request; `approvePrune` is the root's approval from the settings. */
export function planReconcile(
  desired: DesiredState,
  previous: PreviousState,
  approvePrune: string | undefined,
): ReconcilePlan {
  const parents = parentsOf(desired);
  return {
    sets: [
      ...desired.nodes.map((node) => toDesiredSet(node, parents, previous)),
      ...desired.stalled.filter((stalled) => stalled.object.kind === 'Kustomization').map(toStalledSet),
    ],
    doubts: desired.doubts,
    approvals: collectApprovals(desired, approvePrune).flatMap(({ approval, isHeard }) =>
      isHeard && approval !== undefined ? [approval] : [],
    ),
  };
}

function toDesiredSet(
  node: KustomizationNode,
  parents: ReadonlyMap<string, KustomizationNode>,
  previous: PreviousState,
): DesiredSet {
  const { kustomization } = node;
  const parent = parents.get(formatNamespacedName(kustomization))?.kustomization;
  const before = previous.statuses.get(`Kustomization/${formatNamespacedName(kustomization)}`);
  // A new revision has its own time to become healthy: it may be the remedy.
  const sameRevision = before?.lastAttemptedRevision === node.revision;
  const awaitingSince = sameRevision ? Number(before?.details['awaitingSince']) : Number.NaN;
  return {
    id: { namespace: kustomization.namespace, name: kustomization.name },
    revision: node.revision,
    settings: settingsOf(kustomization),
    render: node.render,
    children: node.children,
    ...(parent === undefined ? {} : { declaredBy: { namespace: parent.namespace, name: parent.name } }),
    ...(Number.isFinite(awaitingSince) ? { awaitingSince } : {}),
  };
}

/** It stands in Git, so it is not deleted; what it desires cannot be read, so nothing is pruned. */
function toStalledSet(stalled: StalledFluxObject): DesiredSet {
  return {
    id: { namespace: stalled.object.namespace, name: stalled.object.name },
    revision: '',
    settings: {
      prune: false,
      force: false,
      wait: false,
      timeoutMs: 0,
      healthChecks: [],
      deletionPolicy: 'Orphan',
      dependsOn: [],
    },
    render: { kind: 'failed', reason: stalled.reason, message: stalled.problems.map(formatProblem).join('; ') },
    children: [],
  };
}

function settingsOf(kustomization: Kustomization): DesiredSet['settings'] {
  const { prune, force, wait, timeoutMs, healthChecks, deletionPolicy, dependsOn, annotations } = kustomization;
  const adopt = annotations[ADOPT_ANNOTATION] === 'enabled';
  return { prune, force, wait, timeoutMs, healthChecks, deletionPolicy, dependsOn, ...(adopt ? { adopt } : {}) };
}
