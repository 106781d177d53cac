import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import { type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { NAMESPACES } from './cluster-lease.ts';

/**
 * What tells a cluster from every other one, under whatever name and address: the uid of `kube-system`, which every server
 * makes for itself and which nobody can delete.
 * @returns undefined where nobody may look.
 */
export async function readClusterUid(api: KubernetesApi): Promise<string | undefined> {
  try {
    return (await api.getMetadata({ resource: NAMESPACES, namespace: '', name: 'kube-system' }))?.uid;
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status.code === 403) return undefined;
    throw error;
  }
}
