import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';
import type { Kustomization } from '#shared/api/kustomization.ts';
import {
  APPLYSET_ID_LABEL,
  APPLYSET_KINDS_ANNOTATION,
  APPLYSET_NAMESPACES_ANNOTATION,
  APPLYSET_TOOLING_ANNOTATION,
  TIDEGATE_NAMESPACE,
} from '#shared/api/names.ts';
import type { NamespacedName } from '#shared/api/resource-key.ts';
import type { LiveMetadata } from '#shared/ports/kubernetes-api.ts';

import { applySetId, applySetParentName } from './apply-set-id.ts';
import { parseGroupKind, type GroupKind } from './group-kind.ts';

const TOOLING = 'tidegate/v1';
const CLUSTER_ANNOTATION = 'tidegate.dev/cluster';
const KUSTOMIZATION_ANNOTATION = 'tidegate.dev/kustomization';
const DELETION_ANNOTATION = 'tidegate.dev/when-deleted';

/** What becomes of the members when the Kustomization is deleted from Git. */
export type WhenDeleted = 'prune' | 'orphan' | 'keep';

/** The parent of one ApplySet as it stands, or as it should. */
export interface ApplySetParent {
  readonly cluster: string;
  readonly kustomization: NamespacedName;
  /** Never smaller than the kinds of the members. */
  readonly kinds: readonly GroupKind[];
  /** Never fewer than those of the members. */
  readonly namespaces: readonly string[];
  readonly whenDeleted: WhenDeleted;
}

/** Decides what deletion from Git will mean; a suspended Kustomization never deletes. */
export function whenDeleted(
  settings: Pick<Kustomization, 'prune' | 'deletionPolicy'>,
  suspended: boolean,
): WhenDeleted {
  if (suspended) {
    return 'keep';
  }
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
      },
    },
  };
}

/** Reads a parent back; undefined for an ApplySet of another tool, or one whose id is not that of its name. */
export function readParent(live: LiveMetadata): ApplySetParent | undefined {
  const annotations = live.annotations ?? {};
  const cluster = annotations[CLUSTER_ANNOTATION];
  const [namespace, name, ...rest] = (annotations[KUSTOMIZATION_ANNOTATION] ?? '').split('/');
  if (annotations[APPLYSET_TOOLING_ANNOTATION] !== TOOLING || cluster === undefined) {
    return undefined;
  }
  if (namespace === undefined || name === undefined || namespace === '' || name === '' || rest.length > 0) {
    return undefined;
  }
  const kustomization = { namespace, name };
  if (live.labels?.[APPLYSET_ID_LABEL] !== applySetId(kustomization)) {
    return undefined;
  }
  return {
    cluster,
    kustomization,
    kinds: splitNames(annotations[APPLYSET_KINDS_ANNOTATION]).map(parseGroupKind),
    namespaces: splitNames(annotations[APPLYSET_NAMESPACES_ANNOTATION]),
    whenDeleted: readWhenDeleted(annotations[DELETION_ANNOTATION]),
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
