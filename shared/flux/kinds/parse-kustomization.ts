import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import { dropAbsent } from '#shared/common/drop-absent.ts';
import { isRecord } from '#shared/common/is-record.ts';
import { hasMark } from '#shared/kubernetes/has-mark.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { FLUX_PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import {
  Duration,
  fluxObjectSchema,
  namespaceOf,
  ObjectName,
  parseWith,
  RepositoryPath,
  StringMap,
  type Parsed,
} from '../kind-schema.ts';
import { VARIABLE_NAME, VARIABLE_NAME_RULE } from '../variable-name.ts';
import type { Kustomization } from './kustomization.ts';

const MIN_TIMEOUT_MS = 30_000;

const Target = z.strictObject({
  group: z.string().optional(),
  version: z.string().optional(),
  kind: z.string().optional(),
  name: z.string().optional(),
  namespace: z.string().optional(),
  labelSelector: z.string().optional(),
  annotationSelector: z.string().optional(),
});

const VariableName = z.string().regex(VARIABLE_NAME, `allowed are names of ${VARIABLE_NAME_RULE}`);

const PostBuild = z.strictObject({
  substitute: z.record(VariableName, z.string()).optional(),
  substituteFrom: z
    .array(
      z.strictObject({ kind: z.enum(['ConfigMap', 'Secret']), name: ObjectName, optional: z.boolean().optional() }),
    )
    .optional(),
});

const Schema = fluxObjectSchema(
  z.strictObject({
    sourceRef: z.strictObject({
      apiVersion: z.string().optional(),
      kind: z.literal('GitRepository', {
        error: 'allowed: GitRepository (OCIRepository, Bucket and ExternalArtifact are not implemented yet)',
      }),
      name: ObjectName,
      namespace: ObjectName.optional(),
    }),
    path: RepositoryPath.optional(),
    prune: z.boolean(),
    interval: Duration,
    retryInterval: Duration.optional(),
    timeout: Duration.optional(),
    wait: z.boolean().optional(),
    force: z.boolean().optional(),
    suspend: z.boolean().optional(),
    targetNamespace: ObjectName.max(63).optional(),
    dependsOn: z.array(z.strictObject({ name: ObjectName, namespace: ObjectName.optional() })).optional(),
    healthChecks: z
      .array(
        z.strictObject({
          apiVersion: z.string().optional(),
          kind: z.string().min(1),
          name: z.string().min(1),
          namespace: z.string().optional(),
        }),
      )
      .optional(),
    patches: z.array(z.strictObject({ patch: z.string().min(1), target: Target.optional() })).optional(),
    images: z
      .array(
        z.strictObject({
          name: z.string().min(1),
          newName: z.string().optional(),
          newTag: z.string().optional(),
          digest: z.string().optional(),
        }),
      )
      .optional(),
    components: z.array(z.string().min(1)).optional(),
    commonMetadata: z.strictObject({ labels: StringMap.optional(), annotations: StringMap.optional() }).optional(),
    namePrefix: z.string().min(1).max(200).optional(),
    nameSuffix: z.string().min(1).max(200).optional(),
    postBuild: PostBuild.optional(),
    // Of v1beta1, and ignored by Flux since v1beta2: everything is validated by the server.
    validation: z.unknown().optional(),
    deletionPolicy: z.enum(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan']).optional(),
  }),
);

const FLUX_FIELDS: ReadonlySet<string> = new Set(
  [
    'buildMetadata',
    'decryption',
    'dependsOn.readyExpr',
    'healthCheckExprs',
    'ignore',
    'ignoreMissingComponents',
    'kubeConfig',
    'patches.options',
    'patchesJson6902',
    'patchesStrategicMerge',
    'postBuild.substituteStrategy',
    'serviceAccountName',
  ].map((field) => `spec.${field}`),
);

/** Flux's types have an empty text there in place of an absent one. */
const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set(
  [
    'dependsOn.namespace',
    'healthChecks.apiVersion',
    'healthChecks.namespace',
    'images.digest',
    'images.newName',
    'images.newTag',
    'path',
    'sourceRef.apiVersion',
    'sourceRef.namespace',
  ].map((field) => `spec.${field}`),
);

/** Of a health check that names none, as Flux has it since v1beta1. */
const HEALTH_CHECK_VERSION = 'apps/v1';

/** Reads a Kustomization, with Flux's defaults: without `timeout` it is the interval less 30 seconds, 30 seconds at least. */
export function parseKustomization(object: KubernetesObject, locate: FieldLocator): Parsed<Kustomization> {
  const context = { kind: 'Kustomization', fluxFields: FLUX_FIELDS, emptyIsAbsent: EMPTY_IS_ABSENT, locate } as const;
  const parsed = parseWith(object, Schema, context);
  if (parsed.outcome === 'refused') return parsed;
  const { metadata, spec } = parsed.value;
  const namespace = namespaceOf(object);
  const { labels, annotations } = spec.commonMetadata ?? {};
  return {
    outcome: 'parsed',
    value: {
      namespace,
      name: metadata.name,
      annotations: metadata.annotations ?? {},
      sourceRef: {
        kind: spec.sourceRef.kind,
        namespace: spec.sourceRef.namespace ?? namespace,
        name: spec.sourceRef.name,
      },
      path: spec.path ?? './',
      prune: spec.prune,
      intervalMs: spec.interval,
      retryIntervalMs: spec.retryInterval ?? spec.interval,
      timeoutMs: Math.max(MIN_TIMEOUT_MS, spec.timeout ?? spec.interval - 30_000),
      wait: spec.wait ?? false,
      force: spec.force ?? false,
      suspend: spec.suspend ?? false,
      ...defined({ targetNamespace: spec.targetNamespace }),
      dependsOn: (spec.dependsOn ?? []).map((one) => ({ namespace: one.namespace ?? namespace, name: one.name })),
      healthChecks: (spec.healthChecks ?? []).map((check) => ({
        ...check,
        apiVersion: check.apiVersion ?? HEALTH_CHECK_VERSION,
        namespace: check.namespace ?? '',
      })),
      patches: spec.patches ?? [],
      images: spec.images ?? [],
      components: spec.components ?? [],
      commonMetadata: { ...defined({ labels, annotations }) },
      ...defined({ namePrefix: spec.namePrefix, nameSuffix: spec.nameSuffix }),
      ...(spec.postBuild !== undefined && { postBuild: toPostBuild(spec.postBuild) }),
      // Flux leaves such a Kustomization in the cluster, and so everything that it applied.
      deletionPolicy: hasMark(metadata, FLUX_PRUNE_ANNOTATION, 'disabled')
        ? 'Orphan'
        : (spec.deletionPolicy ?? 'MirrorPrune'),
    },
  };
}

/** The variables of a Kustomization that may be invalid otherwise, because other fields of it are still to be filled in. */
export function readPostBuild(object: KubernetesObject): Kustomization['postBuild'] {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const parsed = PostBuild.safeParse(dropAbsent(spec['postBuild'] ?? {}, new Set()));
  return spec['postBuild'] === undefined || !parsed.success ? undefined : toPostBuild(parsed.data);
}

function toPostBuild(written: z.output<typeof PostBuild>): NonNullable<Kustomization['postBuild']> {
  return {
    substitute: written.substitute ?? {},
    substituteFrom: (written.substituteFrom ?? []).map((from) => ({
      kind: from.kind,
      name: from.name,
      optional: from.optional ?? false,
    })),
  };
}
