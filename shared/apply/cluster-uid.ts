import { KubernetesApiError, type ApiResource, type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

const NAMESPACES: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  verbs: [],
};

/**
 * What tells a cluster from every other one, under whatever name and address: the uid of `kube-system`, which every server
 * makes for itself and which nobody can delete.
 * @returns undefined where nobody may look.
 */
export async function readClusterUid(api: KubernetesApi): Promise<string | undefined> {
  try {
    return (await api.getMetadata({ resource: NAMESPACES, namespace: '', name: 'kube-system' }))?.uid;
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status.code === 403) {
      return undefined;
    }
    throw error;
  }
}
