import type { Kustomization } from '#shared/api/kustomization.ts';
import { APPROVE_PRUNE_ANNOTATION } from '#shared/api/names.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { DesiredSet, PruneApproval } from '#shared/apply/desired-state.ts';
import { formatProblem } from '#shared/errors/problem.ts';
import type { PreviousState } from './read-previous-state.ts';
import type { DesiredState, KustomizationNode, StalledInstruction } from './desired-state.ts';

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
  return {
    sets: [
      ...desired.nodes.map((node) => toDesiredSet(node, previous)),
      ...desired.stalled.filter((stalled) => stalled.object.kind === 'Kustomization').map(toStalledSet),
    ],
    doubts: desired.doubts,
    approvals: [...parseApprovals(approvePrune), ...desired.nodes.flatMap((node) => approvalsOf(node, desired))],
  };
}

function toDesiredSet(node: KustomizationNode, previous: PreviousState): DesiredSet {
  const { kustomization } = node;
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
    ...(Number.isFinite(awaitingSince) ? { awaitingSince } : {}),
  };
}

/** It stands in Git, so it is not deleted; what it desires cannot be read, so nothing is pruned. */
function toStalledSet(stalled: StalledInstruction): DesiredSet {
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
  const { prune, force, wait, timeoutMs, healthChecks, deletionPolicy, dependsOn } = kustomization;
  return { prune, force, wait, timeoutMs, healthChecks, deletionPolicy, dependsOn };
}

/**
 * What a Kustomization's annotation approves: the prunes of those that it renders, so that nobody approves for another's
 * folder. Of one that is gone from Git nobody knows any more who rendered it; there every annotation counts.
 */
function approvalsOf(node: KustomizationNode, desired: DesiredState): readonly PruneApproval[] {
  const children = new Set(node.children.map(formatNamespacedName));
  const present = new Set(desired.nodes.map((one) => formatNamespacedName(one.kustomization)));
  return parseApprovals(node.kustomization.annotations[APPROVE_PRUNE_ANNOTATION]).filter((approval) => {
    const name = formatNamespacedName(approval.kustomization);
    return children.has(name) || !present.has(name);
  });
}

/** Reads `"<namespace>/<kustomization>=<count>"`, several divided by commas; what reads otherwise approves nothing. */
export function parseApprovals(text: string | undefined): readonly PruneApproval[] {
  if (text === undefined) return [];
  return text.split(',').flatMap((part) => {
    const match = /^\s*([a-z0-9.-]+)\/([a-z0-9.-]+)=(\d{1,6})\s*$/.exec(part);
    if (match === null) return [];
    const [, namespace = '', name = '', count = ''] = match;
    return [{ kustomization: { namespace, name }, count: Number(count) }];
  });
}
