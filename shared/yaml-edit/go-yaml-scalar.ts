import { exactInteger } from '#shared/common/exact-json.ts';

/** go-yaml v2 reads what goes to the API server (`sigs.k8s.io/yaml`), v3 what kustomize and Flux read of a repository. */
export type GoYaml = 'v2' | 'v3';

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
/** Go's own spelling of a float, which allows `_` between two digits; go-yaml asks it where a dot comes first. */
const DOT_FLOAT = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;
const INTEGERS: readonly { readonly form: RegExp; readonly prefix: string }[] = [
  { form: /^0[xX]([0-9a-fA-F]+)$/, prefix: '0x' },
  { form: /^0[bB]([01]+)$/, prefix: '0b' },
  { form: /^0[oO]?([0-7]+)$/, prefix: '0o' },
  { form: /^(0|[1-9][0-9]*)$/, prefix: '' },
];
const SIGNED_63 = 2n ** 63n;
const UNSIGNED_64 = 2n ** 64n;

const WORDS: ReadonlyMap<string, null | boolean | number> = new Map<string, null | boolean | number>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
]);
const WORDS_OF_V2: ReadonlyMap<string, boolean> = new Map<string, boolean>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
]);

/** What go-yaml makes of a scalar without quotes and tag. A date is a text, as it is in JSON. */
export function readGoYamlScalar(source: string, reader: GoYaml): null | boolean | number | bigint | string {
  const word = WORDS.get(source) ?? (reader === 'v2' ? WORDS_OF_V2.get(source) : undefined);
  if (word !== undefined) return word;
  if (WORDS.has(source)) return null;
  const first = source.charCodeAt(0);
  if (first === 0x2e) return readDotFloat(source) ?? source;
  const isNumeric = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d;
  return isNumeric ? (readNumber(source.replaceAll('_', ''), reader) ?? source) : source;
}

/** Whether both read a scalar without quotes as the very text that it is, not as a date or a merge either. */
export function isGoYamlText(source: string): boolean {
  return (
    source !== '<<' &&
    readGoYamlScalar(source, 'v2') === source &&
    readGoYamlScalar(source, 'v3') === source &&
    !/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:$|[Tt ])/.test(source)
  );
}

/** Whether a number without quotes is a float to go-yaml: `1e6` is one, `1000000` is none. */
export function isGoYamlFloat(source: string): boolean {
  return source.startsWith('.') || (FLOAT.test(source.replaceAll('_', '')) && !isInteger(source.replaceAll('_', '')));
}

/** `strconv.FormatFloat(value, 'g', -1, 32)`, as `sigs.k8s.io/yaml` writes a key that is a float. */
export function formatGoFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return single < 0 ? '-.inf' : '.inf';
  if (single === 0) return Object.is(single, -0) ? '-0' : '0';
  const [mantissa = '', exponent = '0'] = shortestOf(single).split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(`${mantissa}e${power}`));
  const size = String(Math.abs(power)).padStart(2, '0');
  return `${mantissa}e${power < 0 ? '-' : '+'}${size}`;
}

function shortestOf(single: number): string {
  for (let digits = 0; digits < 9; digits += 1) {
    const text = single.toExponential(digits);
    if (Math.fround(Number(text)) === single) return text;
  }
  return single.toExponential(9);
}

function isInteger(plain: string): boolean {
  return readInteger(plain) !== undefined;
}

function readDotFloat(source: string): number | undefined {
  return DOT_FLOAT.test(source) ? finite(source.replaceAll('_', '')) : undefined;
}

function readNumber(plain: string, reader: GoYaml): number | bigint | undefined {
  const integer = readInteger(plain);
  if (integer !== undefined) return integer;
  const float = FLOAT.test(plain) ? finite(plain) : undefined;
  return float ?? readOddInteger(plain, reader);
}

/** Go reads no number that is too large for it; a negative zero it writes as JSON, which is the integer 0 again. */
function finite(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value + 0 : undefined;
}

/** An integer of 64 bits; without a sign it may be one more bit. */
function readInteger(plain: string): number | bigint | undefined {
  const sign = plain.startsWith('-') || plain.startsWith('+') ? plain.charAt(0) : '';
  const unsigned = plain.slice(sign.length);
  for (const { form, prefix } of INTEGERS) {
    const digits = form.exec(unsigned)?.[1];
    if (digits === undefined) continue;
    // Leading zeros apart, 64 binary digits are the most; a text of a million digits is not worth a bigint.
    if (digits.replace(/^0+/, '').length > 64) return undefined;
    const value = BigInt(prefix + digits);
    if (sign === '-') return value <= SIGNED_63 ? exactInteger(-value) : undefined;
    return value < (sign === '+' ? SIGNED_63 : UNSIGNED_64) ? exactInteger(value) : undefined;
  }
  return undefined;
}

/** go-yaml's own way to read a binary number, and in v3 an octal one, takes a sign behind the prefix. */
function readOddInteger(plain: string, reader: GoYaml): number | bigint | undefined {
  const [, radix, sign, digits] = /^0([bo])([-+])([0-9]+)$/.exec(plain) ?? [];
  if (radix === undefined || sign === undefined || digits === undefined) return undefined;
  return radix === 'b' || reader === 'v3' ? readInteger(`${sign}0${radix}${digits}`) : undefined;
}
