import type { NamespacedName } from '#shared/flux/resource-key.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import type { WhenDeleted } from '../../inventory/apply-set-parent.ts';
import type { ObservedObject } from '../../observe/observed-cluster.ts';
import type { Unlisted } from '../../observe/unlisted.ts';

/** A member of an ApplySet that its Kustomization does not desire. */
export interface PruneCandidate {
  readonly kustomization: NamespacedName;
  readonly object: ObservedObject;
  readonly whenGone: WhenDeleted;
}

/** What the guards look at, all of it observed before the first deletion. */
export interface PruneContext {
  readonly doubts: readonly string[];
  /** Kustomizations of which nobody knows what they desire. */
  readonly unrendered: readonly string[];
  /** Kustomizations with an object that was not applied. */
  readonly unapplied: ReadonlySet<string>;
  readonly holdsLease: boolean;
  readonly incompleteDiscovery: readonly string[];
  readonly unlisted: readonly Unlisted[];
  readonly desiredKeys: ReadonlySet<string>;
  readonly desiredUids: Pick<ReadonlySet<string>, 'has'>;
  readonly desiredNamespaces: ReadonlySet<string>;
  /** API groups of which objects are desired. */
  readonly desiredGroups: ReadonlySet<string>;
  /** `<plural>.<group>` of the kinds that are desired. */
  readonly desiredDefinitions: ReadonlySet<string>;
  /** Where other installations have objects, by name of the namespace, and whose. */
  readonly foreignNamespaces: ReadonlyMap<string, string>;
  /** `<plural>.<group>` of the kinds of which other installations have objects, and whose. */
  readonly foreignDefinitions: ReadonlyMap<string, string>;
  /** When the installation came to a cluster of which it knew nothing, by the server's clock; milliseconds since the epoch. */
  readonly installedAt?: number | undefined;
  /** Whether the records say that we applied the object. */
  readonly isRecorded: (id: ObjectId, uid: string) => boolean;
}

/** Says why a candidate stays, or nothing. */
export type PruneGuardCheck = (candidate: PruneCandidate, context: PruneContext) => string | undefined;
