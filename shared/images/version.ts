/** A version whose numbers are exact: dates and build numbers outgrow what a double holds. */
export interface Version {
  readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint];
  /** Without the hyphen; empty for a release. */
  readonly prerelease: string;
}

const NUMBER = String.raw`(\d+)`;
const IDENTIFIER = String.raw`(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const VERSION = new RegExp(
  String.raw`^v?${NUMBER}(?:\.${NUMBER})?(?:\.${NUMBER})?(?:-(${IDENTIFIER}(?:\.${IDENTIFIER})*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`,
  'u',
);
const MAX_LENGTH = 256;
/** Masterminds keeps numbers in 64 bits and refuses what is larger. */
const LARGEST = 2n ** 64n - 1n;

/**
 * Reads a version as Flux does, with Masterminds/semver: three parts between dots; a `v` in front and leading zeros are allowed.
 *
 * @returns undefined for what is no version.
 */
export function parseVersion(text: string): Version | undefined {
  if (text.length > MAX_LENGTH || text.split('.', 3).length < 3) return undefined;
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', prerelease = ''] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return numbers.every((number) => number <= LARGEST) ? { numbers, prerelease } : undefined;
}

/** Orders versions by precedence: negative when the first is the older one. */
export function compareVersions(one: Version, other: Version): number {
  for (const [index, number] of one.numbers.entries()) {
    const against = other.numbers[index] ?? 0n;
    if (number !== against) return number < against ? -1 : 1;
  }
  return comparePrereleases(one.prerelease, other.prerelease);
}

function comparePrereleases(one: string, other: string): number {
  if (one === '' || other === '') return Number(one === '') - Number(other === '');
  const [left, right] = [one.split('.'), other.split('.')];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = compareIdentifiers(left[index], right[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A number comes before a word, and the shorter list before the longer one; a number beyond 64 bits is a word to Masterminds. */
function compareIdentifiers(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
  const [left, right] = [numberOf(one), numberOf(other)];
  if (left !== undefined && right !== undefined) return left < right ? -1 : 1;
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1;
  return one < other ? -1 : 1;
}

function numberOf(identifier: string): bigint | undefined {
  if (!/^\d+$/u.test(identifier)) return undefined;
  const number = BigInt(identifier);
  return number <= LARGEST ? number : undefined;
}
