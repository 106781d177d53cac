import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds while an object of its own Kustomization is not applied. */
export const notApplied: PruneGuardCheck = ({ kustomization }, { unapplied }) =>
  unapplied.has(formatNamespacedName(kustomization))
    ? `Kustomization ${formatNamespacedName(kustomization)} is not applied as a whole`
    : undefined;
