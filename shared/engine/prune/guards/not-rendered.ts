import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds while any Kustomization of the cluster is not rendered: the object may have moved into it. */
export const notRendered: PruneGuardCheck = (_candidate, { unrendered }) =>
  unrendered.length === 0
    ? undefined
    : `it may have moved into ${unrendered.join(', ')}, of which nobody knows what it desires`;
