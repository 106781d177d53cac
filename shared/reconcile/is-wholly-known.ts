import type { DesiredState } from './desired-state.ts';

/**
 * Whether all that Git asks of the cluster could be read. Only then is something that was not found gone from Git; else
 * a Kustomization that is broken, suspended or stalled may bring it.
 */
export function isWhollyKnown(desired: DesiredState): boolean {
  return (
    desired.doubts.length === 0 &&
    desired.nodes.every((node) => node.render.kind === 'rendered') &&
    desired.stalled.every((stalled) => stalled.object.kind !== 'Kustomization')
  );
}
