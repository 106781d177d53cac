import { defined } from '#shared/common/defined.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import { parseGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import {
  APPLYSET_ID_LABEL,
  APPLYSET_KINDS_ANNOTATION,
  APPLYSET_NAMESPACES_ANNOTATION,
  APPLYSET_TOOLING_ANNOTATION,
  INSTALLATION_ANNOTATION,
  TIDEGATE_NAMESPACE,
} from '#shared/kubernetes/names.ts';

import {
  describePlace,
  placeAnnotations,
  readPlace,
  readSince,
  sinceAnnotation,
  UNKNOWN_IDENTITY,
  type ConfigurationPlace,
  type Installation,
} from '../lease/installation.ts';
import {
  applySetId,
  applySetParentName,
  DEFAULT_INSTALLATION,
  installationOf,
  nameApplySet,
  type ApplySetName,
} from './apply-set-id.ts';

const TOOLING = 'tidegate/v1';
const CLUSTER_ANNOTATION = 'tidegate.dev/cluster';
const KUSTOMIZATION_ANNOTATION = 'tidegate.dev/kustomization';
const IDENTITY_ANNOTATION = 'tidegate.dev/installation-id';
const DECLARED_BY_ANNOTATION = 'tidegate.dev/declared-by';
const DELETION_ANNOTATION = 'tidegate.dev/when-deleted';

/** What becomes of the members when the Kustomization is deleted from Git. */
export type WhenDeleted = 'prune' | 'orphan' | 'keep';

/** The parent of one ApplySet as it stands, or as it should. */
export interface ApplySetParent {
  readonly cluster: string;
  readonly kustomization: ApplySetName;
  /** Who applies it; absent on one of a version that knew no installations. */
  readonly owner?: ParentOwner;
  /** Never smaller than the kinds of the members. */
  readonly kinds: readonly GroupKind[];
  /** Never fewer than those of the members. */
  readonly namespaces: readonly string[];
  readonly whenDeleted: WhenDeleted;
  /** The Kustomization that rendered it last; absent for the root, and on one of a version that did not say. */
  readonly declaredBy?: NamespacedName;
}

export interface ParentOwner {
  readonly identity: string;
  /** Absent when a person took it away. */
  readonly place?: ConfigurationPlace;
  /** As of the installation. */
  readonly since?: string;
}

/** Decides what deletion from Git will mean; a suspended Kustomization never deletes. */
export function whenDeleted(
  settings: Pick<Kustomization, 'prune' | 'deletionPolicy'>,
  suspended: boolean,
): WhenDeleted {
  if (suspended) return 'keep';
  switch (settings.deletionPolicy) {
    case 'Delete':
    case 'WaitForTermination':
      return 'prune';
    case 'Orphan':
      return 'orphan';
    case 'MirrorPrune':
      return settings.prune ? 'prune' : 'orphan';
  }
}

/** Builds the ConfigMap that stands for an ApplySet. */
export function buildParentObject(parent: ApplySetParent): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: applySetParentName(parent.kustomization),
      namespace: TIDEGATE_NAMESPACE,
      labels: { [APPLYSET_ID_LABEL]: applySetId(parent.kustomization) },
      annotations: {
        [APPLYSET_TOOLING_ANNOTATION]: TOOLING,
        [APPLYSET_KINDS_ANNOTATION]: formatKinds(parent.kinds),
        [APPLYSET_NAMESPACES_ANNOTATION]: [...new Set(parent.namespaces)].sort().join(','),
        [CLUSTER_ANNOTATION]: parent.cluster,
        [KUSTOMIZATION_ANNOTATION]: `${parent.kustomization.namespace}/${parent.kustomization.name}`,
        [DELETION_ANNOTATION]: parent.whenDeleted,
        ...(parent.declaredBy === undefined
          ? {}
          : { [DECLARED_BY_ANNOTATION]: formatNamespacedName(parent.declaredBy) }),
        ...ownerAnnotations(parent),
      },
    },
  };
}

