import { objectKey } from '#shared/api/kubernetes-object.ts';
import type { NamespacedName } from '#shared/api/resource-key.ts';

import { rankOf } from './apply-order.ts';
import type { WhenDeleted } from './apply-set-parent.ts';
import type { PruneApproval, PruneGuard, WithheldPrune } from './desired-state.ts';
import type { ObservedObject } from './observed-cluster.ts';
import { artifactDoubtful } from './prune-guards/artifact-doubtful.ts';
import { beforeInstallation } from './prune-guards/before-installation.ts';
import { controlled } from './prune-guards/controlled.ts';
import { discoveryIncomplete } from './prune-guards/discovery-incomplete.ts';
import { inUse } from './prune-guards/in-use.ts';
import { leaseLost } from './prune-guards/lease-lost.ts';
import { notApplied } from './prune-guards/not-applied.ts';
import { notOwned } from './prune-guards/not-owned.ts';
import { notRendered } from './prune-guards/not-rendered.ts';
import type { PruneCandidate, PruneContext, PruneGuardCheck } from './prune-guards/prune-candidate.ts';
import { pruneDisabled } from './prune-guards/prune-disabled.ts';
import { shareTooLarge } from './prune-guards/share-too-large.ts';
import { stillDesired } from './prune-guards/still-desired.ts';

/** One Kustomization, or what is left of one that was deleted from Git. */
export interface PruneSet {
  readonly kustomization: NamespacedName;
  /** All that carry its label. */
  readonly members: readonly ObservedObject[];
  /** How many objects it desires. */
  readonly desired: number;
  readonly whenGone: WhenDeleted;
}

export interface PrunePlan {
  /** In the order of deletion. */
  readonly deletions: readonly PruneCandidate[];
  readonly withheld: readonly (WithheldPrune & { readonly kustomization: NamespacedName })[];
}

/**
 * An object is pruned when none of these holds it; in this order, the first that does is named.
 * That a candidate is the one we looked at, in the state we looked at, is for the server to check (uid, resourceVersion).
 */
const GUARDS: readonly (readonly [string, PruneGuardCheck])[] = [
  ['artifact-doubtful', artifactDoubtful],
  ['not-rendered', notRendered],
  ['still-desired', stillDesired],
  ['not-applied', notApplied],
  ['lease-lost', leaseLost],
  ['not-owned', notOwned],
  ['before-installation', beforeInstallation],
  ['controlled', controlled],
  ['in-use', inUse],
  ['prune-disabled', pruneDisabled],
  ['discovery-incomplete', discoveryIncomplete],
];

/** Decides which members that nobody desires are deleted, and names the reason for each that is not. */
export function planPrune(
  sets: readonly PruneSet[],
  context: PruneContext,
  guard: PruneGuard,
  approvals: readonly PruneApproval[],
): PrunePlan {
  const deletions: PruneCandidate[] = [];
  const withheld: (WithheldPrune & { readonly kustomization: NamespacedName })[] = [];
  for (const set of sets) {
    const free: PruneCandidate[] = [];
    for (const object of undesired(set, context)) {
      const candidate = { kustomization: set.kustomization, object, whenGone: set.whenGone };
      const held = firstGuard(candidate, context);
      if (held === undefined) {
        free.push(candidate);
      } else {
        withheld.push({ kustomization: set.kustomization, id: object.id, ...held });
      }
    }
    const share = {
      kustomization: set.kustomization,
      deletions: free.length,
      members: set.members.length,
      desired: set.desired,
    };
    const message = free.length === 0 ? undefined : shareTooLarge(share, guard, approvals);
    if (message === undefined) {
      deletions.push(...free);
    } else {
      withheld.push(
        ...free.map(({ object }) => ({ kustomization: set.kustomization, id: object.id, guard: 'share', message })),
      );
    }
  }
  deletions.sort((one, other) => rankOf(other.object.id.kind) - rankOf(one.object.id.kind));
  return { deletions, withheld };
}

function undesired(set: PruneSet, context: PruneContext): readonly ObservedObject[] {
  return set.members.filter(
    ({ id, live }) => !context.desiredKeys.has(objectKey(id)) && live.deletionTimestamp === undefined,
  );
}

function firstGuard(
  candidate: PruneCandidate,
  context: PruneContext,
): { readonly guard: string; readonly message: string } | undefined {
  for (const [guard, check] of GUARDS) {
    const message = check(candidate, context);
    if (message !== undefined) {
      return { guard, message };
    }
  }
  return undefined;
}
