import { ADOPT_ANNOTATION, ADOPT_INSTALLATION_ANNOTATION, APPLYSET_PART_OF_LABEL } from '#shared/api/names.ts';
import type { LiveMetadata } from '#shared/ports/kubernetes-api.ts';

import type { RecordBook } from './apply-record.ts';
import { installationOf } from './apply-set-id.ts';
import { describeParentOwner } from './apply-set-parent.ts';
import type { DesiredObject } from './desired-object.ts';
import type { ObservedCluster } from './observed-cluster.ts';
import { ownsPartOfLabel } from './own-entry.ts';

/**
 * Says why an object may not be applied that another installation applied. It writes under the same field manager, so only
 * the label of the object, and the parents, tell them apart. What Git says of the object counts here, never what the object
 * itself carries: that is the other's word.
 */
export function refuseOtherInstallation(
  { object, key }: Pick<DesiredObject, 'object' | 'key'>,
  live: LiveMetadata,
  cluster: Pick<ObservedCluster, 'parents' | 'foreignParents'>,
  isOwnSet: boolean,
  records: RecordBook,
): string | undefined {
  const partOf = live.labels?.[APPLYSET_PART_OF_LABEL];
  if (partOf === undefined || isOwnSet || cluster.foreignParents.size === 0 || !ownsPartOfLabel(live)) {
    return undefined;
  }
  const annotations = object.metadata.annotations ?? {};
  const parent = cluster.foreignParents.get(partOf);
  if (parent !== undefined) {
    const name = installationOf(parent.kustomization);
    const { namespace, name: kustomization } = parent.kustomization;
    return annotations[ADOPT_INSTALLATION_ANNOTATION] === name
      ? undefined
      : `Kustomization ${namespace}/${kustomization} of ${describeParentOwner(parent)} owns it; take it out of one of the two, or annotate it with ${ADOPT_INSTALLATION_ANNOTATION}: ${name} in Git to take it over`;
  }
  // Nobody knows whose it is: a Kustomization of our own that is long gone, or one of theirs whose inventory got lost.
  return records.get(key)?.uid === live.uid || annotations[ADOPT_ANNOTATION] === 'enabled'
    ? undefined
    : `ApplySet ${partOf} owns it, whose inventory is gone, and more than one installation works on the cluster; annotate it with ${ADOPT_ANNOTATION}: enabled in Git to take it over`;
}
