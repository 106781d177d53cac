import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import {
  Duration,
  fluxObjectSchema,
  GitName,
  LocalReference,
  namespaceOf,
  parseWith,
  type Parsed,
} from '../kind-schema.ts';
import type { GitRepository } from './git-repository.ts';

const Schema = fluxObjectSchema(
  z.strictObject({
    url: z
      .string()
      .max(2_048)
      .regex(/^(https?|ssh):\/\/[^\s]+$/, 'allowed is a URL that starts with https://, http:// or ssh://'),
    interval: Duration,
    timeout: Duration.optional(),
    ref: z
      .strictObject({
        branch: GitName.optional(),
        tag: GitName.optional(),
        semver: z.string().min(1).optional(),
        name: GitName.optional(),
        commit: z
          .string()
          .regex(/^[0-9a-f]{40}$/, 'allowed are the 40 hexadecimal digits of a commit')
          .optional(),
      })
      .optional(),
    ignore: z.string().max(65_536).optional(),
    secretRef: LocalReference.optional(),
    // Both read GitHub with the App's token and everything else with the Secret, so neither changes anything.
    provider: z.enum(['generic', 'github']).optional(),
    // Of v1beta1 and v1beta2, and ignored by Flux since it has one implementation.
    gitImplementation: z.unknown().optional(),
    suspend: z.boolean().optional(),
  }),
);

const FLUX_FIELDS: ReadonlySet<string> = new Set(
  [
    'verify',
    'proxySecretRef',
    'recurseSubmodules',
    'include',
    'sparseCheckout',
    'serviceAccountName',
    'accessFrom',
  ].map((field) => `spec.${field}`),
);

/** Flux's types have an empty text there in place of an absent one. */
const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set(
  ['ref.branch', 'ref.commit', 'ref.name', 'ref.semver', 'ref.tag'].map((field) => `spec.${field}`),
);

/** Reads a GitRepository, with Flux's defaults. */
export function parseGitRepository(object: KubernetesObject, locate: FieldLocator): Parsed<GitRepository> {
  const context = { kind: 'GitRepository', fluxFields: FLUX_FIELDS, emptyIsAbsent: EMPTY_IS_ABSENT, locate } as const;
  const parsed = parseWith(object, Schema, context);
  if (parsed.outcome === 'refused') return parsed;
  const { metadata, spec } = parsed.value;
  const { branch, tag, semver, name, commit } = spec.ref ?? {};
  return {
    outcome: 'parsed',
    value: {
      namespace: namespaceOf(object),
      name: metadata.name,
      url: spec.url,
      intervalMs: spec.interval,
      timeoutMs: spec.timeout ?? 60_000,
      ref: {
        ...defined({ branch, tag, semver, name, commit }),
        ...(Object.keys(spec.ref ?? {}).length === 0 && { branch: 'master' }),
      },
      ...defined({ ignore: spec.ignore }),
      ...(spec.secretRef !== undefined && { secretRef: spec.secretRef.name }),
      suspend: spec.suspend ?? false,
    },
  };
}
