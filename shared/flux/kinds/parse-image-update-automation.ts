import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import {
  Duration,
  fluxObjectSchema,
  GitName,
  namespaceOf,
  ObjectName,
  parseWith,
  RepositoryPath,
  StringMap,
  type Parsed,
} from '../kind-schema.ts';
import type { ImageUpdateAutomation } from './image-update-automation.ts';

const Schema = fluxObjectSchema(
  z.strictObject({
    sourceRef: z.strictObject({
      apiVersion: z.string().optional(),
      kind: z.literal('GitRepository').default('GitRepository'),
      name: ObjectName,
      namespace: ObjectName.optional(),
    }),
    interval: Duration,
    git: z.strictObject({
      checkout: z.strictObject({ ref: z.strictObject({ branch: GitName }) }).optional(),
      commit: z.strictObject({
        author: z.strictObject({ name: z.string().optional(), email: z.string().min(1) }),
        messageTemplate: z.string().max(16_384).optional(),
      }),
      push: z.strictObject({ branch: GitName.optional() }).optional(),
    }),
    update: z
      .strictObject({ strategy: z.literal('Setters').default('Setters'), path: RepositoryPath.optional() })
      .optional(),
    policySelector: z.strictObject({ matchLabels: StringMap }).optional(),
    suspend: z.boolean().optional(),
  }),
);

const FLUX_FIELDS: ReadonlySet<string> = new Set(
  [
    'git.checkout.ref.commit',
    'git.checkout.ref.name',
    'git.checkout.ref.semver',
    'git.checkout.ref.tag',
    'git.commit.messageTemplateValues',
    'git.commit.signingKey',
    'git.push.options',
    'git.push.refspec',
    'policySelector.matchExpressions',
  ].map((field) => `spec.${field}`),
);

/** Flux's types have an empty text there in place of an absent one. */
const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set(
  [
    'git.commit.author.name',
    'git.commit.messageTemplate',
    'git.push.branch',
    'sourceRef.apiVersion',
    'sourceRef.namespace',
    'update.path',
  ].map((field) => `spec.${field}`),
);

/** Reads an ImageUpdateAutomation, with Flux's defaults. */
export function parseImageUpdateAutomation(
  object: KubernetesObject,
  locate: FieldLocator,
): Parsed<ImageUpdateAutomation> {
  const parsed = parseWith(object, Schema, {
    kind: 'ImageUpdateAutomation',
    fluxFields: FLUX_FIELDS,
    emptyIsAbsent: EMPTY_IS_ABSENT,
    locate,
  });
  if (parsed.outcome === 'refused') return parsed;
  const { metadata, spec } = parsed.value;
  const namespace = namespaceOf(object);
  const { checkout, commit, push } = spec.git;
  return {
    outcome: 'parsed',
    value: {
      namespace,
      name: metadata.name,
      sourceRef: {
        kind: spec.sourceRef.kind,
        namespace: spec.sourceRef.namespace ?? namespace,
        name: spec.sourceRef.name,
      },
      intervalMs: spec.interval,
      updatePath: spec.update?.path ?? './',
      ...(checkout !== undefined && { checkoutBranch: checkout.ref.branch }),
      ...(push?.branch !== undefined && { pushBranch: push.branch }),
      commitAuthor: {
        ...defined({ name: commit.author.name }),
        email: commit.author.email,
      },
      ...defined({ messageTemplate: commit.messageTemplate, policySelector: spec.policySelector }),
      suspend: spec.suspend ?? false,
    },
  };
}
