import { formatNamespacedName, type NamespacedName } from '#shared/api/resource-key.ts';
import { APPROVE_PRUNE_ANNOTATION } from '#shared/api/names.ts';

import type { PruneApproval, PruneGuard } from '../desired-state.ts';

export interface PruneShare {
  readonly kustomization: NamespacedName;
  /** How many would be deleted. */
  readonly deletions: number;
  /** How many it has in the cluster before. */
  readonly members: number;
  /** How many it desires. */
  readonly desired: number;
}

/**
 * Says why a person has to look first. The share is too large when
 * - the Kustomization would be emptied, however small it is, or
 * - more than `maxObjects` and more than `maxPercent` of its members would go,
 * and nobody approved exactly this count.
 */
export function shareTooLarge(
  share: PruneShare,
  guard: PruneGuard,
  approvals: readonly PruneApproval[],
): string | undefined {
  const name = formatNamespacedName(share.kustomization);
  const approved = approvals.some(
    (approval) => formatNamespacedName(approval.kustomization) === name && approval.count === share.deletions,
  );
  const emptied = share.desired === 0;
  const large =
    share.deletions > guard.maxObjects && share.deletions * 100 > guard.maxPercent * Math.max(share.members, 1);
  if (approved || (!emptied && !large)) {
    return undefined;
  }
  const what = emptied
    ? `it would lose all of its ${share.deletions} objects`
    : `it would lose ${share.deletions} of ${share.members} objects, the limit is ${guard.maxObjects} and ${guard.maxPercent} %`;
  const approval = `"${name}=${share.deletions}"`;
  return `Kustomization ${name}: ${what}; to approve, annotate the Kustomization that renders it with ${APPROVE_PRUNE_ANNOTATION}: ${approval} (for the root: approvePrune: ${approval} of the cluster in tidegate.yaml)`;
}
