import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds for an object that a controller made from another object: it goes when that one goes. */
export const controlled: PruneGuardCheck = ({ object }) => {
  const controller = object.live.ownerReferences?.find((owner) => owner.controller === true);
  return controller === undefined ? undefined : `a ${controller.kind} controls it`;
};
