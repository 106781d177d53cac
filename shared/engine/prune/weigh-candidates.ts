import { runAtMost } from '#shared/common/run-at-most.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import { findResource, formatGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import { objectKey, parseApiVersion, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata, OwnerReference } from '#shared/kubernetes/live-object.ts';
import { ownsPartOfLabel } from '#shared/kubernetes/own-entry.ts';

import type { ApplyRun } from '../model/apply-run.ts';
import type { ObservedObject } from '../observe/observed-cluster.ts';
import { CLAIM, DEFINITION, holdsData, mightTakeAll, NAMESPACE, type WeighedObject, type Weight } from './weight.ts';

const AT_ONCE = 16;
/** Up to so many namespaces are listed one by one; more cost less in lists of the whole cluster. */
const LISTED_ALONE = 4;
/** Claims of a StatefulSet of an operator's resource: longer chains of owners are nobody's. */
const MAX_OWNERS = 6;
/** Groups of kinds that own no claims, a StatefulSet apart. */
const BUILT_IN = new Set(['', 'apps', 'autoscaling', 'batch', 'policy']);

/**
 * Looks at what goes with each candidate: all that is in a Namespace, all custom resources of a definition, the data of a
 * volume, and what is deleted because the candidate owns it. Asked only where something would be deleted: one list a
 * kind for Namespaces, one for each definition, and one or three for what is owned.
 * @returns by uid; an object that takes nothing with it has no entry.
 */
export async function weighCandidates(
  run: ApplyRun,
  candidates: readonly ObservedObject[],
): Promise<ReadonlyMap<string, Weight>> {
  if (candidates.length === 0) return new Map();
  const weights = new Map<string, GrowingWeight>();
  const add: AddWeight = (uid, { data = false, contents = [], unknown }) => {
    const weight = weights.get(uid) ?? { data: false, contents: [] };
    weights.set(uid, weight);
    weight.data ||= data;
    contents.forEach((object) => weight.contents.push(object));
    if (unknown !== undefined) {
      weight.unknown ??= unknown;
    }
  };
  for (const { id, live } of candidates) {
    if (holdsData(id)) {
      add(live.uid, { data: true });
    }
  }
  // Git said of the others that they may go with whatever they hold.
  const asked = candidates.filter(({ live }) => !mightTakeAll(live));
  await Promise.all([
    weighNamespaces(run, asked.filter(isOf(NAMESPACE)), add),
    weighDefinitions(run, asked.filter(isOf(DEFINITION)), add),
    weighOwners(run, candidates, add),
  ]);
  return weights;
}

interface GrowingWeight extends Weight {
  data: boolean;
  readonly contents: WeighedObject[];
  unknown?: string;
}

type AddWeight = (uid: string, more: Partial<Weight>) => void;

function isOf(kind: GroupKind): (object: ObservedObject) => boolean {
  return ({ id }) => id.kind === kind.kind && id.group === kind.group;
}

async function weighNamespaces(run: ApplyRun, candidates: readonly ObservedObject[], add: AddWeight): Promise<void> {
  const byName = new Map(candidates.map((candidate) => [candidate.live.name, candidate.live.uid]));
  candidates.forEach(({ live }) => add(live.uid, {}));
  const names = byName.size <= LISTED_ALONE ? [...byName.keys()] : [undefined];
  const lists = namespacedKinds(run.cluster.discovery).flatMap((resource) =>
    names.map((namespace) => ({ resource, namespace })),
  );
  // Events are served by two groups.
  const seen = new Set<string>();
  await runAtMost(AT_ONCE, lists, async ({ resource, namespace }) => {
    const found = await listContents(run, resource, namespace);
    if ('unknown' in found) {
      const uids = namespace === undefined ? [...byName.values()] : [byName.get(namespace) ?? ''];
      uids.forEach((uid) => add(uid, found));
      return;
    }
    for (const object of found.contents) {
      const uid = byName.get(object.id.namespace);
      if (uid !== undefined && !seen.has(object.live.uid)) {
        seen.add(object.live.uid);
        add(uid, { contents: [object] });
      }
    }
  });
}

/** Every kind of which the deletion of a Namespace deletes the objects; what only can be looked at (metrics) is none. */
function namespacedKinds({ resources }: Discovery): readonly ApiResource[] {
  const kinds = new Map<string, ApiResource>();
  for (const resource of resources) {
    const { group, plural, namespaced, verbs } = resource;
    const key = `${plural}.${group}`;
    if (namespaced && verbs.includes('list') && verbs.includes('delete') && !kinds.has(key)) {
      kinds.set(key, resource);
    }
  }
  return [...kinds.values()];
}

async function weighDefinitions(run: ApplyRun, candidates: readonly ObservedObject[], add: AddWeight): Promise<void> {
  const served = new Map<string, ApiResource>();
  for (const resource of run.cluster.discovery.resources) {
    const name = `${resource.plural}.${resource.group}`;
    served.set(name, served.get(name) ?? resource);
  }
  await runAtMost(AT_ONCE, candidates, async ({ live }) => {
    const resource = served.get(live.name);
    const unserved = { unknown: 'the server does not serve its kind, so nobody can look what there is of it' };
    add(live.uid, resource === undefined ? unserved : await listContents(run, resource));
  });
}

