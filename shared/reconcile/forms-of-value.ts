import { formatExactJson } from '#shared/common/exact-json.ts';
import { readGoYamlScalar } from '#shared/yaml-edit/go-yaml-scalar.ts';

/** What a switch is set to is a guess of two, and the words stand in every second sentence: they are left as they are. */
const SWITCHES = /^(?:true|false|yes|no|on|off|y|n|null|~)$/i;
/** A number of two digits stands in every second sentence, too: only as it is written is it taken out. */
const LEAST_DERIVED = 3;
/** Longer texts are no numbers that anyone means. */
const MAX_NUMBER = 100;
const QUANTITY = /^([-+]?)([0-9]+)?(?:\.([0-9]*))?(?:[eE]([-+]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/;
const THOUSANDS = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/**
 * The texts in which a value may come back from a server: as it is, as a variable (without line breaks), as quoted, as the
 * number that YAML reads in it, in the ways in which Go prints that, as a quantity, and in base64 or out of it.
 */
export function formsOf(value: string): readonly string[] {
  const written = [value, value.trim(), value.replaceAll('\n', '')];
  const derived = written
    .flatMap((form) => [...numberForms(form), ...quantityForms(form), ...base64Forms(form)])
    .filter((form) => form.length >= LEAST_DERIVED);
  const forms = new Set([...written.flatMap(quotedForms), ...derived]);
  return [...forms].filter((form) => form !== '' && !SWITCHES.test(form));
}

/** As JSON has it, as Go's JSON, which escapes what HTML reads, and as Go's `%q`. */
function quotedForms(text: string): readonly string[] {
  const quoted = JSON.stringify(text).slice(1, -1);
  const forHtml = quoted.replace(/[<>&\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  const byGo = quoted
    .replaceAll('\\u0007', '\\a')
    .replaceAll('\\u000b', '\\v')
    .replaceAll('\u007f', '\\x7f')
    .replaceAll('\\u00', '\\x');
  return [text, quoted, forHtml, byGo];
}

/** `0123456` is 42798 to YAML, `1.10` is 1.1, and Go prints 1000000 as 1e+06 where it takes it for a float. */
function numberForms(text: string): readonly string[] {
  if (text.length > MAX_NUMBER) return [];
  return (['v2', 'v3'] as const).flatMap((reader) => {
    const value = readGoYamlScalar(text, reader);
    if (typeof value === 'bigint') return [String(value), ...floatForms(Number(value))];
    if (typeof value !== 'number' || !Number.isFinite(value)) return [];
    return [formatExactJson(value), ...floatForms(value)];
  });
}

function floatForms(value: number): readonly string[] {
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const power = `${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
  return [`${mantissa}e${power}`, formatExactJson(value), ...(Number.isInteger(value) ? [String(BigInt(value))] : [])];
}

/** `1000m` comes back as 1, `1024Mi` as 1Gi, `0123456` without its zero. */
function quantityForms(text: string): readonly string[] {
  const [, sign = '', whole = '', fraction = '', exponent = '0', suffix = ''] =
    text.length > MAX_NUMBER ? [] : (QUANTITY.exec(text) ?? []);
  const digits = `${whole}${fraction}`;
  if (digits === '') return [];
  const binary = 1024n ** BigInt(BINARY.indexOf(suffix) + 1);
  const power = suffix === '' || binary > 1n ? Number(exponent) : (THOUSANDS.indexOf(suffix) - 3) * 3;
  // In billionths, which is what a quantity holds at most.
  const scale = power - fraction.length + 9;
  const amount = BigInt(digits) * binary;
  const nanos = scale >= 0 ? amount * 10n ** BigInt(scale) : amount / 10n ** BigInt(-scale);
  if (nanos === 0n) return [];
  const decimal = THOUSANDS.flatMap((name, index) => {
    const unit = 1000n ** BigInt(index);
    return nanos % unit === 0n ? [`${sign}${nanos / unit}${name}`, `${sign}${nanos / unit}e${(index - 3) * 3}`] : [];
  });
  const binaries = BINARY.flatMap((name, index) => {
    const unit = 1024n ** BigInt(index + 1) * 10n ** 9n;
    return nanos % unit === 0n ? [`${sign}${nanos / unit}${name}`] : [];
  });
  return [...decimal, ...binaries].map((form) => form.replace('+', '').replace(/e0$/, ''));
}

/** Of what is in base64, only a text of some length is looked for: almost every short word can be read as base64. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8');
  const decoded = /^[A-Za-z0-9+/]{10,}={0,2}$/.test(text) ? decodeText(text) : undefined;
  return [...(bytes.length >= 3 ? [bytes.toString('base64')] : []), ...(decoded === undefined ? [] : [decoded])];
}

function decodeText(text: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}
