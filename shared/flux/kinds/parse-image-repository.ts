import { z } from 'zod';

import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import { Duration, fluxObjectSchema, namespaceOf, parseWith, Re2Pattern, type Parsed } from '../kind-schema.ts';
import type { ImageRepository } from './image-repository.ts';

const Schema = fluxObjectSchema(
  z.strictObject({
    image: z
      .string()
      .max(512)
      .regex(
        /^(?!https?:)[a-zA-Z0-9.-]+(?::[0-9]+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/,
        'allowed is an image without scheme, tag or digest, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app',
      ),
    interval: Duration,
    exclusionList: z.array(Re2Pattern).max(25).optional(),
    // The credentials follow from the registry's host, so that both values mean the same here.
    provider: z.enum(['generic', 'aws']).optional(),
    suspend: z.boolean().optional(),
  }),
);

const FLUX_FIELDS: ReadonlySet<string> = new Set(
  ['accessFrom', 'certSecretRef', 'insecure', 'proxySecretRef', 'secretRef', 'serviceAccountName', 'timeout'].map(
    (field) => `spec.${field}`,
  ),
);

const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set();

/** Reads an ImageRepository, with Flux's defaults: tags of signatures are left out. */
export function parseImageRepository(object: KubernetesObject, locate: FieldLocator): Parsed<ImageRepository> {
  const context = { kind: 'ImageRepository', fluxFields: FLUX_FIELDS, emptyIsAbsent: EMPTY_IS_ABSENT, locate } as const;
  const parsed = parseWith(object, Schema, context);
  if (parsed.outcome === 'refused') return parsed;
  const { metadata, spec } = parsed.value;
  return {
    outcome: 'parsed',
    value: {
      namespace: namespaceOf(object),
      name: metadata.name,
      image: spec.image,
      intervalMs: spec.interval,
      exclusionList: spec.exclusionList ?? [String.raw`^.*\.sig$`],
      suspend: spec.suspend ?? false,
    },
  };
}