async function weighOwners(run: ApplyRun, candidates: readonly ObservedObject[], add: AddWeight): Promise<void> {
  const uids = new Set(candidates.map(({ live }) => live.uid));
  for (const member of run.cluster.members.values()) {
    for (const owner of member.live.ownerReferences ?? []) {
      if (uids.has(owner.uid) && ownsPartOfLabel(member.live)) {
        add(owner.uid, { contents: [member] });
      }
    }
  }
  const owned = ownedKinds(run, candidates);
  const owners = candidates.filter(({ id }) => mayOwn(id));
  const ownersIn = Map.groupBy(owners, ({ id }) => id.namespace);
  const trail: Trail = new Map();
  await runAtMost(AT_ONCE, owned, async ({ resource, namespace }) => {
    const found = await listContents(run, resource, namespace);
    if ('unknown' in found) {
      const concerned = namespace === undefined ? owners : (ownersIn.get(namespace) ?? []);
      concerned.forEach(({ live }) => add(live.uid, found));
      return;
    }
    for (const object of found.contents) {
      for (const uid of await ownersAmong(run, uids, object, trail)) {
        // A member was found above.
        if (!run.cluster.members.has(objectKey(object.id))) {
          add(uid, { contents: [object] });
        }
      }
    }
  });
}

function mayOwn({ group, kind }: ObjectId): boolean {
  return kind === 'StatefulSet' || (!BUILT_IN.has(group) && !/^[a-z.]*(?<!x-)k8s\.io$/u.test(group));
}

/** Where to look for weighty objects that have owners: an owner is in the same namespace, or in none. */
function ownedKinds(
  run: ApplyRun,
  candidates: readonly ObservedObject[],
): readonly { readonly resource: ApiResource; readonly namespace?: string }[] {
  const { discovery, namespaces: allowed } = run.cluster;
  const inNone = candidates.some(({ id }) => id.namespace === '');
  const names = [...new Set(candidates.map(({ id }) => id.namespace))].filter((name) => name !== '');
  const claims = findResource(discovery, CLAIM);
  const everywhere = allowed === undefined && (inNone || names.length > LISTED_ALONE);
  const places = everywhere ? [{}] : names.map((namespace) => ({ namespace }));
  const clusterWide = inNone && allowed === undefined ? [NAMESPACE, DEFINITION] : [];
  return [
    ...(claims === undefined ? [] : places.map((place) => ({ resource: claims, ...place }))),
    ...clusterWide.flatMap((kind) => findResource(discovery, kind) ?? []).map((resource) => ({ resource })),
  ];
}

/** Owners that were looked up, by uid. */
type Trail = Map<string, LiveMetadata | undefined>;

/** The candidates that own an object, directly or through others. */
async function ownersAmong(
  run: ApplyRun,
  uids: ReadonlySet<string>,
  object: WeighedObject,
  trail: Trail,
): Promise<ReadonlySet<string>> {
  const owners = new Set<string>();
  let level: readonly OwnerReference[] = object.live.ownerReferences ?? [];
  for (let depth = 0; depth < MAX_OWNERS && level.length > 0; depth++) {
    const next: OwnerReference[] = [];
    for (const owner of level) {
      if (uids.has(owner.uid)) {
        owners.add(owner.uid);
      } else if (owner.kind !== 'Pod') {
        // What a Pod owns is an ephemeral volume: it ends with any restart.
        next.push(...((await readOwner(run, owner, object.id.namespace, trail))?.ownerReferences ?? []));
      }
    }
    level = next;
  }
  return owners;
}

async function readOwner(
  run: ApplyRun,
  owner: OwnerReference,
  namespace: string,
  trail: Trail,
): Promise<LiveMetadata | undefined> {
  if (trail.has(owner.uid)) return trail.get(owner.uid);
  const { group } = parseApiVersion(owner.apiVersion ?? '');
  const resource = findResource(run.cluster.discovery, { group, kind: owner.kind });
  let live: LiveMetadata | undefined;
  if (resource !== undefined && owner.name !== undefined) {
    try {
      const place = resource.namespaced ? namespace : '';
      live = await run.ports.api.getMetadata({ resource, namespace: place, name: owner.name });
    } catch (error) {
      if (!(error instanceof KubernetesApiError)) throw error;
    }
  }
  trail.set(owner.uid, live);
  return live;
}

/** Lists one kind; what cannot be listed is unknown, never nothing. */
async function listContents(
  run: ApplyRun,
  resource: ApiResource,
  namespace?: string,
): Promise<{ readonly contents: readonly WeighedObject[] } | { readonly unknown: string }> {
  const { group, kind } = resource;
  try {
    const place = namespace === undefined ? {} : { namespace };
    const found = await run.ports.api.listMetadata({ resource, ...place });
    return {
      contents: found.map((live) => ({ id: { group, kind, namespace: live.namespace ?? '', name: live.name }, live })),
    };
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    if (error instanceof KubernetesApiError && error.status.code === 404) return { contents: [] };
    const why = error instanceof KubernetesApiError ? error.message : 'the answer of the server is none';
    return { unknown: `${formatGroupKind(resource)} could not be listed: ${why}` };
  }
}
