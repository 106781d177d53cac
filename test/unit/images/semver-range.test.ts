import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { dispositionOf } from '#shared/common/tidegate-error.ts';
import { parseSemverRange } from '#shared/images/semver-range.ts';
import { compareVersions, parseVersion } from '#shared/images/version.ts';
import { sampleSize } from '#test/sample-size.ts';

// range, versions inside, versions outside: what the documentation of Masterminds/semver says of each form.
const TABLE: readonly (readonly [range: string, inside: string, outside: string])[] = [
  ['*', '0.0.0 1.2.3 v9.9.9', '1.0.0-rc.1'],
  ['>=0.0.0-0', '1.0.0-rc.1 1.0.0', ''],
  ['1.2.3', '1.2.3 v1.2.3 1.2.3+build.5', '1.2.4 1.2.3-rc.1'],
  ['v1.2.3', '1.2.3', '1.2.4'],
  ['=1.2', '1.2.0 1.2.9', '1.3.0 1.1.9'],
  ['1.x', '1.0.0 1.99.0', '2.0.0 0.9.0 1.1.0-beta'],
  ['1.2.X', '1.2.0 1.2.7', '1.3.0'],
  ['1.2.*', '1.2.0', '1.3.0'],
  ['!=1.2.3', '1.2.4', '1.2.3 1.2.4-beta'],
  ['!=1.2.x', '1.3.0 2.0.0', '1.2.0 1.2.9 1.4.0-rc.1'],
  ['!=1', '2.0.0 0.1.0', '1.0.0 1.9.9'],
  ['>1.2.3', '1.2.4 2.0.0', '1.2.3 1.2.2'],
  ['>11', '12.0.0', '11.1.0 11.0.0 10.0.0'],
  ['>11.1', '11.2.1 12.0.0', '11.1.0 11.1.1'],
  ['<1.1', '1.0.9 0.1.0', '1.1.0 1.1.1'],
  ['<=11', '11.2.3 10.0.0', '12.0.0'],
  ['<=11.1', '11.1.9', '11.2.0'],
  ['=>2.0.0', '2.0.0 2.0.1', '1.9.9'],
  ['=<2.0.0', '2.0.0 1.9.9', '2.0.1'],
  ['~1.2.3', '1.2.3 1.2.9', '1.3.0 1.2.2'],
  ['~1', '1.0.0 1.9.0', '2.0.0'],
  ['~>2.3', '2.3.0 2.3.9', '2.4.0'],
  ['~1.x', '1.5.0', '2.0.0'],
  ['~0.0.0', '0.0.0 5.1.2', ''],
  ['^1.2.3', '1.2.3 1.9.0', '2.0.0 1.2.2'],
  ['^1.2.x', '1.2.0 1.9.0', '2.0.0'],
  ['^0.2.3', '0.2.3 0.2.9', '0.3.0'],
  ['^0.2', '0.2.0 0.2.7', '0.3.0'],
  ['^0.0.3', '0.0.3', '0.0.4 0.1.0'],
  ['^0.0', '0.0.0 0.0.9', '0.1.0'],
  ['^0', '0.0.1 0.9.0', '1.0.0'],
  ['1.2 - 1.4.5', '1.2.0 1.4.5', '1.4.6 1.1.9'],
  ['2.0.0 - 3', '3.9.0', '4.0.0'],
  ['>=1.0, <2.0', '1.0.0 1.9.9', '2.0.0'],
  ['>=1.0 <2.0', '1.5.0', '2.0.0'],
  ['>= 1.0 , < 2.0', '1.5.0', '2.0.0'],
  ['<1.0.0 || >=2.0.0', '0.9.0 2.0.0', '1.5.0'],
  ['~1.2 || 3.x', '1.2.9 3.0.0', '1.3.0'],
  ['>=1.0.0-0 <2.0.0', '1.5.0-beta.1 1.5.0', '0.9.0'],
  ['^1.0.0-0', '1.1.0-rc.1', '2.0.0-rc.1 2.0.0'],
  ['~1.2.3-beta.2', '1.2.3-beta.4 1.2.9', '1.2.3-beta.1 1.3.0'],
];

describe('a semver range', () => {
  it.each(TABLE)('"%s" takes in %s and leaves out %s', (range, inside, outside) => {
    const set = parseSemverRange(range);

    expect(words(inside).filter((version) => !set.matches(version))).toEqual([]);
    expect(words(outside).filter((version) => set.matches(version))).toEqual([]);
  });

  it.each([
    'foo',
    '>=',
    '1.2.3.4',
    '>=1.0 bar',
    '^^1',
    '1.0 ,, 2.0',
    '=!1.0',
    '1.0 |2',
    'latest',
    '>1,',
    'x'.repeat(600),
    '',
    '1 ||',
  ])('refuses "%s" and says what is allowed', (range) => {
    const failure = failureOf(() => parseSemverRange(range));

    expect(dispositionOf(failure)).toBe('stall');
    expect(String(failure)).toContain('allowed are');
  });

  it.each(['1.2', '1', 'latest', 'V1.2.3', '1.2.3.4', '18446744073709551616.0.0', '', ' 1.2.3', '=1.2.3', 'vv1.2.3'])(
    'never matches "%s", which Flux does not take for a version',
    (version) => {
      expect(parseSemverRange('>=0.0.0-0').matches(version)).toBe(false);
    },
  );

  it('holds exactly the version that it names', () => {
    const part = fc.nat(50);
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (a, b) => {
        expect(parseSemverRange(a.join('.')).matches(b.join('.'))).toBe(a.join('.') === b.join('.'));
        expect(parseSemverRange(`>=${a.join('.')}`).matches(b.join('.'))).toBe(
          (compare(b.join('.'), a.join('.')) ?? -1) >= 0,
        );
      }),
      { seed: 42, numRuns: sampleSize(300, 10_000) },
    );
  });
});

describe('comparing versions', () => {
  it.each([
    ['1.9.0', '1.10.0', -1],
    ['v1.0.0', '1.0.0', 0],
    ['1.0.0-rc.2', '1.0.0-rc.10', -1],
    ['1.0.0-rc.1', '1.0.0', -1],
    ['1.0.0+a', '1.0.0+b', 0],
    ['1.0.0-20240612153045123', '1.0.0-20240612153045124', -1],
    ['0.0.20240612153045123', '0.0.20240612153045122', 1],
    ['0.0.9007199254740993', '0.0.9007199254740992', 1],
  ])('%s to %s is %i', (a, b, sign) => {
    expect(compare(a, b)).toBe(sign);
  });
});

function compare(a: string, b: string): number | undefined {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left === undefined || right === undefined ? undefined : compareVersions(left, right);
}

function words(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '');
}

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
