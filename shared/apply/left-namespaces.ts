import { APPLYSET_NAMESPACES_ANNOTATION, APPLYSET_PART_OF_LABEL, TIDEGATE_NAMESPACE } from '#shared/api/names.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/api/resource-key.ts';

import { applySetId, applySetParentName } from './apply-set-id.ts';
import type { ApplySetParent } from './apply-set-parent.ts';
import type { WithheldPrune } from './desired-state.ts';
import { formatGroupKind } from './group-kind.ts';
import type { ObservedCluster } from './observed-cluster.ts';

/** Namespaces with members of a Kustomization that this run could not list, and so never prunes from, and why. */
export function leftNamespaces(
  cluster: Pick<ObservedCluster, 'parents' | 'unlisted'>,
  kustomization: NamespacedName,
): readonly WithheldPrune[] {
  const id = applySetId(kustomization);
  const parent = cluster.parents.find((known) => applySetId(known.kustomization) === id);
  return (parent?.namespaces ?? []).flatMap((namespace) => {
    const reason = whyLeft(cluster, parent?.kinds ?? [], namespace);
    if (reason === undefined) {
      return [];
    }
    const message = `what Kustomization ${formatNamespacedName(kustomization)} applied there stays: ${reason}; let Tidegate into the namespace again to have it pruned, or delete what is labelled ${APPLYSET_PART_OF_LABEL}=${id} and take the namespace out of the annotation ${APPLYSET_NAMESPACES_ANNOTATION} of ConfigMap ${TIDEGATE_NAMESPACE}/${applySetParentName(kustomization)}`;
    return [{ id: { group: '', kind: 'Namespace', namespace: '', name: namespace }, guard: 'not-listed', message }];
  });
}

function whyLeft(
  { unlisted }: Pick<ObservedCluster, 'unlisted'>,
  kinds: ApplySetParent['kinds'],
  namespace: string,
): string | undefined {
  const names = kinds.map(formatGroupKind);
  return unlisted.find((hole) => hole.namespace === namespace && (hole.kind === undefined || names.includes(hole.kind)))
    ?.reason;
}
