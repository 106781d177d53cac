import { isRecord } from './is-record.ts';

/** Where a rendered object keeps which of its fields variables made to something else than a text. It is never sent. */
export const FILLED_FIELDS: unique symbol = Symbol('fields that variables filled in');

/** A field that was written as a text with variables, and that holds no text since they were filled in. */
export interface FilledField {
  readonly path: readonly (string | number)[];
  readonly variables: readonly string[];
}

const VARIABLE = /\$\{#?([\p{L}\p{Nd}_]+)/gu;

/** Finds the fields that were texts with variables before, and are none after. */
export function findFilledFields(before: unknown, after: unknown): readonly FilledField[] {
  const found: FilledField[] = [];
  const pending: { readonly before: unknown; readonly after: unknown; readonly path: FilledField['path'] }[] = [
    { before, after, path: [] },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { before: was, after: is, path } = next;
    if (typeof was === 'string') {
      if (typeof is !== 'string' && was.includes('${')) {
        found.push({ path, variables: [...new Set([...was.matchAll(VARIABLE)].map(([, name = '']) => name))] });
      }
    } else if (Array.isArray(was) && Array.isArray(is)) {
      for (const [index, item] of was.entries())
        pending.push({ before: item, after: is[index], path: [...path, index] });
    } else if (isRecord(was) && isRecord(is)) {
      for (const [key, field] of Object.entries(was)) {
        if (Object.hasOwn(is, key)) pending.push({ before: field, after: is[key], path: [...path, key] });
      }
    }
  }
  return found;
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
