import { formatGroupKind } from '#shared/kubernetes/group-kind.ts';
import { formatObjectId, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import type { ApplyFailure } from '../model/apply-request.ts';
import type { ObservedCluster } from './observed-cluster.ts';

/**
 * Says why an object may not be applied where the run may work in some namespaces only: it would be written where nobody
 * can look for it again. `id` is as the server keeps it.
 */
export function outsideScope(
  id: ObjectId,
  { namespaces, unlisted }: Pick<ObservedCluster, 'namespaces' | 'unlisted'>,
): ApplyFailure | undefined {
  if (namespaces === undefined) return undefined;
  if (id.namespace === '') {
    const message = `it is in no namespace, and Tidegate may work in ${namespaces.join(', ')} only; take it out of the cluster's folder and let an administrator apply it, or give the cluster profile: platform`;
    return { id, reason: 'NotAllowed', message };
  }
  if (!namespaces.includes(id.namespace)) {
    const message = `namespace ${id.namespace} is not one that Tidegate may work in, these are: ${namespaces.join(', ')}; add it to the namespaces of the cluster in tidegate.yaml and bind the role there (infra/rbac/workload.yaml), or move the object`;
    return { id, reason: 'NotAllowed', message };
  }
  const kind = formatGroupKind(id);
  const hole = unlisted.find((one) => one.namespace === id.namespace && (one.kind === undefined || one.kind === kind));
  return hole === undefined
    ? undefined
    : {
        id,
        reason: 'Forbidden',
        message: `${hole.reason}; give Tidegate the kind in namespace ${id.namespace} (infra/rbac/workload.yaml), or remove ${formatObjectId(id)}`,
      };
}
