import { formatObjectId, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

/** Objects named in one message; the rest is counted. */
const MAX_NAMED = 50;
const MAX_MESSAGE = 4_000;

/** Keeps a text to a length, without cutting a character in two. */
export function shorten(text: string, length = MAX_MESSAGE): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

/** Keeps a list to a length, and counts what is left out. */
export function limit(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_NAMED) return lines;
  return [...lines.slice(0, MAX_NAMED), `… and ${lines.length - MAX_NAMED} more`];
}

/** `ConfigMap/a/one, ConfigMap/a/two, … and 61 more`. */
export function nameObjects(ids: readonly ObjectId[]): string {
  const named = ids.slice(0, MAX_NAMED).map(formatObjectId);
  return [...named, ...(ids.length > MAX_NAMED ? [`… and ${ids.length - MAX_NAMED} more`] : [])].join(', ');
}
