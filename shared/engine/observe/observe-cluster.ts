import { defined } from '#shared/common/defined.ts';
import { hashValue } from '#shared/common/hash-value.ts';
import { runAtMost } from '#shared/common/run-at-most.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import { findResource, formatGroupKind, parseGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import { objectKey, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { APPLYSET_ID_LABEL, APPLYSET_PART_OF_LABEL, TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';
import { type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { applySetId } from '../inventory/apply-set-id.ts';
import { isOwnParent, readParent, type ApplySetParent } from '../inventory/apply-set-parent.ts';
import type { Installation } from '../lease/installation.ts';
import type { DesiredSet } from '../model/apply-request.ts';
import { desiredIds } from '../model/desired-object.ts';
import type { ObservedCluster, ObservedObject, ObservedParent } from './observed-cluster.ts';
import type { Unlisted } from './unlisted.ts';

const AT_ONCE = 16;
const DAY_MS = 86_400_000;
const NAMESPACES: GroupKind = { group: '', kind: 'Namespace' };
const DEFINITIONS: GroupKind = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' };
const MUTATING_ADMISSION: readonly GroupKind[] = [
  'MutatingWebhookConfiguration',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
].map((kind) => ({ group: 'admissionregistration.k8s.io', kind }));

export interface ObserveRequest {
  readonly cluster: string;
  readonly installation: Installation;
  readonly sets: readonly DesiredSet[];
  /** Where alone the run may work: a list of the whole cluster would be a right to read its Secrets. */
  readonly namespaces?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Reads everything a plan needs in one request a kind (and namespace, where those are given) and a handful: discovery,
 * ApplySet parents, members of every ApplySet, and what makes up the epoch. A list that cannot be had is named, never
 * taken for an empty one.
 */
export async function observeCluster(api: KubernetesApi, request: ObserveRequest): Promise<ObservedCluster> {
  const { sets, namespaces } = request;
  const discovery = await api.discover();
  const [{ parents, foreignParents }, { epochOf, definedGroups }] = await Promise.all([
    observeParents(api, discovery, request),
    observeEpoch(api, discovery, request.now),
  ]);
  const members = new Map<string, ObservedObject>();
  // A kind that is neither served nor defined has no objects: nothing waits for what went with its definition.
  const mayExist = (kind: GroupKind): boolean =>
    findResource(discovery, kind) !== undefined ||
    discovery.incomplete.length > 0 ||
    definedGroups?.has(kind.group) !== false;
  const { lists, unlisted } = planLists(discovery, kindsToList(sets, parents).filter(mayExist), namespaces);
  await runAtMost(AT_ONCE, lists, async ({ kind, resource, ...place }) => {
    try {
      for (const live of await api.listMetadata({ resource, ...place, labelSelector: APPLYSET_PART_OF_LABEL })) {
        const id = observedId(kind, live);
        members.set(objectKey(id), { id, resource, live });
      }
    } catch (error) {
      unlisted.push({ kind: formatGroupKind(kind), ...place, reason: refusalOf(error) });
    }
  });
  return {
    discovery,
    members,
    membersBySet: groupBySet(members.values()),
    parents,
    parentsBySet: new Map(parents.map((parent) => [applySetId(parent.kustomization), parent])),
    foreignParents,
    unlisted: await withLeftNamespaces(api, { discovery, parents, unlisted }, namespaces),
    epochOf,
    ...defined({ namespaces }),
  };
}

function groupBySet(members: Iterable<ObservedObject>): ReadonlyMap<string, readonly ObservedObject[]> {
  const groups = new Map<string, ObservedObject[]>();
  for (const member of members) {
    const id = member.live.labels?.[APPLYSET_PART_OF_LABEL] ?? '';
    const known = groups.get(id) ?? [];
    known.push(member);
    groups.set(id, known);
  }
  return groups;
}

interface PlannedList {
  readonly kind: GroupKind;
  readonly resource: ApiResource;
  readonly namespace?: string;
}

function planLists(
  discovery: Discovery,
  kinds: readonly GroupKind[],
  namespaces: readonly string[] | undefined,
): { readonly lists: readonly PlannedList[]; readonly unlisted: Unlisted[] } {
  const lists: PlannedList[] = [];
  const unlisted: Unlisted[] = [];
  for (const kind of kinds) {
    const resource = findResource(discovery, kind);
    if (resource === undefined || !resource.verbs.includes('list')) {
      unlisted.push({ kind: formatGroupKind(kind), reason: 'the server does not serve it' });
    } else if (namespaces === undefined) {
      lists.push({ kind, resource });
    } else if (resource.namespaced) {
      lists.push(...namespaces.map((namespace) => ({ kind, resource, namespace })));
    } else {
      unlisted.push({ kind: formatGroupKind(kind), reason: 'it is in no namespace that Tidegate may work in' });
    }
  }
  return { lists, unlisted };
}

/**
 * Adds the namespaces that hold members of ours and that somebody took out of the settings since. One that is gone, be it
 * of the settings or not, holds nothing: nobody waits for it.
 */
async function withLeftNamespaces(
  api: KubernetesApi,
  { discovery, parents, unlisted }: Pick<ObservedCluster, 'discovery' | 'parents' | 'unlisted'>,
  allowed: readonly string[] | undefined,
): Promise<readonly Unlisted[]> {
  const resource = findResource(discovery, NAMESPACES);
  if (allowed === undefined || resource === undefined) return unlisted;
  const inUse = new Set(parents.flatMap(({ namespaces }) => namespaces));
  const refused = new Set(unlisted.map(({ namespace }) => namespace));
  const gone = new Set<string>();
  await runAtMost(
    AT_ONCE,
    [...inUse].filter((name) => !allowed.includes(name) || refused.has(name)),
    async (name) => {
      try {
        if ((await api.getMetadata({ resource, namespace: '', name })) === undefined) {
          gone.add(name);
        }
      } catch (error) {
        refusalOf(error);
      }
    },
  );
  const left = [...inUse].filter((name) => !allowed.includes(name) && !gone.has(name));
  const reason = 'it is not among the namespaces of the cluster in tidegate.yaml';
  return [
    ...unlisted.filter(({ namespace = '' }) => !gone.has(namespace)),
    ...left.map((namespace) => ({ namespace, reason })),
  ];
}

function refusalOf(error: unknown): string {
  if (!(error instanceof KubernetesApiError) || (error.status.code !== 403 && error.status.code !== 404)) throw error;
  return error.message;
}

async function observeParents(
  api: KubernetesApi,
  discovery: Discovery,
  { cluster, installation }: Pick<ObserveRequest, 'cluster' | 'installation'>,
): Promise<Pick<ObservedCluster, 'parents' | 'foreignParents'>> {
  const resource = configMaps(discovery);
  const parents: ObservedParent[] = [];
  const foreignParents = new Map<string, ApplySetParent>();
  const live = await api.listMetadata({ resource, namespace: TIDEGATE_NAMESPACE, labelSelector: APPLYSET_ID_LABEL });
  for (const metadata of live) {
    const parent = readParent(metadata);
    if (parent === undefined) continue;
    // Of another installation nothing is missing in Git, nothing is drift and nothing is pruned.
    if (isOwnParent(parent, cluster, installation)) {
      parents.push({ ...parent, live: metadata });
    } else {
      foreignParents.set(applySetId(parent.kustomization), parent);
    }
  }
  return { parents, foreignParents };
}

interface Epoch {
  readonly epochOf: (kind: GroupKind) => string;
  /** API groups that have a definition; absent when nobody may look. */
  readonly definedGroups?: ReadonlySet<string>;
}

async function observeEpoch(api: KubernetesApi, discovery: Discovery, now: number): Promise<Epoch> {
  const list = async (kind: GroupKind): Promise<readonly LiveMetadata[] | undefined> => {
    const resource = findResource(discovery, kind);
    try {
      return resource === undefined ? [] : await api.listMetadata({ resource });
    } catch (error) {
      refusalOf(error);
      return undefined;
    }
  };
  const [definitions, ...admission] = await Promise.all([list(DEFINITIONS), ...MUTATING_ADMISSION.map(list)]);
  const mutators = admission.flatMap((seen) => seen ?? []).map((live) => `${live.uid}:${live.resourceVersion}`);
  // What may not be looked at may have changed: then every object is applied anew once a day, not in every run.
  const unseen = [definitions, ...admission].includes(undefined) ? [Math.floor(now / DAY_MS)] : [];
  const shared = hashValue([discovery.serverVersion, mutators.sort(), ...unseen]);
  const byName = new Map((definitions ?? []).map((live) => [live.name, live]));
  const epochOf = (kind: GroupKind): string => {
    const plural = findResource(discovery, kind)?.plural ?? '';
    const definition = byName.get(`${plural}.${kind.group}`);
    return definition === undefined ? shared : hashValue([shared, definition.uid, definition.generation ?? 0]);
  };
  if (definitions === undefined) return { epochOf };
  return { epochOf, definedGroups: new Set(definitions.map(({ name }) => name.slice(name.indexOf('.') + 1))) };
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
  if (resource === undefined) throw new Error('discovery holds no ConfigMap: this is no Kubernetes API server');
  return resource;
}

function observedId(kind: GroupKind, live: LiveMetadata): ObjectId {
  return { group: kind.group, kind: kind.kind, namespace: live.namespace ?? '', name: live.name };
}
