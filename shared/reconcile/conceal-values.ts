const MARK = '[redacted]';
/** A shorter value is also part of words that have nothing to do with it. */
const LONG_ENOUGH = 8;

/**
 * Takes the values of Secrets out of a text from outside: a server, a build, or a parser that quotes what it was given.
 * A value counts as it is, as a variable (without line breaks), and as quoted; a short one only as a whole word.
 */
export function concealValues(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap(formsOf).filter((form) => form !== ''));
  const longestFirst = [...forms].sort((one, other) => other.length - one.length);
  return longestFirst.reduce((clean, form) => conceal(clean, form), text);
}

function formsOf(value: string): readonly string[] {
  return [value, value.trim(), value.replaceAll('\n', '')].flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
}

function conceal(text: string, form: string): string {
  if (form.length >= LONG_ENOUGH) return text.replaceAll(form, MARK);
  const literal = form.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu'), MARK);
}
