import type { z } from 'zod';

import { formatExactJson } from '#shared/common/exact-json.ts';
import type { Problem } from '#shared/common/problem.ts';
import { suggestName } from '#shared/common/suggest-name.ts';
import { VERSION } from '#shared/common/version.ts';

import { formatFieldPath, type FieldLocator, type FieldPath } from './field-path.ts';

type Issue = z.core.$ZodIssue;

/**
 * Problems with place, value got and what is allowed, from what a schema found.
 *
 * @param fluxFields dotted paths, without indexes, of fields that Flux knows and Tidegate does not implement.
 */
export function describeIssues(
  issues: readonly Issue[],
  request: {
    readonly schema: z.ZodType;
    readonly fluxFields: ReadonlySet<string>;
    readonly kind: string;
    readonly locate: FieldLocator;
  },
): readonly Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const field = [...path, key];
        const message = request.fluxFields.has(withoutIndexes(field))
          ? `is a field of Flux's ${request.kind} that Tidegate does not implement yet; remove it to go on`
          : describeUnknown(key, request.kind, allowedKeys(request.schema, path));
        return problemAt(request.locate, field, 'present', message);
      });
    }
    const missing = issue.input === undefined && issue.code === 'invalid_type';
    return [problemAt(request.locate, path, missing ? 'missing' : 'present', describe(issue, missing))];
  });
}

/** A problem at a field's place. */
export function problemAt(
  locate: FieldLocator,
  field: FieldPath,
  expect: 'present' | 'missing',
  message: string,
): Problem {
  return { ...locate(field, expect), field: formatFieldPath(field), message };
}

/** A value as shown in a message: short, on one line, without control characters. */
export function formatValue(value: unknown): string {
  const text = value === undefined ? 'undefined' : formatExactJson(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function describe(issue: Issue, missing: boolean): string {
  const got = formatValue(issue.input);
  switch (issue.code) {
    case 'invalid_type':
      return missing
        ? `is missing; add it (a ${wordFor(issue.expected)})`
        : `is ${got} (${typeWord(issue.input)}); allowed is a ${wordFor(issue.expected)}${quoteHint(issue.expected, issue.input)}`;
    case 'invalid_value':
      return `is ${got}; allowed: ${issue.values.map((value) => String(value)).join(', ')}${suggestion(issue.input, issue.values)}`;
    case 'too_small':
      return `is ${got}; at least ${issue.minimum} needed`;
    case 'too_big':
      return `is ${got}; at most ${issue.maximum} allowed`;
    case 'custom':
      return issue.input === undefined ? issue.message : `is ${got}; ${issue.message}`;
    case 'invalid_format':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_element':
      return `is ${got}; ${issue.message}`;
    case 'invalid_key':
      return `is named ${got}; ${issue.issues[0]?.message ?? issue.message}`;
  }
  return issue satisfies never;
}

function quoteHint(expected: string, input: unknown): string {
  const quotable = typeof input === 'number' || typeof input === 'bigint' || typeof input === 'boolean';
  return expected === 'string' && quotable ? `; quote it: "${String(input)}"` : '';
}

function suggestion(input: unknown, allowed: readonly unknown[]): string {
  if (typeof input !== 'string') return '';
  const name = suggestName(input, allowed.map(String));
  return name === undefined ? '' : `; did you mean ${name}?`;
}

/** A name like one that is known is misspelt; any other may be newer than this Tidegate, which is then the one to mend. */
function describeUnknown(key: string, kind: string, allowed: readonly string[]): string {
  const name = suggestName(key, allowed);
  return name === undefined
    ? `is a field of ${kind} unknown to Tidegate ${VERSION}; allowed: ${allowed.join(', ')}`
    : `is not a field of ${kind}; did you mean ${name}?`;
}

function wordFor(expected: string): string {
  switch (expected) {
    case 'object':
    case 'record':
      return 'mapping';
    case 'array':
      return 'list';
    default:
      return expected;
  }
}

function typeWord(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value === 'object' ? 'mapping' : typeof value;
}

function withoutIndexes(path: FieldPath): string {
  return path.filter((part) => typeof part === 'string').join('.');
}

/** The names a schema allows at a path, read from the schema itself so that the message cannot drift from it. */
function allowedKeys(schema: z.ZodType, path: FieldPath): readonly string[] {
  let current: unknown = schema;
  for (const part of path) {
    current = memberOf(unwrap(current), part);
  }
  const shape = property(unwrap(current), 'shape');
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

function memberOf(schema: unknown, part: string | number): unknown {
  return typeof part === 'number' ? property(schema, 'element') : property(property(schema, 'shape'), part);
}

/** Takes off `optional`, `default` and `transform` wrappers. */
function unwrap(schema: unknown): unknown {
  let current = schema;
  for (let depth = 0; depth < 8; depth += 1) {
    const definition = property(current, 'def');
    const inner = property(definition, 'innerType') ?? property(definition, 'in');
    if (inner === undefined) return current;
    current = inner;
  }
  return current;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
