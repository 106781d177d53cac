import type { NamespacedName } from '#shared/flux/resource-key.ts';

import type { PruneGuard } from '../../model/apply-request.ts';

export interface PruneShare {
  readonly kustomization: NamespacedName;
  /** How many would be deleted. */
  readonly deletions: number;
  /** How many it has in the cluster before. */
  readonly members: number;
  /** How many it desires, other Kustomizations among them. */
  readonly desired: number;
  /** Whether the Kustomization itself is gone from Git. */
  readonly gone: boolean;
}

/**
 * Says why a person has to look first. The share is too large when
 * - the Kustomization is still there and renders nothing any more, however small it is;
 * - it is there, and more than `maxObjects` and more than `maxPercent` of its members would go;
 * - it is gone from Git, and more than `maxObjects` would go with it.
 */
export function shareTooLarge(share: PruneShare, guard: PruneGuard): string | undefined {
  const { namespace, name } = share.kustomization;
  const subject = `Kustomization ${namespace}/${name}`;
  const { deletions, members } = share;
  const few = deletions <= guard.maxObjects;
  if (share.gone) {
    return few
      ? undefined
      : `${subject} is gone from Git and would take ${deletions} objects with it; up to ${guard.maxObjects} go without asking`;
  }
  if (share.desired === 0) return `${subject} renders nothing any more and would lose all of its ${deletions} objects`;
  return few || deletions * 100 <= guard.maxPercent * Math.max(members, 1)
    ? undefined
    : `${subject} would lose ${deletions} of ${members} objects; up to ${guard.maxObjects}, or ${guard.maxPercent} %, go without asking`;
}
