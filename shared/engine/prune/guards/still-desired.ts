import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds for an object that some Kustomization desires, be it through another group (same uid). */
export const stillDesired: PruneGuardCheck = ({ object }, { desiredKeys, desiredUids }) =>
  desiredKeys.has(objectKey(object.id)) || desiredUids.has(object.live.uid)
    ? 'a Kustomization of the cluster desires it'
    : undefined;
