/**
 * JSON without loss: an integer of 64 bits is a bigint where a number could not hold it exactly. Go reads and writes such
 * integers, in custom resources and in the bounds of their definitions; `JSON` would round them.
 */

const LEAST = -(2n ** 63n);
const MOST = 2n ** 64n - 1n;
/** Numbers stand behind one of these; text that has no digits enough is spared the slow way. */
const MAY_HOLD_LARGE_INTEGER = /(?:^|[:,[\s])-?[0-9]{16}/;
/** What ends a line or is refused in YAML only, which is how the API server and kustomize read the JSON they are sent. */
const SPECIAL_IN_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** An integer of any size as Go holds it: exactly in 64 bits, signed or not, and rounded beyond. */
export function exactInteger(digits: bigint): number | bigint {
  const rounded = Number(digits);
  return Number.isSafeInteger(rounded) || digits < LEAST || digits > MOST ? rounded : digits;
}

/** @throws SyntaxError as `JSON.parse` does. */
export function parseExactJson(text: string): unknown {
  return MAY_HOLD_LARGE_INTEGER.test(text) ? JSON.parse(text, revive) : JSON.parse(text);
}

function revive(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(source)
    ? exactInteger(BigInt(source))
    : value;
}

/** JSON on one line that reads the same as YAML, 1.1 or 1.2. */
export function formatExactJson(value: unknown): string {
  return compact(value).replace(
    SPECIAL_IN_YAML,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function compact(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (error instanceof TypeError) return compactWithIntegers(value);
    throw error;
  }
}

/** What `JSON.stringify` refuses is written here: it has no way to write a bigint that every Node knows. */
function compactWithIntegers(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(compactWithIntegers).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${compactWithIntegers(field)}`).join(',')}}`;
}
