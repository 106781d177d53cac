// By hand: of all that GitHub sends five fields are read, and a schema library takes longer to load than the rest does.

/** The field of an object; undefined for what is no object, or has no such field of its own. */
export function readField(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** A field that is text of this form; undefined for anything else. */
export function readText(value: unknown, name: string, form: RegExp): string | undefined {
  const text = readField(value, name);
  return typeof text === 'string' && text.length <= MAX_TEXT && form.test(text) ? text : undefined;
}

/** Longer than any ref or address that GitHub has. */
const MAX_TEXT = 2048;
