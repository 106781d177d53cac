import { formatGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import { hasMark } from '#shared/kubernetes/has-mark.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';
import { ownsMark } from '#shared/kubernetes/own-entry.ts';

/** What the deletion of one object takes with it. */
export interface Weight {
  /** Of a volume, a claim or a snapshot: the data. */
  readonly data: boolean;
  /** Objects that the cluster deletes once this one goes. */
  readonly contents: readonly WeighedObject[];
  /** Why nobody knows (all of) the contents. */
  readonly unknown?: string;
}

export interface WeighedObject {
  readonly id: ObjectId;
  readonly live: LiveMetadata;
}

/** Of an object that takes nothing with it. */
export const WEIGHTLESS: Weight = { data: false, contents: [] };

export const NAMESPACE: GroupKind = { group: '', kind: 'Namespace' };
export const DEFINITION: GroupKind = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' };
export const CLAIM: GroupKind = { group: '', kind: 'PersistentVolumeClaim' };
const SNAPSHOTS = 'snapshot.storage.k8s.io';
const DATA = new Set(
  [
    CLAIM,
    { group: '', kind: 'PersistentVolume' },
    { group: SNAPSHOTS, kind: 'VolumeSnapshot' },
    { group: SNAPSHOTS, kind: 'VolumeSnapshotContent' },
  ].map(formatGroupKind),
);

/** Whether objects of the kind stand for data that is gone for good with them. */
export function holdsData(kind: GroupKind): boolean {
  return DATA.has(formatGroupKind(kind));
}

/** Whether the kind takes more with it than itself, whatever an object of it holds at the moment. */
export function isWeightyKind({ group, kind }: GroupKind): boolean {
  const name = formatGroupKind({ group, kind });
  return DATA.has(name) || name === formatGroupKind(NAMESPACE) || name === formatGroupKind(DEFINITION);
}

/** Whether Git says of an object that it may go with all it holds. */
export function mayTakeAll(desired: Pick<LiveMetadata, 'labels' | 'annotations'>): boolean {
  return hasMark(desired, PRUNE_ANNOTATION, 'enabled');
}

/**
 * Whether Git said so when the object was applied last. Of what is to be pruned Git says nothing any more, but our own entry
 * in its managed fields tells the word of Git from one that somebody wrote into the cluster.
 */
export function mightTakeAll(live: LiveMetadata): boolean {
  return MARKS.some(
    (where) =>
      hasMark({ [where]: live[where] }, PRUNE_ANNOTATION, 'enabled') && ownsMark(live, where, PRUNE_ANNOTATION),
  );
}

const MARKS = ['annotations', 'labels'] as const;

/** Whether a person is asked before an object goes, be it to be made again. */
export function isAskedFor({ id, live }: WeighedObject, { contents, unknown }: Weight): boolean {
  const isWeighty = isWeightyKind(id) || unknown !== undefined || contents.some((object) => isWeightyKind(object.id));
  return isWeighty && !mightTakeAll(live);
}

const MADE_IN_EVERY_NAMESPACE = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']);

/**
 * Whether the cluster makes the object itself and would make it again: what a controller derives from another object,
 * events, and what every namespace has. Nobody misses these, and their number changes while a person decides.
 */
export function isDerived({ id, live }: WeighedObject): boolean {
  if (isWeightyKind(id)) return false;
  return (
    id.kind === 'Event' ||
    (id.group === '' && id.kind === 'Endpoints') ||
    (id.group === '' && MADE_IN_EVERY_NAMESPACE.has(`${id.kind}/${id.name}`)) ||
    live.ownerReferences?.some((owner) => owner.controller === true) === true
  );
}
