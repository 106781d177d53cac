import { isRecord } from './is-record.ts';

/**
 * An object without the fields that say nothing: `null` in any mapping, as the API server drops it before it validates,
 * and the empty text and `false` at fields where Flux's own types cannot tell them from an absent one.
 *
 * @param emptyIsAbsent dotted paths, without indexes, of those fields.
 */
export function dropAbsent<T>(value: T, emptyIsAbsent: ReadonlySet<string>): T {
  // What is left has the same shape: every field of an object is there or not, and none of those kept is changed.
  return drop(value, '', emptyIsAbsent) as T;
}

function drop(value: unknown, path: string, emptyIsAbsent: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => drop(item, path, emptyIsAbsent));
  if (!isRecord(value)) return value;
  const kept: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const isEmpty = member === '' || member === false;
    if (member !== null && !(isEmpty && emptyIsAbsent.has(at))) {
      kept.push([key, drop(member, at, emptyIsAbsent)]);
    }
  }
  return Object.fromEntries(kept);
}
