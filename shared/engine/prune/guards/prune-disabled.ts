import { hasMark } from '#shared/kubernetes/has-mark.ts';
import { FLUX_PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';

import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds for an object, or a whole Kustomization, for which pruning is switched off. */
export const pruneDisabled: PruneGuardCheck = ({ object, whenGone }) => {
  if (whenGone !== 'prune') {
    return whenGone === 'orphan' ? 'its Kustomization does not prune' : 'its Kustomization is suspended';
  }
  return hasMark(object.live, FLUX_PRUNE_ANNOTATION, 'disabled') ? `${FLUX_PRUNE_ANNOTATION} is disabled` : undefined;
};
