import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';

/** Where a rendered object keeps which of its fields variables filled in. It is never sent. */
export const FILLED_FIELDS: unique symbol = Symbol('fields that variables filled in');

/** A field that was written as a text with variables, or that has a key with variables. */
export interface FilledField {
  readonly path: readonly (string | number)[];
  readonly variables: readonly string[];
  /** The text, or the key, before they were filled in. */
  readonly template: string;
  /** Whether the last part of the path is what they filled in. */
  readonly isKey: boolean;
  /** Whether YAML reads something else than a text there since they are. */
  readonly isRetyped: boolean;
  /** Whether a value of a Secret is among them; who reads Secrets says so. */
  readonly isSecret?: boolean;
}

const VARIABLE = /\$\{#?([\p{L}\p{Nd}_]+)/gu;

interface Pair {
  readonly before: unknown;
  readonly after: unknown;
  readonly path: FilledField['path'];
}

/** Finds the fields that variables filled in: texts, keys, and all that is below such a key. */
export function findFilledFields(before: unknown, after: unknown): readonly FilledField[] {
  const found: FilledField[] = [];
  const pending: Pair[] = [{ before, after, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { before: was, after: is, path } = next;
    if (typeof was === 'string') {
      if (was.includes('${')) {
        found.push(describeFilled(was, path, { isRetyped: typeof is !== 'string', isKey: false }));
      }
    } else if (Array.isArray(was) && Array.isArray(is)) {
      for (const [index, item] of was.entries()) {
        pending.push({ before: item, after: is[index], path: [...path, index] });
      }
    } else if (isRecord(was) && isRecord(is)) {
      for (const [key, field] of Object.entries(was)) {
        if (Object.hasOwn(is, key)) pending.push({ before: field, after: is[key], path: [...path, key] });
      }
      found.push(...filledKeys(was, is, path));
    }
  }
  return found;
}

/** Which key became which nobody can tell; so all that are new may hold what is in any that went, and below it. */
function filledKeys(
  was: Readonly<Record<string, unknown>>,
  is: Readonly<Record<string, unknown>>,
  path: FilledField['path'],
): readonly FilledField[] {
  const gone = Object.keys(was).filter((key) => key.includes('${') && !Object.hasOwn(is, key));
  if (gone.length === 0) return [];
  const template = gone.flatMap((key) => [key, ...textsIn(was[key])]).join(' ');
  return Object.keys(is)
    .filter((key) => !Object.hasOwn(was, key))
    .map((key) => describeFilled(template, [...path, key], { isRetyped: false, isKey: true }));
}

function textsIn(value: unknown): readonly string[] {
  const texts: string[] = [];
  const pending: unknown[] = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isRecord(next)) pending.push(...Object.keys(next), ...Object.values(next));
    else if (Array.isArray(next)) pending.push(...(next as readonly unknown[]));
    else texts.push(typeof next === 'string' ? next : formatExactJson(next));
  }
  return texts;
}

function describeFilled(
  template: string,
  path: FilledField['path'],
  what: Pick<FilledField, 'isKey' | 'isRetyped'>,
): FilledField {
  const variables = new Set([...template.matchAll(VARIABLE)].map(([, name = '']) => name));
  return { path, variables: [...variables], template, ...what };
}

/** What to add to a message about a field that variables filled in; nothing for another. A value is never shown. */
export function adviseOnVariables(variables: readonly string[]): string {
  const [first] = variables;
  return first === undefined
    ? ''
    : `; ${variables.length === 1 ? 'variable' : 'variables'} ${variables.join(', ')} filled it in, and YAML reads what came out as another type: write \${quote}\${${first}}\${quote} with a variable quote: '"'`;
}

/** The type of a value in the words of an API server. */
export function nameOfType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : typeof value === 'bigint' ? 'number' : typeof value;
}
