import type { FluxObjects, FollowedFluxObject } from '#shared/flux/flux-objects.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import type { NamespacedName, SourceKey } from '#shared/flux/resource-key.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { QuietTime } from '#shared/ports/quiet-times.ts';
import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';
import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';

/** The newest state of a source that is stored as an artifact. */
export interface SourceHead {
  readonly type: 'SourceHead';
  readonly source: SourceKey;
  /** `main@sha1:<hex>`. */
  readonly revision: string;
  /** `sha256:<hex>` of the artifact. */
  readonly digest: string;
  /** Where it was read, without credentials: `https://github.com/acme/fleet-infra`. */
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly observedAt: number;
}

/** All Flux objects of a cluster in one record, as older versions wrote them; read until the next run takes its place. */
export interface FluxObjectsRecord {
  readonly type: 'Instructions';
  readonly fluxObjects: FluxObjects;
}

/**
 * Says which Flux objects of a cluster hold. Pages and Flux objects are written before it and named by their digests, so
 * that whoever reads it has one whole set, the old or the new one, wherever a writer was interrupted.
 */
export interface FluxObjectSetRecord {
  readonly type: 'InstructionSet';
  readonly cluster: string;
  /** Revision of the configuration repository at which the Flux objects changed last. */
  readonly revision: string;
  /** Counts what was written of this record: nothing is taken away without a new one, so a writer sees that it was. */
  readonly sequence: number;
  readonly pages: readonly string[];
}

/** The digests of some of a cluster's Flux objects. */
export interface FluxObjectPageRecord {
  readonly type: 'InstructionPage';
  readonly cluster: string;
  readonly digest: string;
  readonly fluxObjects: readonly string[];
}

/** One thing that a cluster's folder tells source-sync or image-update to do. */
export interface FluxObjectRecord {
  readonly type: 'Instruction';
  readonly cluster: string;
  readonly digest: string;
  readonly followed: FollowedFluxObject;
}

export interface Condition {
  readonly type: 'Ready' | 'Reconciling' | 'Stalled';
  readonly status: 'True' | 'False' | 'Unknown';
  /** One of Flux's reasons: `ReconciliationSucceeded`, `BuildFailed`, `HealthCheckFailed`, … */
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: number;
}

