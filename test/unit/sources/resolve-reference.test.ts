import { describe, expect, it } from 'vitest';

import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import type { GitRef } from '#shared/ports/git-remote.ts';
import { followsRef, resolveReference } from '#shared/sources/resolve-reference.ts';

function oid(digit: string): string {
  return digit.repeat(40);
}

const REFS: readonly GitRef[] = [
  { name: 'HEAD', oid: oid('1') },
  { name: 'refs/heads/main', oid: oid('1') },
  { name: 'refs/heads/master', oid: oid('2') },
  { name: 'refs/heads/v1.2.0', oid: oid('3') },
  { name: 'refs/pull/7/head', oid: oid('4') },
  { name: 'refs/tags/v1.2.0', oid: oid('5'), peeled: oid('6') },
  { name: 'refs/tags/v1.10.0', oid: oid('7') },
  { name: 'refs/tags/1.11.0-rc.1', oid: oid('8') },
  { name: 'refs/tags/v2.0.0', oid: oid('9') },
  { name: 'refs/tags/v3', oid: oid('a') },
  { name: 'refs/tags/latest', oid: oid('b') },
];

type Reference = GitRepository['ref'];

describe('resolving a reference', () => {
  it.each<[Reference, string | undefined, string]>([
    [{ branch: 'main' }, 'refs/heads/main', `main@sha1:${oid('1')}`],
    [{}, 'refs/heads/master', `master@sha1:${oid('2')}`],
    [{ branch: 'v1.2.0' }, 'refs/heads/v1.2.0', `v1.2.0@sha1:${oid('3')}`],
    [{ tag: 'v1.2.0' }, 'refs/tags/v1.2.0', `v1.2.0@sha1:${oid('6')}`],
    [{ tag: 'latest' }, 'refs/tags/latest', `latest@sha1:${oid('b')}`],
    [{ name: 'refs/pull/7/head' }, 'refs/pull/7/head', `refs/pull/7/head@sha1:${oid('4')}`],
    [{ semver: '1.x' }, 'refs/tags/v1.10.0', `v1.10.0@sha1:${oid('7')}`],
    [{ semver: '~1.2' }, 'refs/tags/v1.2.0', `v1.2.0@sha1:${oid('6')}`],
    [{ semver: '>=1.0.0-0 <2.0.0' }, 'refs/tags/1.11.0-rc.1', `1.11.0-rc.1@sha1:${oid('8')}`],
    [{ semver: '*' }, 'refs/tags/v2.0.0', `v2.0.0@sha1:${oid('9')}`],
    [{ commit: oid('6') }, 'refs/tags/v1.2.0', `sha1:${oid('6')}`],
    [{ commit: oid('c') }, undefined, `sha1:${oid('c')}`],
    [{ commit: oid('1'), branch: 'main' }, 'refs/heads/main', `main@sha1:${oid('1')}`],
    [
      { name: 'refs/heads/main', commit: oid('c'), semver: '*', tag: 'x', branch: 'y' },
      'refs/heads/main',
      `refs/heads/main@sha1:${oid('1')}`,
    ],
    [{ commit: oid('c'), semver: '*', tag: 'x' }, undefined, `sha1:${oid('c')}`],
    [{ semver: '2.x', tag: 'x', branch: 'y' }, 'refs/tags/v2.0.0', `v2.0.0@sha1:${oid('9')}`],
    [{ tag: 'latest', branch: 'y' }, 'refs/tags/latest', `latest@sha1:${oid('b')}`],
  ])('%j leads by %s to %s', (reference, refName, revision) => {
    const resolved = resolveReference(reference, REFS);
    expect(resolved.refName).toBe(refName);
    expect(resolved.revision).toBe(revision);
    expect(revision).toContain(resolved.oid);
  });

  /** No number of these is exact in a double, and some are the same there as the one before them. */
  it.each<[range: string, tags: string, newest: string]>([
    ['>=1.0.0-0', '1.0.0-20240612153045124 1.0.0-20240612153045123', '1.0.0-20240612153045124'],
    ['>=1.0.0-0', '1.0.0-20240612153045123 1.0.0-20240612153045124', '1.0.0-20240612153045124'],
    ['*', '0.0.20240612153045123 0.0.20240612153045122 0.0.9', '0.0.20240612153045123'],
    ['<0.0.20240612153045123', '0.0.20240612153045123 0.0.20240612153045122', '0.0.20240612153045122'],
    ['9007199254740993.x', 'v9007199254740992.0.0 v9007199254740993.0.0', 'v9007199254740993.0.0'],
    ['*', '18446744073709551616.0.0 18446744073709551615.0.0', '18446744073709551615.0.0'],
  ])('semver %s chooses of %s exactly %s', (semver, tags, newest) => {
    const refs = tags.split(' ').map((tag, index) => ({ name: `refs/tags/${tag}`, oid: oid(String(index + 1)) }));

    expect(resolveReference({ semver }, refs).refName).toBe(`refs/tags/${newest}`);
  });

  it.each<[Reference, RegExp]>([
    [
      { branch: 'mian' },
      /^branch "mian" is not in the repository; it has 3 branches and 6 tags; the nearest is "main"$/,
    ],
    [{ branch: 'production' }, /^branch "production" is not in the repository; it has 3 branches and 6 tags$/],
    [{ tag: 'v1.2.1' }, /^tag "v1\.2\.1" is not in .*; the nearest is "v1\.2\.0"$/],
    [{ tag: 'main' }, /^tag "main" is not/],
    [{ name: 'main' }, /^name "main" is not/],
    [{ semver: '4.x' }, /^semver "4\.x" matches no tag; the repository has 6 tags, 4 of them versions$/],
    [{ semver: 'not a range' }, /not a range/],
    [{ commit: 'abc1234' }, /^commit "abc1234" is no full commit id; write all 40/],
  ])('%j is not found, and the message says what there is', (reference, reason) => {
    const attempt = (): unknown => resolveReference(reference, REFS);
    expect(attempt).toThrow(expect.objectContaining({ disposition: 'stall' }));
    expect(attempt).toThrow(reason);
  });

  it('of an empty repository says that it is empty of refs', () => {
    expect(() => resolveReference({ branch: 'main' }, [])).toThrow(/has 0 branches and 0 tags$/);
  });
});

describe('a push', () => {
  it.each<[Reference, string, boolean]>([
    [{ branch: 'main' }, 'refs/heads/main', true],
    [{ branch: 'main' }, 'refs/heads/main2', false],
    [{ branch: 'main' }, 'refs/tags/main', false],
    [{}, 'refs/heads/master', true],
    [{ tag: 'v1' }, 'refs/tags/v1', true],
    [{ tag: 'v1', branch: 'main' }, 'refs/heads/main', false],
    [{ semver: '1.x' }, 'refs/tags/v9.0.0', true],
    [{ semver: '1.x', branch: 'main' }, 'refs/heads/main', false],
    [{ name: 'refs/pull/7/head' }, 'refs/pull/7/head', true],
    [{ name: 'refs/pull/7/head' }, 'refs/pull/8/head', false],
    [{ commit: oid('1') }, 'refs/heads/any', true],
    [{ commit: oid('1'), branch: 'main' }, 'refs/heads/any', false],
  ])('to a source of %j of %s concerns it: %s', (reference, refName, expected) => {
    expect(followsRef(reference, refName)).toBe(expected);
  });
});
