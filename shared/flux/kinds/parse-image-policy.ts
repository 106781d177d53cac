import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { problemAt } from '#shared/yaml-edit/describe-issues.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import {
  Duration,
  fluxObjectSchema,
  namespaceOf,
  ObjectName,
  parseWith,
  Re2Pattern,
  type Parsed,
} from '../kind-schema.ts';
import type { ImagePolicy } from './image-policy.ts';

const Order = z.enum(['asc', 'desc']).default('asc');

const Schema = fluxObjectSchema(
  z.strictObject({
    imageRepositoryRef: z.strictObject({ name: ObjectName, namespace: ObjectName.optional() }),
    policy: z.strictObject({
      semver: z.strictObject({ range: z.string().min(1).max(256) }).optional(),
      alphabetical: z.strictObject({ order: Order }).optional(),
      numerical: z.strictObject({ order: Order }).optional(),
    }),
    filterTags: z.strictObject({ pattern: Re2Pattern.optional(), extract: z.string().max(256).optional() }).optional(),
    digestReflectionPolicy: z.enum(['Never', 'IfNotPresent', 'Always']).default('Never'),
    // Flux wants it beside Always. The interval of the ImageRepository is the one that counts here.
    interval: Duration.optional(),
    suspend: z.boolean().optional(),
  }),
);

const NO_FLUX_FIELDS: ReadonlySet<string> = new Set();

/** Flux's types have an empty text there in place of an absent one. */
const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set(
  ['filterTags.extract', 'filterTags.pattern', 'imageRepositoryRef.namespace'].map((field) => `spec.${field}`),
);

/** Reads an ImagePolicy, which names exactly one of Flux's three ways to choose. */
export function parseImagePolicy(object: KubernetesObject, locate: FieldLocator): Parsed<ImagePolicy> {
  const context = { kind: 'ImagePolicy', fluxFields: NO_FLUX_FIELDS, emptyIsAbsent: EMPTY_IS_ABSENT, locate } as const;
  const parsed = parseWith(object, Schema, context);
  if (parsed.outcome === 'refused') return parsed;
  const { metadata, spec } = parsed.value;
  const chosen = Object.keys(spec.policy);
  const policy = choiceOf(spec.policy);
  if (policy === undefined || chosen.length !== 1) {
    const got = chosen.length === 0 ? 'is empty' : `has ${chosen.join(' and ')}`;
    const message = `${got}; exactly one of semver, alphabetical, numerical is needed`;
    return { outcome: 'refused', problems: [problemAt(locate, ['spec', 'policy'], 'present', message)] };
  }
  if (spec.interval !== undefined && spec.digestReflectionPolicy !== 'Always') {
    const message = 'is only allowed when digestReflectionPolicy is Always; remove it';
    return { outcome: 'refused', problems: [problemAt(locate, ['spec', 'interval'], 'present', message)] };
  }
  const namespace = namespaceOf(object);
  const { pattern, extract } = spec.filterTags ?? {};
  return {
    outcome: 'parsed',
    value: {
      namespace,
      name: metadata.name,
      ...defined({ labels: metadata.labels }),
      imageRepositoryRef: {
        namespace: spec.imageRepositoryRef.namespace ?? namespace,
        name: spec.imageRepositoryRef.name,
      },
      policy,
      // Without a pattern, Go's empty one matches every tag.
      ...((pattern !== undefined || extract !== undefined) && {
        filterTags: { pattern: pattern ?? '', ...defined({ extract }) },
      }),
      digestReflectionPolicy: spec.digestReflectionPolicy,
      suspend: spec.suspend ?? false,
    },
  };
}

function choiceOf(policy: z.output<typeof Schema>['spec']['policy']): ImagePolicy['policy'] | undefined {
  if (policy.semver !== undefined) return { kind: 'semver', range: policy.semver.range };
  if (policy.alphabetical !== undefined) return { kind: 'alphabetical', order: policy.alphabetical.order };
  return policy.numerical === undefined ? undefined : { kind: 'numerical', order: policy.numerical.order };
}
