import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import type { HealthStatus } from '#shared/kubernetes/health/health-status.ts';
import type { KubernetesObject, ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { ApplyRecords } from '#shared/ports/apply-records.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import type { ApplySetName } from '../inventory/apply-set-id.ts';
import type { Installation } from '../lease/installation.ts';

/** The part of a Kustomization that the apply engine acts on. */
export interface SetSettings extends Pick<
  Kustomization,
  'prune' | 'force' | 'wait' | 'timeoutMs' | 'healthChecks' | 'deletionPolicy' | 'dependsOn'
> {
  /** Whether Git says of the whole Kustomization that what another tool owns becomes its own. */
  readonly adopt?: boolean;
}

/** What is known of a Kustomization before the engine looks at the cluster. */
export type RenderState =
  /** Its objects are here and are to be applied. */
  | { readonly kind: 'rendered'; readonly objects: readonly KubernetesObject[] }
  /** Its source or its render is broken, or it is stalled; nothing is known of what it desires. */
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string }
  /**
   * Not due, nothing to do. `ready` is what was last recorded of it, for those that depend on it.
   * Without `desired`, nobody knows what it wants, and all prunes of the cluster wait.
   */
  | { readonly kind: 'unchanged'; readonly ready: boolean; readonly desired?: readonly ObjectId[] }
  /** Suspended: neither applied nor pruned, and never deleted while it is. `desired` as above. */
  | { readonly kind: 'suspended'; readonly ready: boolean; readonly desired?: readonly ObjectId[] };

/** One Kustomization of the cluster, as rendered. `dependsOn` is resolved by the engine, within the run. */
export interface DesiredSet {
  /** The engine adds the installation's name. */
  readonly id: ApplySetName;
  /** Revision of its source: `main@sha1:<hex>`. */
  readonly revision: string;
  readonly settings: SetSettings;
  readonly render: RenderState;
  /** The Kustomization that rendered it; absent for the root. */
  readonly declaredBy?: NamespacedName;
  /** Kustomizations that this one rendered; with `wait`, it is ready when they are. */
  readonly children: readonly NamespacedName[];
  /** When an earlier run began to await its health, if it was left `progressing`; milliseconds since the epoch. */
  readonly awaitingSince?: number;
}

/** When a person has to look before objects are deleted. */
export interface PruneGuard {
  readonly maxObjects: number;
  readonly maxPercent: number;
}

/** A person's word in Git that a Kustomization may lose exactly so many objects. */
export interface PruneApproval {
  readonly kustomization: NamespacedName;
  readonly count: number;
}

export interface ApplyRequest {
  readonly cluster: string;
  /** Which cluster it is that has this name now; absent where nobody may look. */
  readonly clusterUid?: string;
  /** Whose inventory the run works on; the caller made sure that it may. */
  readonly installation: Installation;
  /** Every Kustomization of the cluster. One that is missing here was deleted from Git. */
  readonly sets: readonly DesiredSet[];
  /** Why nothing may be pruned in this run, as the caller knows it: an artifact is incomplete, a kind is unsupported, … */
  readonly doubts: readonly string[];
  readonly pruneGuard: PruneGuard;
  readonly approvals: readonly PruneApproval[];
  /** Where alone the run may work and list; absent, it may in the whole cluster. */
  readonly namespaces?: readonly string[];
  /** After this no request is started; milliseconds since the epoch. */
  readonly deadline: number;
  /** How long health may linger in this run; milliseconds since the epoch, not after `deadline`. */
  readonly awaitHealthUntil: number;
  /** Applies every object whatever the records say: the daily check of the shortcut. */
  readonly ignoreRecords?: boolean;
}

export interface ApplyPorts {
  readonly api: KubernetesApi;
  readonly records: ApplyRecords;
  readonly clock: Clock;
  /** Whether the run still holds the cluster's lease; asked before each request. */
  readonly holdsLease: () => boolean;
  /** Whether the process is told to end before the deadline that the request has; asked before each request. */
  readonly isOutOfTime?: () => boolean;
  /** Whether a newer revision waits, which ends the wait for health. */
  readonly isSuperseded: () => Promise<boolean>;
  /**
   * Told before drift is put right, so that it is known even if the run dies while it does so. May be told again by the
   * run that follows.
   */
  readonly onDrift?: (set: DesiredSet, objects: readonly ObjectId[]) => Promise<void>;
}

export type ApplyAction = 'created' | 'configured' | 'unchanged' | 'deleted' | 'skipped';

