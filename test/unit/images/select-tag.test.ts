import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import { orderOfPolicy, selectTag } from '#shared/images/select-tag.ts';
import { sampleSize } from '#test/sample-size.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const semver = (range: string): ImagePolicy['policy'] => ({ kind: 'semver', range });
const numerical = (order: 'asc' | 'desc'): ImagePolicy['policy'] => ({ kind: 'numerical', order });
const alphabetical = (order: 'asc' | 'desc'): ImagePolicy['policy'] => ({ kind: 'alphabetical', order });
const BUILD = { pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$', extract: '$ts' };

const TABLE: readonly (readonly [
  ImagePolicy['policy'],
  { pattern: string; extract?: string } | undefined,
  tags: string,
  newest: string | undefined,
])[] = [
  [semver('>=1.0.0'), undefined, '1.9.0 1.10.0 1.2.0', '1.10.0'],
  [semver('>=1.0.0'), undefined, '1.9.0 latest 2.0.0-rc.1 99.0.0-feature', '1.9.0'],
  [semver('>=1.0.0-0'), undefined, '1.9.0 2.0.0-rc.10 2.0.0-rc.9', '2.0.0-rc.10'],
  [semver('1.x'), undefined, 'v1.2.0 1.1.0 2.0.0', 'v1.2.0'],
  [semver('1.x'), undefined, 'v1.2.0 1.2.0', '1.2.0'],
  [semver('1.x'), undefined, '2.0.0', undefined],
  [semver('*'), { pattern: '^(?P<v>.*)-alpine$', extract: '${v}' }, '1.0.0-alpine 2.0.0 1.1.0-alpine', '1.1.0-alpine'],
  [semver('*'), { pattern: '^release-(.*)$', extract: '$1' }, 'release-1.0.0 release-1.10.0', 'release-1.10.0'],
  [semver('*'), { pattern: '^release-(.*)$', extract: '$1x' }, 'release-1.0.0', undefined],
  [semver('*'), { pattern: '^release-(.*)$', extract: '$01' }, 'release-1.0.0', undefined],
  [semver('*'), { pattern: '^r-(?P<v>.*)$', extract: '${v}$v_x' }, 'r-1.0.0 r-1.10.0', 'r-1.10.0'],
  [alphabetical('asc'), { pattern: '^r-(?P<v>.*)$', extract: '$vé' }, 'r-2 r-1', 'r-1'],
  [alphabetical('asc'), { pattern: '^(a)(.*)$', extract: '$2${' }, 'a1 a2', 'a2'],
  [alphabetical('asc'), { pattern: '^(.*)$', extract: '$constructor' }, 'b a', 'a'],
  [alphabetical('asc'), { pattern: '', extract: '$$' }, 'b a', 'a'],
  [numerical('asc'), BUILD, 'main-abc-9 main-def-10 dev-abc-99', 'main-def-10'],
  [numerical('desc'), BUILD, 'main-abc-9 main-def-10', 'main-abc-9'],
  [numerical('asc'), undefined, '9007199254740993 9007199254740992 x', '9007199254740993'],
  [numerical('asc'), undefined, '1.5 1.25 -3', '1.5'],
  [alphabetical('asc'), undefined, 'b a c', 'c'],
  [alphabetical('desc'), undefined, 'b a c', 'a'],
  [alphabetical('asc'), undefined, '2026-09-01 2026-10-01 z.sig', '2026-10-01'],
  [alphabetical('asc'), { pattern: '^2026' }, '2026-09 2025-12 zz', '2026-09'],
];

describe('an image policy', () => {
  it.each(TABLE)('%j with filter %j picks from %s: %s', (policy, filterTags, tags, newest) => {
    const order = orderOfPolicy({ policy, ...(filterTags === undefined ? {} : { filterTags }) }, ['^.*\\.sig$']);

    const picked = selectTag(
      order,
      tags.split(' ').map((tag) => ({ tag, digest: DIGEST })),
    );

    expect(picked?.tag).toBe(newest);
  });

  it('picks the same tag whatever order the registry lists them in', () => {
    const tag = fc.oneof(
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => parts.join('.')),
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => `v${parts.join('.')}`),
      fc.constantFrom('latest', '1.0.0-rc.1', '3'),
    );
    fc.assert(
      fc.property(
        fc
          .uniqueArray(tag, { minLength: 1, maxLength: 12 })
          .chain((tags) => fc.tuple(fc.constant(tags), fc.shuffledSubarray(tags, { minLength: tags.length }))),
        fc.constantFrom(semver('>=0.0.0-0'), numerical('asc'), alphabetical('desc')),
        ([tags, shuffled], policy) => {
          const order = orderOfPolicy({ policy }, []);
          const pick = (list: readonly string[]) =>
            selectTag(
              order,
              list.map((name) => ({ tag: name, digest: DIGEST })),
            );

          expect(pick(shuffled)).toEqual(pick(tags));
        },
      ),
      { seed: 42, numRuns: sampleSize(300, 10_000) },
    );
  });

  it('does not hang on a pattern that takes a backtracking engine exponential time', () => {
    const order = orderOfPolicy({ policy: alphabetical('asc'), filterTags: { pattern: '^(a+)+$' } }, []);

    expect(order.allows(`${'a'.repeat(120)}b`)).toBe(false);
  });

  it.each(['(', '(?=x)', '['])('refuses the pattern %s', (pattern) => {
    expect(() => orderOfPolicy({ policy: alphabetical('asc'), filterTags: { pattern } }, [])).toThrow('RE2');
  });
});