export interface ObjectName {
  readonly cluster: string;
  /** An `InstructionKind`, a kind of Flux's that is reported as unsupported, `Cluster` or `Journal`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The kind under which is recorded whether a cluster can be worked on. */
const CLUSTER_KIND = 'Cluster';

/** The name under which is recorded whether a cluster can be worked on. */
export function clusterObject(cluster: string): ObjectName {
  return { cluster, kind: CLUSTER_KIND, namespace: '', name: cluster };
}

/** The name under which is recorded whether all that a cluster's runs find out can be recorded. */
export function journalObject(cluster: string): ObjectName {
  return { cluster, kind: 'Journal', namespace: '', name: cluster };
}

/** The name under which is recorded that what signs for a cluster's API server is about to end. */
export function authorityObject(cluster: string): ObjectName {
  return { cluster, kind: 'CertificateAuthority', namespace: '', name: cluster };
}

/** Whether a record is about a cluster, not about something that Git asks of it. */
export function isCluster({ kind }: Pick<ObjectName, 'kind'>): boolean {
  return kind === CLUSTER_KIND;
}

/** What `flux get` would show of one Flux object. */
export interface StatusRecord {
  readonly type: 'Status';
  readonly object: ObjectName;
  readonly conditions: readonly Condition[];
  readonly lastAttemptedRevision?: string;
  readonly lastAppliedRevision?: string;
  /** Where a commit status about this object belongs: the commit of the configuration repository. */
  readonly report?: { readonly repository: string; readonly commit: string };
  readonly suspended: boolean;
  /** When it was last worked on; milliseconds since the epoch. */
  readonly observedAt: number;
  /** When it is due again without anything happening; milliseconds since the epoch. */
  readonly dueAt?: number;
  /** Objects that would be deleted and wait for a person; `details.withheldSince` says since when. */
  readonly withheld?: WithheldSummary;
  /** Kind-specific facts: image, latest tag, pull request, change set counts. */
  readonly details: Readonly<Record<string, string>>;
}

/** What is told of prunes that wait, for those who have room for a line; `details.withheld` has all of it. */
export interface WithheldSummary {
  readonly count: number;
  /** Which object first, how many more, and why. */
  readonly line: string;
  /** What a person does about it. */
  readonly todo: string;
}

/** One thing that happened, as `flux events` shows it. Kept for a week. */
export interface EventRecord {
  readonly type: 'Event';
  /** Sorts by time: `<milliseconds, 13 digits>-<sequence>`. */
  readonly id: string;
  readonly object: ObjectName;
  /** `warning`: nothing failed, and a person has to look. */
  readonly severity: 'info' | 'warning' | 'error';
  readonly reason: string;
  readonly message: string;
  readonly revision?: string;
  readonly at: number;
}

/** Work wanted next; the stream's consumer sends it to the queue. Kept for a day. */
export interface RequestRecord {
  readonly type: 'Request';
  readonly cluster: string;
  readonly id: string;
  readonly queue: QueueName;
  readonly group: string;
  readonly message: WorkMessage;
  readonly at: number;
}

/** The result of the last scan of an image repository. */
export interface ImageScanRecord {
  readonly type: 'ImageScan';
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  readonly tagCount: number;
  readonly latestTags: readonly string[];
  readonly scannedAt: number;
}

/** What the cluster knows this installation by; without it, its place has to be the one that the cluster knows. */
export interface InstallationRecord {
  readonly type: 'Installation';
  readonly cluster: string;
  readonly installation: {
    readonly name: string;
    readonly identity: string;
    readonly place: { readonly repository: string; readonly branch: string; readonly path: string };
    readonly adopted: readonly string[];
    readonly since?: string;
  };
  /** Where the journal was kept that this was written to: elsewhere it is a copy. */
  readonly store: string;
  /** The API server that was worked on last, as the settings name it. */
  readonly server?: string;
  /** Which cluster that was: another one may have its name and even its address. */
  readonly clusterUid?: string;
  readonly at: number;
}

/** A Kustomization as it was declared last, for the time when what declares it cannot be read. */
export interface DeclarationRecord {
  readonly type: 'Declaration';
  readonly cluster: string;
  readonly kustomization: Kustomization;
  /** The Kustomization that renders it; absent for the root. */
  readonly by?: NamespacedName;
}

/** Where a Kustomization that declares others was rendered last: the artifacts in which those belong to what it declares. */
export interface LastRenderRecord extends NamespacedName {
  readonly type: 'LastRender';
  readonly cluster: string;
  /** The heads, as they were, of its own source and of any other with the same address. */
  readonly heads: readonly SourceHead[];
}

/** A time in which GitHub is not asked, for all processes of the installation. Kept for a day. */
export interface QuietTimeRecord extends QuietTime {
  readonly type: 'QuietTime';
}

/** A repository in which pull requests of ours were opened, for the time when no automation names it any more. */
export interface ProposalRepositoryRecord {
  readonly type: 'ProposalRepository';
  /** The cluster whose automation it was, which credentials are looked up for. */
  readonly cluster: string;
  readonly owner: string;
  readonly name: string;
  /** HTTP(S) address without credentials. */
  readonly url: string;
}

/** Until when each artifact in use had the look of its day. */
export interface ArtifactsKeptRecord {
  readonly type: 'ArtifactsKept';
  /** Milliseconds since the epoch. */
  readonly through: number;
  /** Digests of those that could not be looked after at their turn. */
  readonly failed: readonly string[];
}

/** Takes the place of a record that is no longer true; readers pass over it. Kept for a day. */
export interface TombstoneRecord {
  readonly type: 'Tombstone';
  readonly partition: string;
  readonly key: string;
  readonly at: number;
}

export type JournalRecord =
  | SourceHead
  | FluxObjectsRecord
  | FluxObjectSetRecord
  | FluxObjectPageRecord
  | FluxObjectRecord
  | StatusRecord
  | EventRecord
  | RequestRecord
  | ImageScanRecord
  | InstallationRecord
  | DeclarationRecord
  | LastRenderRecord
  | QuietTimeRecord
  | ProposalRepositoryRecord
  | ArtifactsKeptRecord
  | TombstoneRecord;

/** Partition and sort key of a record. One partition a cluster keeps a cluster's records in order. */
export function journalKey(record: JournalRecord): { readonly partition: string; readonly key: string } {
  switch (record.type) {
    case 'SourceHead':
      return { partition: record.source.cluster, key: sourceHeadKey(record.source) };
    case 'Instructions':
      return { partition: record.fluxObjects.cluster, key: FLUX_OBJECTS_KEY };
    case 'InstructionSet':
      return { partition: record.cluster, key: FLUX_OBJECTS_KEY };
    case 'InstructionPage':
      return { partition: record.cluster, key: `${FLUX_OBJECT_PAGES_PREFIX}${record.digest}` };
    case 'Instruction': {
      const { kind, fluxObject } = record.followed;
      const name = formatNamespacedName(fluxObject);
      return { partition: record.cluster, key: `${FLUX_OBJECT_PREFIX}${kind}/${name}/${record.digest}` };
    }
    case 'Status':
      return { partition: record.object.cluster, key: statusKey(record.object) };
    case 'Event':
      return { partition: record.object.cluster, key: `event/${record.id}` };
    case 'Request':
      return { partition: record.cluster, key: `request/${record.id}` };
    case 'ImageScan':
      return { partition: record.cluster, key: `image-scan/${record.namespace}/${record.name}` };
    case 'Installation':
      return { partition: record.cluster, key: INSTALLATION_KEY };
    case 'Declaration':
      return { partition: record.cluster, key: `${DECLARATIONS_PREFIX}${formatNamespacedName(record.kustomization)}` };
    case 'LastRender':
      return { partition: record.cluster, key: `${LAST_RENDERS_PREFIX}${formatNamespacedName(record)}` };
    case 'QuietTime':
      return { partition: INSTALLATION_PARTITION, key: quietTimeKey(record.account) };
    case 'ProposalRepository':
      return { partition: INSTALLATION_PARTITION, key: proposalRepositoryKey(record) };
    case 'ArtifactsKept':
      return { partition: INSTALLATION_PARTITION, key: ARTIFACTS_KEPT_KEY };
    case 'Tombstone':
      return { partition: record.partition, key: record.key };
  }
}

export const FLUX_OBJECTS_KEY = 'instructions';
export const FLUX_OBJECT_PAGES_PREFIX = 'instruction-page/';
export const FLUX_OBJECT_PREFIX = 'instruction/';
export const INSTALLATION_KEY = 'installation';
export const QUIET_TIMES_PREFIX = 'quiet/';
export const PROPOSAL_REPOSITORIES_PREFIX = 'proposals/';
export const ARTIFACTS_KEPT_KEY = 'artifacts-kept';
export const SOURCE_HEADS_PREFIX = 'head/';
export const DECLARATIONS_PREFIX = 'declaration/';
export const LAST_RENDERS_PREFIX = 'last-render/';

export function sourceHeadKey(source: Pick<SourceKey, 'kind' | 'namespace' | 'name'>): string {
  return `${SOURCE_HEADS_PREFIX}${source.kind}/${source.namespace}/${source.name}`;
}

export function quietTimeKey(account: string): string {
  return `${QUIET_TIMES_PREFIX}${account}`;
}

/** GitHub tells no two repositories apart by case. */
export function proposalRepositoryKey({ owner, name }: Pick<ProposalRepositoryRecord, 'owner' | 'name'>): string {
  return `${PROPOSAL_REPOSITORIES_PREFIX}${owner}/${name}`.toLowerCase();
}

export function statusKey(object: Pick<ObjectName, 'kind' | 'namespace' | 'name'>): string {
  return `status/${object.kind}/${object.namespace}/${object.name}`;
}
