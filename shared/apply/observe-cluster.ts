import { objectKey, type ObjectId } from '#shared/api/kubernetes-object.ts';
import { APPLYSET_ID_LABEL, APPLYSET_PART_OF_LABEL, TIDEGATE_NAMESPACE } from '#shared/api/names.ts';
import {
  KubernetesApiError,
  type ApiResource,
  type Discovery,
  type KubernetesApi,
  type LiveMetadata,
} from '#shared/ports/kubernetes-api.ts';

import { applySetId } from './apply-set-id.ts';
import { readParent } from './apply-set-parent.ts';
import { desiredIds } from './desired-object.ts';
import type { DesiredSet } from './desired-state.ts';
import { findResource, formatGroupKind, parseGroupKind, type GroupKind } from './group-kind.ts';
import { hashValue } from './hash-value.ts';
import type { ObservedCluster, ObservedObject, ObservedParent } from './observed-cluster.ts';
import { runAtMost } from './run-at-most.ts';

const AT_ONCE = 16;
const DEFINITIONS: GroupKind = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' };
const MUTATING_ADMISSION: readonly GroupKind[] = [
  'MutatingWebhookConfiguration',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
].map((kind) => ({ group: 'admissionregistration.k8s.io', kind }));

/**
 * Reads everything a plan needs in one request a kind and a handful: discovery, ApplySet parents, members of every
 * ApplySet, and what makes up the epoch. A list that cannot be had is named, never taken for an empty one.
 */
export async function observeCluster(
  api: KubernetesApi,
  cluster: string,
  sets: readonly DesiredSet[],
): Promise<ObservedCluster> {
  const discovery = await api.discover();
  const [{ parents, foreignParents }, epochOf] = await Promise.all([
    observeParents(api, discovery, cluster),
    observeEpoch(api, discovery),
  ]);
  const kinds = kindsToList(sets, parents);
  const members = new Map<string, ObservedObject>();
  const unlisted = new Map<string, string>();
  await runAtMost(AT_ONCE, kinds, async (kind) => {
    const resource = findResource(discovery, kind);
    if (resource === undefined || !resource.verbs.includes('list')) {
      unlisted.set(formatGroupKind(kind), 'the server does not serve it');
      return;
    }
    try {
      for (const live of await api.listMetadata({ resource, labelSelector: APPLYSET_PART_OF_LABEL })) {
        const id = observedId(kind, live);
        members.set(objectKey(id), { id, resource, live });
      }
    } catch (error) {
      if (!(error instanceof KubernetesApiError) || (error.status.code !== 403 && error.status.code !== 404)) {
        throw error;
      }
      unlisted.set(formatGroupKind(kind), error.message);
    }
  });
  return { discovery, members, parents, foreignParents, unlisted, epochOf };
}

async function observeParents(
  api: KubernetesApi,
  discovery: Discovery,
  cluster: string,
): Promise<Pick<ObservedCluster, 'parents' | 'foreignParents'>> {
  const resource = configMaps(discovery);
  const parents: ObservedParent[] = [];
  const foreignParents = new Map<string, string>();
  const live = await api.listMetadata({ resource, namespace: TIDEGATE_NAMESPACE, labelSelector: APPLYSET_ID_LABEL });
  for (const metadata of live) {
    const parent = readParent(metadata);
    // Two names of one cluster in the settings would otherwise each take the other's Kustomizations for deleted.
    if (parent !== undefined && parent.cluster === cluster) {
      parents.push({ ...parent, live: metadata });
    } else if (parent !== undefined) {
      foreignParents.set(applySetId(parent.kustomization), parent.cluster);
    }
  }
  return { parents, foreignParents };
}

async function observeEpoch(api: KubernetesApi, discovery: Discovery): Promise<(kind: GroupKind) => string> {
  const list = async (kind: GroupKind): Promise<readonly LiveMetadata[]> => {
    const resource = findResource(discovery, kind);
    return resource === undefined ? [] : api.listMetadata({ resource });
  };
  const [definitions, ...admission] = await Promise.all([list(DEFINITIONS), ...MUTATING_ADMISSION.map(list)]);
  const mutators = admission.flat().map((live) => `${live.uid}:${live.resourceVersion}`);
  const shared = hashValue([discovery.serverVersion, mutators.sort()]);
  const byName = new Map((definitions ?? []).map((live) => [live.name, live]));
  return (kind) => {
    const plural = findResource(discovery, kind)?.plural ?? '';
    const definition = byName.get(`${plural}.${kind.group}`);
    return definition === undefined ? shared : hashValue([shared, definition.uid, definition.generation ?? 0]);
  };
}

function kindsToList(sets: readonly DesiredSet[], parents: readonly ObservedParent[]): readonly GroupKind[] {
  const kinds = new Set<string>();
  for (const set of sets) {
    for (const id of desiredIds(set)) {
      kinds.add(formatGroupKind(id));
    }
  }
  for (const parent of parents) {
    for (const kind of parent.kinds) {
      kinds.add(formatGroupKind(kind));
    }
  }
  return [...kinds].sort().map(parseGroupKind);
}

/** ConfigMaps, which every server has. */
export function configMaps(discovery: Discovery): ApiResource {
  const resource = findResource(discovery, { group: '', kind: 'ConfigMap' });
  if (resource === undefined) {
    throw new Error('discovery holds no ConfigMap: this is no Kubernetes API server');
  }
  return resource;
}

function observedId(kind: GroupKind, live: LiveMetadata): ObjectId {
  return { group: kind.group, kind: kind.kind, namespace: live.namespace ?? '', name: live.name };
}