/** What happened to one object. */
export interface ChangeSetEntry {
  readonly id: ObjectId;
  readonly action: ApplyAction;
  /** It was put right although Git had not changed. */
  readonly drift: boolean;
  /** Revision that brought the object into its present shape, as far as the records know. */
  readonly revision: string;
  /** Why it was skipped, or recreated. */
  readonly note?: string;
}

/** One object that could not be brought to what is desired. */
export interface ApplyFailure {
  readonly id: ObjectId;
  /** The server's reason (`Invalid`, `Forbidden`) or one of ours (`OwnedByOther`, `ClaimedTwice`, `UnknownKind`, `Terminating`, `NotAllowed`). */
  readonly reason: string;
  /** The essential first: `.spec.replicas: expected numeric, got string`. */
  readonly message: string;
  /** The field that the server refuses, as it writes it: `.spec.replicas`. */
  readonly field?: string;
  /** Where the field, or else the object, stands in its source; filled in by who has the source. */
  readonly place?: SourcePlace;
}

/** A place in a source, relative to the root of its repository. */
export interface SourcePlace {
  readonly file: string;
  /** 1-based; absent when what is meant is generated or patched. */
  readonly line?: number;
}

/** An object that would go, and does not, and why. */
export interface WithheldPrune {
  readonly id: ObjectId;
  /** Name of the guard: `not-rendered`, `share`, `weight`, `not-owned`, `changed-meanwhile`, … */
  readonly guard: string;
  /** Why it stays, the essential first. */
  readonly message: string;
  /** Present when it goes as soon as a person says so. */
  readonly asksFor?: PruneQuestion;
}

/** What a person is asked before a Kustomization loses objects. */
export interface PruneQuestion {
  readonly kustomization: NamespacedName;
  /** The count that an approval has to name. */
  readonly count: number;
  /** Where to approve and what to write there; filled in by who has the source. */
  readonly answer?: PruneAnswer;
}

/** The exact line that approves a prune, and where it belongs. */
export interface PruneAnswer {
  /** `Kustomization flux-system/apps`, or `cluster production in tidegate.yaml`. */
  readonly on: string;
  /** Where that stands; absent for the settings. */
  readonly place?: SourcePlace;
  /** `tidegate.dev/approve-prune: "flux-system/podinfo=12"`. */
  readonly line: string;
  /** Approvals that somebody gave and that do not count, each with why. */
  readonly unheard: readonly string[];
}

export interface HealthResult {
  readonly id: ObjectId;
  readonly status: HealthStatus;
  readonly message: string;
}

/**
 * - `ready`: applied, and healthy where health was asked for;
 * - `progressing`: applied, health is not known yet, or the run ended before all was done; come back;
 * - `failed`: `reason` and `message` say what stopped it;
 * - `blocked`: a dependency is not ready;
 * - `suspended`, `unchanged`: as given;
 * - `deleted`: gone from Git, and its members with it (or left behind, as its deletion policy says);
 * - `deleting`: gone from Git, members remain: `withheld` says why, or they are terminating.
 */
export type SetState =
  'ready' | 'progressing' | 'failed' | 'blocked' | 'suspended' | 'unchanged' | 'deleted' | 'deleting';

export interface SetOutcome {
  readonly id: NamespacedName;
  readonly revision: string;
  readonly state: SetState;
  /** One of Flux's reasons: `ReconciliationSucceeded`, `Progressing`, `DependencyNotReady`, `HealthCheckFailed`, `ReconciliationFailed`, … */
  readonly reason: string;
  readonly message: string;
  readonly changes: readonly ChangeSetEntry[];
  readonly failures: readonly ApplyFailure[];
  readonly withheld: readonly WithheldPrune[];
  /** Once ours, label removed by hand, desired by nobody: reported, never deleted. */
  readonly orphans: readonly ObjectId[];
  readonly health: readonly HealthResult[];
  /** Present while `progressing` on health: to be handed back as `DesiredSet.awaitingSince`. */
  readonly awaitingSince?: number;
  /** How long the run was at it, the wait for its health included; absent when its turn did not come. */
  readonly tookMs?: number;
}

export interface ApplyOutcome {
  readonly cluster: string;
  /** In the order they were applied; deleted Kustomizations last. */
  readonly sets: readonly SetOutcome[];
  /** `done`, or why the run stopped before: the caller asks for its continuation. */
  readonly ended: 'done' | 'deadline' | 'lease-lost' | 'superseded';
}