/** Reads a parent back; undefined for an ApplySet of another tool, or one whose id is not that of its name. */
export function readParent(live: LiveMetadata): ApplySetParent | undefined {
  const annotations = live.annotations ?? {};
  const cluster = annotations[CLUSTER_ANNOTATION];
  const named = readName(annotations[KUSTOMIZATION_ANNOTATION]);
  if (annotations[APPLYSET_TOOLING_ANNOTATION] !== TOOLING || cluster === undefined || named === undefined) {
    return undefined;
  }
  const kustomization = nameApplySet(named, annotations[INSTALLATION_ANNOTATION] ?? DEFAULT_INSTALLATION);
  if (live.labels?.[APPLYSET_ID_LABEL] !== applySetId(kustomization)) return undefined;
  const declaredBy = readName(annotations[DECLARED_BY_ANNOTATION]);
  return {
    cluster,
    kustomization,
    ...readOwner(annotations),
    kinds: splitNames(annotations[APPLYSET_KINDS_ANNOTATION]).map(parseGroupKind),
    namespaces: splitNames(annotations[APPLYSET_NAMESPACES_ANNOTATION]),
    whenDeleted: readWhenDeleted(annotations[DELETION_ANNOTATION]),
    ...defined({ declaredBy }),
  };
}

/** Whether the parent already says all of what it should. */
export function sameParent(live: LiveMetadata, desired: ApplySetParent): boolean {
  const { labels, annotations } = buildParentObject(desired).metadata;
  return (
    Object.entries(labels ?? {}).every(([key, value]) => live.labels?.[key] === value) &&
    Object.entries(annotations ?? {}).every(([key, value]) => live.annotations?.[key] === value)
  );
}

/** Whether a parent belongs to the inventory of an installation, which alone may change and prune it. */
export function isOwnParent(parent: ApplySetParent, cluster: string, installation: Installation): boolean {
  if (installationOf(parent.kustomization) !== installation.name) return false;
  const { identity, adopted } = installation;
  if (parent.owner !== undefined) return parent.owner.identity === identity || adopted.includes(parent.owner.identity);
  // Two names of one cluster in the settings would otherwise each take the other's Kustomizations for deleted.
  return parent.cluster === cluster || adopted.includes(UNKNOWN_IDENTITY);
}

/** Says whose a parent is, for people. */
export function describeParentOwner(parent: ApplySetParent): string {
  return parent.owner === undefined
    ? `the cluster ${parent.cluster} of the settings of another installation`
    : `installation ${installationOf(parent.kustomization)} of ${describePlace(parent.owner.place)}`;
}

function ownerAnnotations({ kustomization, owner }: ApplySetParent): Readonly<Record<string, string>> {
  if (owner === undefined) return {};
  return {
    [INSTALLATION_ANNOTATION]: installationOf(kustomization),
    [IDENTITY_ANNOTATION]: owner.identity,
    ...(owner.place === undefined ? {} : placeAnnotations(owner.place)),
    ...sinceAnnotation(owner.since),
  };
}

function readOwner(annotations: Readonly<Record<string, string>>): { readonly owner?: ParentOwner } {
  const identity = annotations[IDENTITY_ANNOTATION];
  const place = readPlace(annotations);
  return identity === undefined || identity === ''
    ? {}
    : { owner: { identity, ...defined({ place }), ...readSince(annotations) } };
}

function readName(text = ''): NamespacedName | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/');
  return namespace === '' || name === '' || rest.length > 0 ? undefined : { namespace, name };
}

function splitNames(text = ''): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function formatKinds(kinds: readonly GroupKind[]): string {
  const texts = kinds.map(({ group, kind }) => (group === '' ? kind : `${kind}.${group}`));
  return [...new Set(texts)].sort().join(',');
}

// What a person made of the annotation by hand is no permission to delete.
function readWhenDeleted(text: string | undefined): WhenDeleted {
  return text === 'prune' || text === 'orphan' ? text : 'keep';
}
