import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import {
  ADOPT_INSTALLATION_ANNOTATION,
  APPLYSET_PART_OF_LABEL,
  INSTALLATION_ANNOTATION,
} from '#shared/kubernetes/names.ts';
import { ownsPartOfLabel } from '#shared/kubernetes/own-entry.ts';

import { DEFAULT_INSTALLATION, installationOf } from '../inventory/apply-set-id.ts';
import { describeParentOwner } from '../inventory/apply-set-parent.ts';
import type { DesiredObject } from '../model/desired-object.ts';
import type { ObservedCluster } from '../observe/observed-cluster.ts';

/**
 * Says why an object may not be applied that another installation applied. It writes under the same field manager, so only
 * labels, the name on the object, and the parents tell them apart; the name does so when somebody deleted the parents. What
 * Git says of the object counts here, never what the object itself carries: that is the other's word.
 * @param isOwnSet whether the object's label is that of a set of ours.
 */
export function refuseOtherInstallation(
  { object, set }: Pick<DesiredObject, 'object' | 'set'>,
  live: LiveMetadata,
  { foreignParents }: Pick<ObservedCluster, 'foreignParents'>,
  isOwnSet: boolean,
): string | undefined {
  const partOf = live.labels?.[APPLYSET_PART_OF_LABEL];
  if (partOf === undefined || isOwnSet || !ownsPartOfLabel(live)) return undefined;
  const parent = foreignParents.get(partOf);
  const name =
    parent === undefined
      ? (live.annotations?.[INSTALLATION_ANNOTATION] ?? DEFAULT_INSTALLATION)
      : installationOf(parent.kustomization);
  const isOurs = parent === undefined && name === installationOf(set.id);
  if (isOurs || object.metadata.annotations?.[ADOPT_INSTALLATION_ANNOTATION] === name) return undefined;
  const owner =
    parent === undefined
      ? `installation ${name}`
      : `Kustomization ${formatNamespacedName(parent.kustomization)} of ${describeParentOwner(parent)}`;
  return `${owner} owns it; take it out of one of the two, or annotate it with ${ADOPT_INSTALLATION_ANNOTATION}: ${name} in Git to take it over`;
}
