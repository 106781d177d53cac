import { compare as compareSemver, parse as parseSemver, type SemVer } from 'semver';

import { TidegateError } from '#shared/errors/tidegate-error.ts';

/** A set of versions, as Flux's fields of type semver range describe it. */
export interface SemverRange {
  /** False for what is no version, too. */
  matches(version: string): boolean;
}

// Flux reads ranges with Masterminds/semver and versions strictly: three numbers, a `v` in front allowed. npm's ranges
// differ in what they say of prereleases, of a comma and of `!=`, so only the comparison of versions is borrowed from npm.
const MAX_RANGE_LENGTH = 256;
const VERSION = String.raw`v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?`;
const HYPHEN = new RegExp(String.raw`^\s*(${VERSION})\s+-\s+(${VERSION})\s*$`, 'u');
const COMPARATOR = new RegExp(String.raw`^(=|!=|>|<|>=|=>|<=|=<|~|~>|\^|)\s*${VERSION}$`, 'u');
const NEXT_COMPARATOR = new RegExp(String.raw`(?:=|!=|>=|=>|<=|=<|~>|>|<|~|\^)?\s*${VERSION}(?=$|[\s,])`, 'uy');

interface Comparator {
  readonly prerelease: boolean;
  allows(version: SemVer, prereleases: boolean): boolean;
}

interface Interval {
  readonly from?: SemVer;
  readonly below?: SemVer;
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
  const alternatives = range.split('||').map((part) => parseAlternative(part, range));
  return {
    matches(text) {
      const version = parseVersion(text);
      if (version === undefined) return false;
      return alternatives.some((comparators) => {
        // One prerelease among the parts of an alternative opens all of them to prereleases.
        const prereleases = comparators.some((comparator) => comparator.prerelease);
        return comparators.every((comparator) => comparator.allows(version, prereleases));
      });
    },
  };
}

/** Reads a version as Flux does: exactly three numbers, `v` in front allowed. */
export function parseVersion(text: string): SemVer | undefined {
  return /^v?\d/u.test(text) ? (parseSemver(text.replace(/^v/u, '')) ?? undefined) : undefined;
}

/** Orders two versions by precedence; what is no version comes before everything that is one. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left === undefined || right === undefined) {
    return Number(left !== undefined) - Number(right !== undefined);
  }
  return compareSemver(left, right);
}

function parseAlternative(part: string, range: string): readonly Comparator[] {
  const hyphen = HYPHEN.exec(part);
  const texts = hyphen === null ? splitComparators(part, range) : [`>=${hyphen[1] ?? ''}`, `<=${hyphen[6] ?? ''}`];
  return texts.map((text) => parseComparator(text, range));
}

function splitComparators(part: string, range: string): readonly string[] {
  const text = part.trim();
  if (text === '') return ['*'];
  const found: string[] = [];
  let position = 0;
  while (position < text.length) {
    NEXT_COMPARATOR.lastIndex = position;
    const match = NEXT_COMPARATOR.exec(text);
    if (match === null) throw invalidRange(range, `has a part that is no comparison: "${text.slice(position)}"`);
    found.push(match[0]);
    position += match[0].length;
    const separator = /^(?:\s*,\s*|\s+)(?=.)/u.exec(text.slice(position));
    if (separator === null && position < text.length) {
      throw invalidRange(range, `ends with "${text.slice(position)}"`);
    }
    position += separator?.[0].length ?? 0;
  }
  return found;
}

function parseComparator(text: string, range: string): Comparator {
  const match = COMPARATOR.exec(text.trim());
  if (match === null) throw invalidRange(range, `has a part that is no comparison: "${text}"`);
  const [, operator = '', major, minor, patch, prerelease] = match;
  const known = [major, minor, patch].map((part) => (part === undefined || /[xX*]/u.test(part) ? undefined : part));
  const given = known.findIndex((part) => part === undefined);
  const precision = given < 0 ? 3 : given;
  const numbers = known.map((part, index) => (index < precision ? Number(part) : 0));
  const base = versionOf(numbers, prerelease, range);
  const exact = precision === 3;
  const wanted = prerelease !== undefined;

  function within(interval: Interval, negate = false): Comparator {
    return {
      prerelease: wanted,
      allows(version, prereleases) {
        // `!=1.2.3` alone lets prereleases through, as Masterminds has it.
        const screened = !(negate && exact);
        if (screened && version.prerelease.length > 0 && !wanted && !prereleases) return false;
        const inside =
          (interval.from === undefined || version.compare(interval.from) >= 0) &&
          (interval.below === undefined || version.compare(interval.below) < 0);
        return inside !== negate;
      },
    };
  }
  function next(place: number): SemVer | undefined {
    return place < 0 ? undefined : bumped(numbers, place, range);
  }
  /** First version past everything that the written parts cover. */
  const past = precision === 3 ? undefined : next(precision - 1);

  switch (operator) {
    case '':
    case '=':
    case '!=': {
      const negate = operator === '!=';
      if (!exact) return within({ from: base, ...(past === undefined ? {} : { below: past }) }, negate);
      return {
        prerelease: wanted,
        allows: (version, prereleases) =>
          (negate || version.prerelease.length === 0 || wanted || prereleases) &&
          (version.compare(base) === 0) !== negate,
      };
    }
    case '>':
      if (past !== undefined) return within({ from: past });
      return { ...within({}), allows: (version, pre) => within({}).allows(version, pre) && version.compare(base) > 0 };
    case '<':
      return within({ below: base });
    case '>=':
    case '=>':
      return within({ from: base });
    case '<=':
    case '=<':
      if (!exact) return within(past === undefined ? {} : { below: past });
      return { ...within({}), allows: (version, pre) => within({}).allows(version, pre) && version.compare(base) <= 0 };
    case '~':
    case '~>':
      // Masterminds reads `~0.0.0` as every version.
      return within(upTo(base, exact && numbers.every((part) => part === 0) ? -1 : Math.min(precision - 1, 1), next));
    case '^': {
      const firstSet = numbers.findIndex((part) => part !== 0);
      return within(upTo(base, Math.min(firstSet < 0 ? 2 : firstSet, precision - 1), next));
    }
    default:
      throw invalidRange(range, `has the operator "${operator}"`);
  }
}

function upTo(from: SemVer, place: number, next: (place: number) => SemVer | undefined): Interval {
  const below = next(place);
  return below === undefined ? { from } : { from, below };
}

/** The lowest prerelease of the version that follows at one place, so that `^1` leaves `2.0.0-rc.1` out. */
function bumped(numbers: readonly number[], place: number, range: string): SemVer {
  const raised = numbers.map((part, index) => (index < place ? part : index === place ? part + 1 : 0));
  return versionOf(raised, '0', range);
}

function versionOf(numbers: readonly number[], prerelease: string | undefined, range: string): SemVer {
  const text = numbers.join('.') + (prerelease === undefined ? '' : `-${prerelease}`);
  const version = parseSemver(text);
  if (version === null) throw invalidRange(range, `holds "${text}", which is no version`);
  return version;
}

function invalidRange(range: string, fault: string): TidegateError {
  return new TidegateError(
    'InvalidSemverRange',
    `semver range "${range}" ${fault}; allowed are comparisons like ">=1.0.0 <2.0.0", "~1.2", "^1.2.3", "1.x", "1.0.0 - 2.0.0", joined by spaces, commas or "||"`,
    { disposition: 'stall', subject: range },
  );
}
