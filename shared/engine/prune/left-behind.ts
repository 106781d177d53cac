import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { findResource, formatGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import {
  APPLYSET_KINDS_ANNOTATION,
  APPLYSET_NAMESPACES_ANNOTATION,
  APPLYSET_PART_OF_LABEL,
  TIDEGATE_NAMESPACE,
} from '#shared/kubernetes/names.ts';

import { applySetId, applySetParentName, type ApplySetName } from '../inventory/apply-set-id.ts';
import type { ApplySetParent } from '../inventory/apply-set-parent.ts';
import type { WithheldPrune } from '../model/apply-request.ts';
import type { ObservedCluster } from '../observe/observed-cluster.ts';

/**
 * Names where a Kustomization may have members that this run could not list, and so never prunes: namespaces, and kinds
 * that the server serves and nobody may list.
 */
export function leftBehind(
  cluster: Pick<ObservedCluster, 'parentsBySet' | 'unlisted' | 'discovery'>,
  kustomization: ApplySetName,
): readonly WithheldPrune[] {
  const id = applySetId(kustomization);
  const parent = cluster.parentsBySet.get(id);
  if (parent === undefined) return [];
  const what = `what Kustomization ${formatNamespacedName(kustomization)} applied`;
  const member = `${APPLYSET_PART_OF_LABEL}=${id}`;
  const inventory = `ConfigMap ${TIDEGATE_NAMESPACE}/${applySetParentName(kustomization)}`;
  const namespaces = parent.namespaces.flatMap((namespace) => {
    const reason = whyLeft(cluster, parent.kinds, namespace);
    const message = `${what} there stays: ${reason}; let Tidegate into the namespace again to have it pruned, or delete what is labeled ${member} and take the namespace out of the annotation ${APPLYSET_NAMESPACES_ANNOTATION} of ${inventory}`;
    return reason === undefined ? [] : [withheld({ group: '', kind: 'Namespace' }, namespace, message)];
  });
  const kinds = parent.kinds.flatMap((kind) => {
    const reason = whyHidden(cluster, kind);
    const message = `${what} of this kind stays: ${reason}; let Tidegate list the kind again to have it pruned, or delete those labeled ${member} that Git no longer holds and take the kind out of the annotation ${APPLYSET_KINDS_ANNOTATION} of ${inventory}`;
    return reason === undefined ? [] : [withheld(kind, '*', message)];
  });
  return [...namespaces, ...kinds];
}

function withheld({ group, kind }: GroupKind, name: string, message: string): WithheldPrune {
  return { id: { group, kind, namespace: '', name }, guard: 'not-listed', message };
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

function whyHidden(
  { unlisted, discovery }: Pick<ObservedCluster, 'unlisted' | 'discovery'>,
  kind: GroupKind,
): string | undefined {
  const isServed = findResource(discovery, kind)?.verbs.includes('list') === true;
  const name = formatGroupKind(kind);
  return isServed ? unlisted.find((hole) => hole.namespace === undefined && hole.kind === name)?.reason : undefined;
}
