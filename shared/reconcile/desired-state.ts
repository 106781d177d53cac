import type { Problem } from '#shared/common/problem.ts';
import type { RenderState, SourcePlace } from '#shared/engine/model/apply-request.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import type { NamespacedName, SourceKey } from '#shared/flux/resource-key.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { ObjectName, SourceHead } from '#shared/records/journal-record.ts';
import type { FieldPath } from '#shared/yaml-edit/field-path.ts';

/** Where a cluster is described. */
export interface ClusterFolder {
  readonly cluster: string;
  /** Folder in the configuration repository: `./clusters/production`. */
  readonly path: string;
  /** Where alone Tidegate may work in the cluster; absent, it may everywhere. */
  readonly namespaces?: readonly string[];
}

/** Why a Kustomization goes on from what was known of it last, and not from what Git says now. */
export interface LastRenderUse {
  /** The Kustomization that declares it, or declares one that does, and cannot be read. */
  readonly brokenBy: NamespacedName;
  /** Whether its source is read as it was then; else, being another repository, or gone from the store, as it is now. */
  readonly isPinned: boolean;
}

/** What declares a Kustomization and is suspended: changes of the declaration in Git wait until it goes on. */
export interface FrozenBy {
  readonly suspended: NamespacedName;
}

/** Where an object that a Kustomization renders, or the nearest field of it, stands in the source. */
export type Locate = (id: ObjectId, path: FieldPath) => SourcePlace;

/** A Kustomization as found in Git, and what became of its render. */
export interface KustomizationNode {
  readonly kustomization: Kustomization;
  /** Revision of its source; the empty string while that is unknown. */
  readonly revision: string;
  readonly render: RenderState;
  readonly children: readonly NamespacedName[];
  /** Only a change in Git can help: told as `Stalled`, not retried before. */
  readonly stalled: boolean;
  /** Absent for all that Git declares as it was read. */
  readonly lastRender?: LastRenderUse;
  /** Absent for all that something declares which is not suspended. */
  readonly frozen?: FrozenBy;
  /** Absent when nothing was rendered. */
  readonly locate?: Locate;
}

/** A Flux object that cannot be followed as written. */
export interface StalledFluxObject {
  readonly object: ObjectName;
  readonly reason: 'UnsupportedKind' | 'InvalidSpec';
  readonly problems: readonly Problem[];
}

/** What Git asks of one cluster, as far as it could be read. */
export interface DesiredState {
  readonly cluster: string;
  /** Where commit statuses belong: the configuration repository and the commit that was read. */
  readonly report: { readonly repository: string; readonly commit: string };
  readonly revision: string;
  /** The root first; parents before their children. */
  readonly nodes: readonly KustomizationNode[];
  /** Absent when the root could not be rendered: what was recorded last stays true. */
  readonly fluxObjects?: FluxObjects;
  readonly stalled: readonly StalledFluxObject[];
  /** Sources that are named and have no artifact yet. */
  readonly missingSources: readonly SourceKey[];
  /** Where the sources that were read stand; absent when nobody asks. */
  readonly heads?: readonly SourceHead[];
  /** Why nothing may be pruned, beyond what the nodes themselves say. */
  readonly doubts: readonly string[];
  /** What was left out on purpose: `gotk-components.yaml`. */
  readonly leftOut: readonly string[];
  /** Values of Secrets that variables came from; taken out of every text that tells of the run. */
  readonly secrets: readonly string[];
}
