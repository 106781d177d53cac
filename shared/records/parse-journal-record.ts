import { z } from 'zod';

import type { Kustomization as KustomizationSpec } from '#shared/flux/kinds/kustomization.ts';
import type { NamespacedName as NamespacedNameSpec } from '#shared/flux/resource-key.ts';
import type { QueueName } from '#shared/work/work-message.ts';
import { WorkMessage } from '#shared/work/work-message.ts';

import type { JournalRecord } from './journal-record.ts';
import { withCodeNames, withStoredNames } from './stored-names.ts';

/**
 * Reads a record as it was stored.
 * @returns nothing for a type this version does not know (a newer one wrote it) and for what is damaged: the journal is
 * a log and a cache, and the next run writes the record again.
 */
export function parseJournalRecord(body: string): JournalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const parsed = StoredRecord.safeParse(withCodeNames(value));
  return parsed.success ? parsed.data : undefined;
}

/** The stored form of a record. */
export function formatJournalRecord(record: JournalRecord): string {
  return JSON.stringify(withStoredNames(record));
}

const NamespacedName = z.object({ namespace: z.string(), name: z.string() });
const SourceRef = NamespacedName.extend({ kind: z.literal('GitRepository') });
const Strings = z.array(z.string());
const text = z.string().exactOptional();

const GitRepository = NamespacedName.extend({
  url: z.string(),
  intervalMs: z.number(),
  timeoutMs: z.number(),
  ref: z.object({ branch: text, tag: text, semver: text, name: text, commit: text }),
  ignore: text,
  secretRef: text,
  suspend: z.boolean(),
});

const ImageRepository = NamespacedName.extend({
  image: z.string(),
  intervalMs: z.number(),
  exclusionList: Strings,
  suspend: z.boolean(),
});

const order = z.enum(['asc', 'desc']);
const ImagePolicy = NamespacedName.extend({
  imageRepositoryRef: NamespacedName,
  policy: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('semver'), range: z.string() }),
    z.object({ kind: z.literal('alphabetical'), order }),
    z.object({ kind: z.literal('numerical'), order }),
  ]),
  filterTags: z.object({ pattern: z.string(), extract: text }).exactOptional(),
  digestReflectionPolicy: z.enum(['Never', 'IfNotPresent', 'Always']),
  suspend: z.boolean(),
});

const ImageUpdateAutomation = NamespacedName.extend({
  sourceRef: SourceRef,
  intervalMs: z.number(),
  updatePath: z.string(),
  checkoutBranch: text,
  pushBranch: text,
  commitAuthor: z.object({ name: text, email: z.string() }),
  messageTemplate: text,
  policySelector: z.object({ matchLabels: z.record(z.string(), z.string()) }).exactOptional(),
  suspend: z.boolean(),
});

