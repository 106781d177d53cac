import { RE2JS } from 're2js';
import { z } from 'zod';

import { dropAbsent } from '#shared/common/drop-absent.ts';
import { parseDuration } from '#shared/common/parse-duration.ts';
import type { Problem } from '#shared/common/problem.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { FLUX_SYSTEM_NAMESPACE } from '#shared/kubernetes/names.ts';
import { describeIssues } from '#shared/yaml-edit/describe-issues.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import type { FluxKind } from './resource-key.ts';

/** A specification as validated, or all that is wrong with it. */
export type Parsed<T> =
  | { readonly outcome: 'parsed'; readonly value: T }
  | { readonly outcome: 'refused'; readonly problems: readonly Problem[] };

/** A duration in Flux's spelling, as milliseconds. */
export const Duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, {
    error: 'allowed is a duration such as 30s, 10m, 1h30m (units ms, s, m, h)',
    abort: true,
  })
  .transform((text) => parseDuration(text) ?? 0);

/** The name of a Kubernetes object, as an RFC 1123 subdomain. */
export const ObjectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'allowed are lower-case letters, digits, - and ., 253 at most');

/** A pattern that RE2 compiles, so that no pattern can hang a worker. */
export const Re2Pattern = z.string().max(1_024).refine(compiles, 'allowed is a regular expression in RE2 syntax');

/** A folder inside the repository, whatever it is relative to; `resolveInsideRoot` says which. */
export const RepositoryPath = z
  .string()
  .refine(isPath, 'allowed is a path relative to the root of the repository, such as ./apps/production');

/** A branch, tag or ref name that is safe to hand to Git. */
export const GitName = z
  .string()
  .max(250)
  .regex(
    /^(?![-/.])(?!.*(?:\.\.|\/\/|@\{))[^\p{Cc} ~^:?*[\\]+(?<![/.])$/u,
    'allowed is a Git ref name such as main or release/1.x',
  );

/** A map from string to string, as labels and annotations are. */
export const StringMap = z.record(z.string(), z.string());

/** A reference to a Secret of the same namespace. */
export const LocalReference = z.strictObject({ name: ObjectName });

/** Wraps a specification in what every Flux object has around it; metadata and status are Kubernetes' matter. */
export function fluxObjectSchema<S extends z.ZodType>(
  spec: S,
): z.ZodObject<
  {
    apiVersion: z.ZodString;
    kind: z.ZodString;
    metadata: z.ZodObject<
      { name: z.ZodString; labels: z.ZodOptional<typeof StringMap>; annotations: z.ZodOptional<typeof StringMap> },
      z.core.$loose
    >;
    spec: S;
    status: z.ZodOptional<z.ZodUnknown>;
  },
  z.core.$strict
> {
  return z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({ name: z.string(), labels: StringMap.optional(), annotations: StringMap.optional() }),
    spec,
    status: z.unknown().optional(),
  });
}

/**
 * Validates an object against the schema of its kind; every problem is named, not only the first. What says nothing (see
 * `dropAbsent`) is absent, as for the API server, before anything is validated.
 */
export function parseWith<S extends z.ZodType>(
  object: KubernetesObject,
  schema: S,
  context: {
    readonly kind: FluxKind;
    readonly fluxFields: ReadonlySet<string>;
    /** Fields of this schema that may be empty texts, or false, and are absent then; those of `fluxFields` are anyway. */
    readonly emptyIsAbsent: ReadonlySet<string>;
    readonly locate: FieldLocator;
  },
): Parsed<z.output<S>> {
  const present = dropAbsent(object, new Set([...context.fluxFields, ...context.emptyIsAbsent]));
  const result = schema.safeParse(present, { reportInput: true });
  return result.success
    ? { outcome: 'parsed', value: result.data }
    : { outcome: 'refused', problems: describeIssues(result.error.issues, { schema, ...context }) };
}

/** The namespace a Flux object lives in. */
export function namespaceOf(object: KubernetesObject): string {
  const { namespace } = object.metadata;
  return isEmpty(namespace) ? FLUX_SYSTEM_NAMESPACE : namespace;
}

/** Absent, or as good as absent to Kubernetes, which reads `null` too where a text may be. */
function isEmpty(text: string | null | undefined): text is '' | null | undefined {
  return text === undefined || text === null || text === '';
}

function compiles(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

function isPath(path: string): boolean {
  return !path.includes('\\') && !path.includes('\0') && !path.includes('://');
}
