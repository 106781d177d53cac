import { formsOf } from './forms-of-value.ts';

const MARK = '[redacted]';
/** A shorter value is also part of words that have nothing to do with it. */
const LONG_ENOUGH = 8;

/** Takes values out of a text. */
export type Redact = (text: string) => string;

/**
 * Takes the values of Secrets out of a text from outside: a server, a build, or a parser that quotes what it was given.
 * A value counts in every form that it may take on its way; a short one only as a whole word.
 */
export function redactValues(text: string, secrets: readonly string[]): string {
  return redacting(secrets)(text);
}

/** The same for many texts. */
export function redacting(secrets: readonly string[]): Redact {
  const forms = new Set(secrets.flatMap(formsOf));
  const longestFirst = [...forms].sort((one, other) => other.length - one.length);
  return (text) => longestFirst.reduce(redact, text);
}

function redact(text: string, form: string): string {
  if (form.length >= LONG_ENOUGH || !text.includes(form)) return text.replaceAll(form, MARK);
  const literal = form.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu'), MARK);
}
