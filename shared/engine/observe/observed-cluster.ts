import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import type { GroupKind } from '#shared/kubernetes/group-kind.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';

import type { ApplySetParent } from '../inventory/apply-set-parent.ts';
import type { Unlisted } from './unlisted.ts';

export interface ObservedObject {
  readonly id: ObjectId;
  readonly resource: ApiResource;
  readonly live: LiveMetadata;
}

export interface ObservedParent extends ApplySetParent {
  readonly live: LiveMetadata;
}

/** All that one run knows about the cluster. */
export interface ObservedCluster {
  readonly discovery: Discovery;
  /** Objects that carry an ApplySet label, by key. */
  readonly members: ReadonlyMap<string, ObservedObject>;
  /** The same by ApplySet id. */
  readonly membersBySet: ReadonlyMap<string, readonly ObservedObject[]>;
  /** Parents of this cluster's Kustomizations. */
  readonly parents: readonly ObservedParent[];
  /** The same by ApplySet id. */
  readonly parentsBySet: ReadonlyMap<string, ObservedParent>;
  /** Parents of other installations on the same cluster, by ApplySet id. */
  readonly foreignParents: ReadonlyMap<string, ApplySetParent>;
  /** Objects that could not be listed, and why: they may be there. */
  readonly unlisted: readonly Unlisted[];
  /** Where alone the run may work; absent, it may everywhere. */
  readonly namespaces?: readonly string[];
  /** What makes records of a kind worthless when it changes: server version, CRD, mutating admission. */
  readonly epochOf: (kind: GroupKind) => string;
}
