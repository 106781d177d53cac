import { TidegateError } from '#shared/common/tidegate-error.ts';

import { compareVersions, parseVersion, type Version } from './version.ts';

/** A set of versions, as Flux's fields of type semver range describe it. */
export interface SemverRange {
  /** False for what is no version, too. */
  matches(version: string): boolean;
}

// Flux reads ranges with Masterminds/semver: npm's differ in what they say of prereleases, of a comma and of `!=`. Whoever
// changes anything here has `test/parity/semver.test.ts` to ask.
const MAX_RANGE_LENGTH = 512;
const MAX_ALTERNATIVES = 32;
const IDENTIFIERS = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
// What stands behind a wildcard counts for nothing, whatever of these characters it is.
const PART = String.raw`[0-9xX*|]+`;
const VERSION = String.raw`v?(${PART})(?:\.(${PART}))?(?:\.(${PART}))?(?:-(${IDENTIFIERS}))?(?:\+${IDENTIFIERS})?`;
const OPERATOR = String.raw`!=|>=|=>|<=|=<|~>|=|>|<|~|\^|`;
// Go's `\s`, which is narrower than ours.
const SPACE = String.raw`[\t\n\f\r ]`;
const HYPHEN = new RegExp(String.raw`${SPACE}*(${VERSION})${SPACE}+-${SPACE}+(${VERSION})${SPACE}*`, 'gu');
const COMPARISON = new RegExp(String.raw`(${OPERATOR})${SPACE}*(${VERSION})`, 'uy');
const SEPARATOR = new RegExp(String.raw`${SPACE}+,?${SPACE}*|,${SPACE}*`, 'uy');
const SPACES_AROUND = new RegExp(String.raw`^${SPACE}+|${SPACE}+$`, 'gu');

/** One comparison: `>=1.2`. */
interface Comparison {
  readonly operator: string;
  /** What is not written is 0. */
  readonly bound: Version;
  /** How many of the three numbers are written. */
  readonly precision: number;
}

/**
 * Parses a range in the syntax of Masterminds/semver.
 *
 * @example parseSemverRange('>=1.0.0 <2.0.0 || ~3.1').matches('v3.1.4')
 * @throws TidegateError `InvalidSemverRange` (stall).
 */
export function parseSemverRange(range: string): SemverRange {
  if (range.length > MAX_RANGE_LENGTH) {
    throw invalidRange(`${range.slice(0, 40)}…`, `is longer than ${MAX_RANGE_LENGTH} characters`);
  }
  const parts = withoutHyphens(range).split('||');
  if (parts.length > MAX_ALTERNATIVES) throw invalidRange(range, `has more than ${MAX_ALTERNATIVES} alternatives`);
  const alternatives = parts.map((part) => {
    const comparisons = parseAlternative(part, range);
    // One prerelease among the parts of an alternative opens all of them to prereleases.
    return { comparisons, prereleases: comparisons.some(({ bound }) => bound.prerelease !== '') };
  });
  return {
    matches(text) {
      const version = parseVersion(text);
      if (version === undefined) return false;
      return alternatives.some(
        ({ comparisons, prereleases }) =>
          (version.prerelease === '' || prereleases) && comparisons.every((comparison) => holds(comparison, version)),
      );
    },
  };
}

/** Masterminds rewrites `1 - 2` before it looks at anything else: also beside other comparisons, and across `1||2 - 3`. */
function withoutHyphens(range: string): string {
  let text = range;
  for (const [whole, from = '', , , , , to = ''] of range.matchAll(HYPHEN)) {
    text = text.replace(whole, () => `>= ${from}, <= ${to} `);
  }
  return text;
}

function parseAlternative(part: string, range: string): readonly Comparison[] {
  const text = part.replaceAll(SPACES_AROUND, '');
  if (text === '') throw invalidRange(range, 'has an empty part');
  const found: Comparison[] = [];
  for (let position = 0; position < text.length;) {
    COMPARISON.lastIndex = position;
    const match = COMPARISON.exec(text);
    if (match === null) throw invalidRange(range, `has a part that is no comparison: "${text.slice(position)}"`);
    found.push(comparisonOf(match, range));
    position += match[0].length;
    if (position === text.length) break;
    SEPARATOR.lastIndex = position;
    const separator = SEPARATOR.exec(text)?.[0];
    if (separator === undefined || position + separator.length === text.length) {
      throw invalidRange(range, `ends with "${text.slice(position)}"`);
    }
    position += separator.length;
  }
  return found;
}

