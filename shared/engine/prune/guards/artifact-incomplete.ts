import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds while the caller doubts what it read: an artifact that is incomplete or not what its digest says. */
export const artifactIncomplete: PruneGuardCheck = (_candidate, { doubts }) =>
  doubts.length === 0 ? undefined : `prunes wait: ${doubts.join('; ')}`;
