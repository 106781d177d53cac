import { TidegateError } from '#shared/errors/tidegate-error.ts';

import { compareVersions, parseVersion, type Version } from './version.ts';

/** A set of versions, as Flux's fields of type semver range describe it. */
export interface SemverRange {
  /** False for what is no version, too. */
  matches(version: string): boolean;
}

// Flux reads ranges with Masterminds/semver. npm's ranges differ in what they say of prereleases, of a comma and of `!=`.
const MAX_RANGE_LENGTH = 512;
const MAX_ALTERNATIVES = 32;
const IDENTIFIERS = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
// What stands behind a wildcard counts for nothing, whatever of these characters it is.
const PART = String.raw`[0-9xX*|]+`;
const VERSION = String.raw`v?(${PART})(?:\.(${PART}))?(?:\.(${PART}))?(?:-(${IDENTIFIERS}))?(?:\+${IDENTIFIERS})?`;
const HYPHEN = new RegExp(String.raw`^\s*(${VERSION})\s+-\s+(${VERSION})\s*$`, 'u');
const COMPARATOR = new RegExp(String.raw`^(=|!=|>|<|>=|=>|<=|=<|~|~>|\^|)\s*${VERSION}$`, 'u');
const NEXT_COMPARATOR = new RegExp(String.raw`(?:=|!=|>=|=>|<=|=<|~>|>|<|~|\^)?\s*${VERSION}(?=$|[\s,])`, 'uy');

interface Comparator {
  readonly prerelease: boolean;
  allows(version: Version, prereleases: boolean): boolean;
}

interface Interval {
  readonly from?: Version;
  readonly below?: Version;
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
  const parts = range.split('||');
  if (parts.length > MAX_ALTERNATIVES) throw invalidRange(range, `has more than ${MAX_ALTERNATIVES} alternatives`);
  const alternatives = parts.map((part) => parseAlternative(part, range));
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

function parseAlternative(part: string, range: string): readonly Comparator[] {
  const hyphen = HYPHEN.exec(part);
  const texts = hyphen === null ? splitComparators(part, range) : [`>=${hyphen[1] ?? ''}`, `<=${hyphen[6] ?? ''}`];
  return texts.map((text) => parseComparator(text, range));
}

function splitComparators(part: string, range: string): readonly string[] {
  const text = part.trim();
  if (text === '') throw invalidRange(range, 'has an empty part');
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
  const known = [major, minor, patch].map((part) => (part === undefined || /^[xX*]$/u.test(part) ? undefined : part));
  const given = known.findIndex((part) => part === undefined);
  const precision = given < 0 ? 3 : given;
  const written = known.map((part, index) => (index < precision ? (part ?? '0') : '0'));
  const base = parseVersion(`${written.join('.')}${prerelease === undefined ? '' : `-${prerelease}`}`);
  if (base === undefined) throw invalidRange(range, `holds "${text}", which is no version`);
  const { numbers } = base;
  const exact = precision === 3;
  const wanted = prerelease !== undefined;

  /** A prerelease is taken in only where the alternative names one. */
  function isScreened(version: Version, prereleases: boolean): boolean {
    return version.prerelease !== '' && !wanted && !prereleases;
  }

  function within(interval: Interval, negate = false): Comparator {
    return {
      prerelease: wanted,
      allows(version, prereleases) {
        if (isScreened(version, prereleases)) return false;
        const inside =
          (interval.from === undefined || compareVersions(version, interval.from) >= 0) &&
          (interval.below === undefined || compareVersions(version, interval.below) < 0);
        return inside !== negate;
      },
    };
  }
  function equalTo(other: Version, negate: boolean): Comparator {
    return {
      prerelease: wanted,
      allows: (version, prereleases) =>
        !isScreened(version, prereleases) && (compareVersions(version, other) === 0) !== negate,
    };
  }

  /** `!=1.2`: another prerelease of the same two numbers is unlike it, too, where prereleases count. */
  function unlike(other: Version): Comparator {
    return {
      prerelease: wanted,
      allows(version, prereleases) {
        if (isScreened(version, prereleases)) return false;
        const isSame = version.numbers[0] === other.numbers[0] && version.numbers[1] === other.numbers[1];
        return !isSame || version.prerelease !== other.prerelease;
      },
    };
  }

  function next(place: number): Version | undefined {
    return place < 0 ? undefined : bumped(numbers, place);
  }
  /** First version past everything that the written parts cover. */
  const past = precision === 3 ? undefined : next(precision - 1);

  switch (operator) {
    case '':
    case '=':
    case '!=': {
      const negate = operator === '!=';
      // `!=*` leaves out 0.0.0 and nothing else, as Masterminds has it.
      if (exact || (negate && precision === 0)) return equalTo(base, negate);
      if (negate && precision === 2) return unlike(base);
      return within({ from: base, ...(past === undefined ? {} : { below: past }) }, negate);
    }
    case '>':
      if (past !== undefined) return within({ from: past });
      return {
        ...within({}),
        allows: (version, pre) => within({}).allows(version, pre) && compareVersions(version, base) > 0,
      };
    case '<':
      return within({ below: base });
    case '>=':
    case '=>':
      return within({ from: base });
    case '<=':
    case '=<':
      // `<=*` reaches as far as 0.0.
      if (!exact) return within({ below: past ?? bumped([0n, 0n, 0n], 1) });
      return {
        ...within({}),
        allows: (version, pre) => within({}).allows(version, pre) && compareVersions(version, base) <= 0,
      };
    case '~':
    case '~>':
      // Masterminds reads `~0.0.0` as every version.
      return within(upTo(base, exact && numbers.every((part) => part === 0n) ? -1 : Math.min(precision - 1, 1), next));
    case '^': {
      const firstSet = numbers.findIndex((part) => part !== 0n);
      return within(upTo(base, precision === 0 ? 2 : Math.min(firstSet < 0 ? 2 : firstSet, precision - 1), next));
    }
    default:
      throw invalidRange(range, `has the operator "${operator}"`);
  }
}

function upTo(from: Version, place: number, next: (place: number) => Version | undefined): Interval {
  const below = next(place);
  return below === undefined ? { from } : { from, below };
}

/** The lowest prerelease of the version that follows at one place, so that `^1` leaves `2.0.0-rc.1` out. */
function bumped([major, minor, patch]: Version['numbers'], place: number): Version {
  const raised = [
    [major + 1n, 0n, 0n],
    [major, minor + 1n, 0n],
    [major, minor, patch + 1n],
  ] as const;
  return { numbers: raised[place] ?? raised[2], prerelease: '0' };
}

function invalidRange(range: string, fault: string): TidegateError {
  return new TidegateError(
    'InvalidSemverRange',
    `semver range "${range}" ${fault}; allowed are comparisons like ">=1.0.0 <2.0.0", "~1.2", "^1.2.3", "1.x", "1.0.0 - 2.0.0", joined by spaces, commas or "||"`,
    { disposition: 'stall', subject: range },
  );
}
