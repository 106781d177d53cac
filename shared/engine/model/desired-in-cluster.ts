import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { findResource } from '#shared/kubernetes/group-kind.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import type { RecordBook } from '../inventory/apply-record.ts';
import { describeParentOwner } from '../inventory/apply-set-parent.ts';
import type { ObservedCluster } from '../observe/observed-cluster.ts';
import type { PruneContext } from '../prune/guards/prune-candidate.ts';
import type { DesiredSet } from './apply-request.ts';
import { desiredIds, resolveId } from './desired-object.ts';

/** What all Kustomizations desire, and what other installations have, as guards of prunes ask for it. */
export interface DesiredInCluster extends Pick<
  PruneContext,
  | 'unrendered'
  | 'desiredKeys'
  | 'desiredNamespaces'
  | 'desiredGroups'
  | 'desiredDefinitions'
  | 'foreignNamespaces'
  | 'foreignDefinitions'
> {
  readonly cluster: ObservedCluster;
  /** Uids of what was there when the cluster was observed. */
  readonly uids: ReadonlySet<string>;
}

/** Indexes what guards ask for; made once for each look at the cluster. */
export function desiredInCluster(
  cluster: ObservedCluster,
  sets: readonly DesiredSet[],
  records: RecordBook,
): DesiredInCluster {
  const { discovery, members } = cluster;
  const desired = sets.flatMap(desiredIds).map((id) => resolveId(id, discovery));
  const desiredKeys = new Set(desired.map(objectKey));
  const uids = [...desiredKeys].map((key) => members.get(key)?.live.uid ?? records.get(key)?.uid);
  return {
    cluster,
    unrendered: sets.filter(isUnknown).map((set) => formatNamespacedName(set.id)),
    desiredKeys,
    uids: new Set(uids.filter((uid) => uid !== undefined)),
    desiredNamespaces: new Set(desired.map((id) => id.namespace)),
    desiredGroups: new Set(desired.map((id) => id.group)),
    desiredDefinitions: new Set(desired.map((id) => `${findResource(discovery, id)?.plural ?? ''}.${id.group}`)),
    ...placesOfOthers(cluster),
  };
}

/** Whether nobody knows what a Kustomization desires, nor which others it brings. */
export function isUnknown({ render }: DesiredSet): boolean {
  switch (render.kind) {
    case 'rendered':
      return false;
    case 'failed':
      return true;
    case 'unchanged':
    case 'suspended':
      return render.desired === undefined;
  }
}

/** Their parents say where the objects of other installations are: never fewer places than they are in. */
function placesOfOthers({
  discovery,
  foreignParents,
}: ObservedCluster): Pick<PruneContext, 'foreignNamespaces' | 'foreignDefinitions'> {
  const foreignNamespaces = new Map<string, string>();
  const foreignDefinitions = new Map<string, string>();
  for (const parent of foreignParents.values()) {
    const owner = describeParentOwner(parent);
    parent.namespaces.forEach((namespace) => foreignNamespaces.set(namespace, owner));
    parent.kinds.forEach((kind) =>
      foreignDefinitions.set(`${findResource(discovery, kind)?.plural ?? ''}.${kind.group}`, owner),
    );
  }
  return { foreignNamespaces, foreignDefinitions };
}