const StringMap = z.record(z.string(), z.string());
type Fields = Readonly<Record<Exclude<keyof KustomizationSpec, keyof NamespacedNameSpec>, z.ZodType>>;
const Kustomization = NamespacedName.extend({
  annotations: StringMap,
  sourceRef: SourceRef,
  path: z.string(),
  prune: z.boolean(),
  intervalMs: z.number(),
  retryIntervalMs: z.number(),
  timeoutMs: z.number(),
  wait: z.boolean(),
  force: z.boolean(),
  suspend: z.boolean(),
  targetNamespace: text,
  dependsOn: z.array(NamespacedName),
  healthChecks: z.array(NamespacedName.extend({ apiVersion: z.string(), kind: z.string() })),
  patches: z.array(z.unknown()),
  images: z.array(z.unknown()),
  components: Strings,
  commonMetadata: z.object({ labels: StringMap.exactOptional(), annotations: StringMap.exactOptional() }),
  namePrefix: text,
  nameSuffix: text,
  postBuild: z
    .object({
      substitute: StringMap,
      substituteFrom: z.array(
        z.object({ kind: z.enum(['ConfigMap', 'Secret']), name: z.string(), optional: z.boolean() }),
      ),
    })
    .exactOptional(),
  deletionPolicy: z.enum(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan']),
} satisfies Fields);

const ObjectName = NamespacedName.extend({ cluster: z.string(), kind: z.string() });

const Condition = z.object({
  type: z.enum(['Ready', 'Reconciling', 'Stalled']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.number(),
});

const Queue = z.custom<QueueName>(
  (value) =>
    value === 'source-sync' ||
    value === 'image-update' ||
    (typeof value === 'string' && /^reconcile\/[a-z0-9-]+$/u.test(value)),
);

const SourceHead = z.looseObject({
  type: z.literal('SourceHead'),
  source: SourceRef.extend({ cluster: z.string() }),
  revision: z.string(),
  digest: z.string(),
  url: z.string(),
  observedAt: z.number(),
});

/** Loose on purpose where a newer version may have added a field: what is not known is kept as it was. */
const StoredRecord = z.discriminatedUnion('type', [
  SourceHead,
  z.looseObject({
    type: z.literal('Instructions'),
    fluxObjects: z.looseObject({
      cluster: z.string(),
      revision: z.string(),
      gitRepositories: z.array(GitRepository.loose()),
      imageRepositories: z.array(ImageRepository.loose()),
      imagePolicies: z.array(ImagePolicy.loose()),
      imageUpdateAutomations: z.array(ImageUpdateAutomation.loose()),
    }),
  }),
  z.looseObject({
    type: z.literal('InstructionSet'),
    cluster: z.string(),
    revision: z.string(),
    sequence: z.number(),
    pages: Strings,
  }),
  z.looseObject({
    type: z.literal('InstructionPage'),
    cluster: z.string(),
    digest: z.string(),
    fluxObjects: Strings,
  }),
  z.looseObject({
    type: z.literal('Instruction'),
    cluster: z.string(),
    digest: z.string(),
    followed: z.discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('GitRepository'), fluxObject: GitRepository.loose() }),
      z.looseObject({ kind: z.literal('ImageRepository'), fluxObject: ImageRepository.loose() }),
      z.looseObject({ kind: z.literal('ImagePolicy'), fluxObject: ImagePolicy.loose() }),
      z.looseObject({ kind: z.literal('ImageUpdateAutomation'), fluxObject: ImageUpdateAutomation.loose() }),
    ]),
  }),
  z.looseObject({
    type: z.literal('Status'),
    object: ObjectName,
    conditions: z.array(Condition),
    lastAttemptedRevision: text,
    lastAppliedRevision: text,
    report: z.object({ repository: z.string(), commit: z.string() }).exactOptional(),
    suspended: z.boolean(),
    observedAt: z.number(),
    dueAt: z.number().exactOptional(),
    withheld: z.object({ count: z.number(), line: z.string(), todo: z.string() }).exactOptional(),
    details: z.record(z.string(), z.string()),
  }),
  z.looseObject({
    type: z.literal('Event'),
    id: z.string(),
    object: ObjectName,
    severity: z.enum(['info', 'warning', 'error']),
    reason: z.string(),
    message: z.string(),
    revision: text,
    at: z.number(),
  }),
  z.looseObject({
    type: z.literal('Request'),
    cluster: z.string(),
    id: z.string(),
    queue: Queue,
    group: z.string(),
    message: WorkMessage,
    at: z.number(),
  }),
  z.looseObject({
    type: z.literal('ImageScan'),
    cluster: z.string(),
    namespace: z.string(),
    name: z.string(),
    image: z.string(),
    tagCount: z.number(),
    latestTags: Strings,
    scannedAt: z.number(),
  }),
  z.looseObject({
    type: z.literal('Installation'),
    cluster: z.string(),
    installation: z.object({
      name: z.string(),
      identity: z.string(),
      place: z.object({ repository: z.string(), branch: z.string(), path: z.string() }),
      adopted: Strings,
      since: text,
    }),
    store: z.string(),
    server: text,
    clusterUid: text,
    at: z.number(),
  }),
  // Strict: a field that a newer version wrote would be one that is not followed.
  z.strictObject({
    type: z.literal('Declaration'),
    cluster: z.string(),
    kustomization: Kustomization.strict(),
    by: NamespacedName.exactOptional(),
  }),
  z.looseObject({
    type: z.literal('LastRender'),
    cluster: z.string(),
    namespace: z.string(),
    name: z.string(),
    heads: z.array(SourceHead),
  }),
  z.looseObject({
    type: z.literal('QuietTime'),
    account: z.string(),
    since: z.number(),
    until: z.number(),
    why: z.string(),
  }),
  z.looseObject({
    type: z.literal('ProposalRepository'),
    cluster: z.string(),
    owner: z.string(),
    name: z.string(),
    url: z.string(),
  }),
  z.looseObject({ type: z.literal('ArtifactsKept'), through: z.number(), failed: Strings }),
  z.looseObject({ type: z.literal('Tombstone'), partition: z.string(), key: z.string(), at: z.number() }),
]);
