import { formatGroupKind } from '#shared/kubernetes/group-kind.ts';

import { whyUnlisted } from '../../observe/unlisted.ts';
import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds while the server does not tell all of its kinds, or does not list the objects of one that was applied. */
export const discoveryIncomplete: PruneGuardCheck = ({ object }, { incompleteDiscovery, unlisted }) => {
  if (incompleteDiscovery.length > 0) {
    return `discovery is incomplete: ${incompleteDiscovery.join(', ')} did not answer`;
  }
  const problem = whyUnlisted(unlisted, object.id);
  return problem === undefined ? undefined : `${formatGroupKind(object.id)} could not be listed: ${problem}`;
};
