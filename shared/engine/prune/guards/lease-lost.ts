import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds when another run may be at work on the cluster. */
export const leaseLost: PruneGuardCheck = (_candidate, { holdsLease }) =>
  holdsLease ? undefined : "the run no longer holds the cluster's lease";
