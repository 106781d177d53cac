import { ownsPartOfLabel } from '#shared/kubernetes/own-entry.ts';

import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds for an object whose ApplySet label was not written by our own apply: labels get copied (Endpoints have their Service's). */
export const notOwned: PruneGuardCheck = ({ object }) =>
  ownsPartOfLabel(object.live) ? undefined : 'it carries the label of the ApplySet, but tidegate did not write it';