function comparisonOf(match: RegExpExecArray, range: string): Comparison {
  const [whole, operator = '', written = '', major, minor, patch, prerelease] = match;
  const numbers = [major, minor, patch];
  const wildcard = numbers.findIndex((part) => part === undefined || /^[xX*]$/u.test(part));
  const precision = wildcard < 0 ? 3 : wildcard;
  const filled = numbers.map((part, index) => (index < precision ? part : '0')).join('.');
  const bound = parseVersion(
    precision === 3 ? written : `${filled}${prerelease === undefined ? '' : `-${prerelease}`}`,
  );
  if (bound === undefined) throw invalidRange(range, `holds "${whole}", which is no version`);
  return { operator, bound, precision };
}

/** Whether a version is what one comparison asks for. Where Masterminds' answer is odd, it is the answer all the same. */
function holds({ operator, bound, precision }: Comparison, version: Version): boolean {
  const difference = compareVersions(version, bound);
  const [major, minor] = differences(version, bound);
  switch (operator) {
    case '':
    case '=':
      return precision === 3 ? difference === 0 : isWithinTilde(version, bound, precision);
    case '!=':
      if (precision === 1) return major !== 0n;
      // Another prerelease of the same two numbers is unlike `1.2`, too.
      if (precision === 2) return major !== 0n || minor !== 0n || version.prerelease !== bound.prerelease;
      // `!=*` leaves out 0.0.0 and nothing else.
      return difference !== 0;
    case '>':
      if (precision === 1) return major > 0n;
      if (precision === 2) return major > 0n || (major === 0n && minor > 0n);
      return difference > 0;
    case '<':
      return difference < 0;
    case '>=':
    case '=>':
      return difference >= 0;
    case '<=':
    case '=<':
      if (precision === 3) return difference <= 0;
      // `<=*` reaches as far as 0.0.
      return major < 0n || (major === 0n && (minor <= 0n || precision === 1));
    case '~':
    case '~>':
      return isWithinTilde(version, bound, precision);
    default:
      return isWithinCaret(version, bound, precision);
  }
}

/** `~1.2.3` and `~1.2` stay within 1.2, `~1` within 1; `~0.0.0` and `~*` are every version from there on. */
function isWithinTilde(version: Version, bound: Version, precision: number): boolean {
  if (compareVersions(version, bound) < 0) return false;
  const isZero = bound.numbers.every((number) => number === 0n);
  if (isZero && (precision === 0 || precision === 3)) return true;
  const [major, minor] = differences(version, bound);
  return major === 0n && (minor === 0n || precision === 1);
}

/** `^1.2.3` stays within 1, `^0.2.3` within 0.2, `^0.0.3` at 0.0.3; `^*` is 0.0.0 alone. */
function isWithinCaret(version: Version, bound: Version, precision: number): boolean {
  if (compareVersions(version, bound) < 0) return false;
  const [major, minor, patch] = differences(version, bound);
  if (major !== 0n) return false;
  if (bound.numbers[0] > 0n || precision === 1) return true;
  if (minor !== 0n) return false;
  return bound.numbers[1] > 0n || precision === 2 || patch === 0n;
}

function differences(version: Version, bound: Version): readonly [major: bigint, minor: bigint, patch: bigint] {
  const [major, minor, patch] = version.numbers;
  return [major - bound.numbers[0], minor - bound.numbers[1], patch - bound.numbers[2]];
}

function invalidRange(range: string, fault: string): TidegateError {
  return new TidegateError(
    'InvalidSemverRange',
    `semver range "${range}" ${fault}; allowed are comparisons like ">=1.0.0 <2.0.0", "~1.2", "^1.2.3", "1.x", "1.0.0 - 2.0.0", joined by spaces, commas or "||"`,
    { disposition: 'stall', subject: range },
  );
}
