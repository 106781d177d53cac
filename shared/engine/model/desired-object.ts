import { hashValue } from '#shared/common/hash-value.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import { findResource, formatGroupKind } from '#shared/kubernetes/group-kind.ts';
import {
  objectIdOf,
  objectKey,
  parseApiVersion,
  type KubernetesObject,
  type ObjectId,
} from '#shared/kubernetes/kubernetes-object.ts';
import { describeMistyped } from '#shared/kubernetes/mistyped-field.ts';
import { APPLIED_ANNOTATION, APPLYSET_PART_OF_LABEL, INSTALLATION_ANNOTATION } from '#shared/kubernetes/names.ts';
import { normalizeObject } from '#shared/kubernetes/normalize-object.ts';

import { applySetId } from '../inventory/apply-set-id.ts';
import type { DesiredSet } from './apply-request.ts';

/** The server does not serve the kind of an object, or not in its version. */
export const UNKNOWN_KIND = 'UnknownKind';

/** One object as it will be sent: normalized, marked as a member, with the hash of all that. */
export interface DesiredObject {
  readonly set: DesiredSet;
  readonly id: ObjectId;
  readonly key: string;
  readonly resource: ApiResource;
  readonly object: KubernetesObject;
  readonly hash: string;
}

export interface DesiredProblem {
  readonly id: ObjectId;
  readonly reason: typeof UNKNOWN_KIND | 'NamespaceNotSpecified' | 'Invalid';
  readonly message: string;
}

/** Prepares a rendered object for a server that serves `discovery`. */
export function resolveDesired(
  set: DesiredSet,
  rendered: KubernetesObject,
  discovery: Discovery,
): DesiredObject | DesiredProblem {
  const id = resolveId(objectIdOf(rendered), discovery);
  const resource = findResource(discovery, id, parseApiVersion(rendered.apiVersion).version);
  if (resource === undefined) return { id, reason: UNKNOWN_KIND, message: describeUnknown(rendered, discovery) };
  if (resource.namespaced && id.namespace === '') {
    return {
      id,
      reason: 'NamespaceNotSpecified',
      message: `${id.kind} ${id.name} has no namespace; set metadata.namespace or the Kustomization's spec.targetNamespace`,
    };
  }
  const mistyped = describeMistyped(rendered);
  if (mistyped !== undefined) return { id, reason: 'Invalid', message: mistyped };
  const marked = markMember(normalizeObject(rendered, resource.namespaced), set);
  const hash = hashValue(marked);
  return { set, id, key: objectKey(id), resource, object: annotate(marked, { [APPLIED_ANNOTATION]: hash }), hash };
}

/** The identity under which the server keeps an object: a cluster-scoped one has no namespace whatever was written. */
export function resolveId(id: ObjectId, discovery: Discovery): ObjectId {
  return findResource(discovery, id)?.namespaced === false ? { ...id, namespace: '' } : id;
}

/**
 * Which Kustomization may apply an object: the first in `sets` that desires it. The others fail by name, so that
 * the object never flaps between them.
 */
export function claimObjects(sets: readonly DesiredSet[], discovery: Discovery): ReadonlyMap<string, string> {
  const claims = new Map<string, string>();
  for (const set of sets) {
    for (const id of desiredIds(set)) {
      const key = objectKey(resolveId(id, discovery));
      if (!claims.has(key)) {
        claims.set(key, formatNamespacedName(set.id));
      }
    }
  }
  return claims;
}

/** What a Kustomization desires, as far as it is known. */
export function desiredIds(set: DesiredSet): readonly ObjectId[] {
  switch (set.render.kind) {
    case 'rendered':
      return set.render.objects.map(objectIdOf);
    case 'unchanged':
    case 'suspended':
      return set.render.desired ?? [];
    case 'failed':
      return [];
  }
}

function markMember(object: KubernetesObject, set: DesiredSet): KubernetesObject {
  const labels = { ...object.metadata.labels, [APPLYSET_PART_OF_LABEL]: applySetId(set.id) };
  const marked = { ...object, metadata: { ...object.metadata, labels } };
  // The default installation's objects carry no name: they read as they did before there were names.
  return set.id.installation === undefined
    ? marked
    : annotate(marked, { [INSTALLATION_ANNOTATION]: set.id.installation });
}

function annotate(object: KubernetesObject, added: Readonly<Record<string, string>>): KubernetesObject {
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...added } },
  };
}

function describeUnknown(rendered: KubernetesObject, discovery: Discovery): string {
  const { group } = parseApiVersion(rendered.apiVersion);
  const versions = discovery.resources
    .filter((resource) => resource.group === group && resource.kind === rendered.kind)
    .map((resource) => resource.version);
  const silent = discovery.incomplete.length === 0 ? '' : `; these did not answer: ${discovery.incomplete.join(', ')}`;
  if (versions.length > 0) {
    return `${rendered.apiVersion} ${rendered.kind} is not served; the server has ${[...new Set(versions)].join(', ')}`;
  }
  return `no kind ${formatGroupKind({ group, kind: rendered.kind })} on the server; add its CustomResourceDefinition${silent}`;
}
