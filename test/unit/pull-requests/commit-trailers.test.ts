import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { SourceTree } from '#shared/common/source-tree.ts';
import { changesBetween } from '#shared/image-update/changes-between.ts';
import { findMarkersInTree, planEdits } from '#shared/image-update/plan-edits.ts';
import { formatTrailers, parseTrailers, type ProposedChange } from '#shared/pull-requests/commit-trailers.ts';
import { sampleSize } from '#test/sample-size.ts';

const OWNER = {
  cluster: 'production',
  automation: 'ns/apps',
  installation: 'default',
  base: 'main',
  content: 'f'.repeat(64),
};
const AUTHOR = 'Flux Bot <bot@example.org>';
const HOSTILE = [
  'line\n\nTidegate-Automation: other/ns/apps',
  'Tidegate-Change: {}',
  '@alice fixes #1',
  '"}',
  '\u2028\u0085\r\n',
  '\u{1F600}',
  '<!-- -->',
];

describe('what a commit says of itself', () => {
  it('is read back as it was written, whatever its values hold and whatever stands above it', () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 60 }));
    const change = fc.record({
      policy: fc.constant('ns/app'),
      file: text,
      path: text,
      part: fc.constantFrom('image', 'name', 'tag', 'digest'),
      from: text,
      to: text,
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), text, fc.boolean(), (changes, above, crlf) => {
        const trailers = formatTrailers({ ...OWNER, changes, author: AUTHOR });
        const message = `${above}\n\n${trailers}\n`;

        expect(trailers).not.toMatch(/[^\n -~]|[@#](?!example)/u);
        expect(parseTrailers(crlf ? message.replaceAll('\n', '\r\n') : message)).toEqual({ ...OWNER, changes });
      }),
      { seed: 42, numRuns: sampleSize(500, 5000) },
    );
  });

  it.each([
    ['no trailers', 'Update app'],
    ['trailers that are not at its end', `${formatTrailers({ ...OWNER, author: AUTHOR })}\n\nmore\n`],
    ['an owner that names no automation', 'Update\n\nTidegate-Automation: production\n'],
  ])('is nothing with %s', (_what, message) => {
    expect(parseTrailers(message)).toBeUndefined();
  });

  it('says that it is withdrawn, and then holds nothing', () => {
    const { content: _content, ...owner } = OWNER;
    const message = `Withdraw\n\n${formatTrailers({ ...owner, withdrawn: 'automation-is-gone', author: AUTHOR })}\n`;

    expect(parseTrailers(message)).toEqual({ ...owner, withdrawn: 'automation-is-gone', changes: [] });
  });

  it('leaves it to the tree what it changes when a value was damaged, or when they are too many', () => {
    const change: ProposedChange = { policy: 'ns/app', file: 'a.yaml', path: 'tag', part: 'tag', from: '1', to: '2' };
    const damaged = formatTrailers({ ...OWNER, changes: [change], author: AUTHOR }).replace('"to"', '"too"');
    const many = formatTrailers({ ...OWNER, changes: Array.from({ length: 10_000 }, () => change), author: AUTHOR });

    expect(parseTrailers(damaged)).toEqual(OWNER);
    expect(parseTrailers(many)).toEqual(OWNER);
    expect(many.length).toBeLessThan(1_000);
  });

  it('agrees with its tree about what it changes', () => {
    const value = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,8}$/u);
    const files = fc.array(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(files, (wanted) => {
        const before: SourceTree = new Map(
          wanted.map((values, index) => [
            `apps/${index}.yaml`,
            { bytes: Buffer.from(values.map(([from], key) => marked(key, from)).join('')), executable: false },
          ]),
        );
        const { markers } = findMarkersInTree(before, '');
        const to = wanted.flat().map(([, text]) => text);
        const plan = planEdits(
          before,
          markers.map((marker, index) => ({ marker, to: to[index] ?? marker.value })),
        );
        fc.pre(plan.problems.length === 0);
        const after = new Map([
          ...before,
          ...plan.edits.map(({ file, content, executable }) => [file, { bytes: content, executable }] as const),
        ]);
        const message = `Update\n\n${formatTrailers({ ...OWNER, changes: plan.changes, author: AUTHOR })}`;

        expect(changesBetween(before, after)).toEqual(parseTrailers(message)?.changes ?? []);
      }),
      { seed: 42, numRuns: sampleSize(200, 2000) },
    );
  });
});

function marked(key: number, value: string): string {
  return `k${key}: "${value}" # {"$imagepolicy": "ns:p${key}:tag"}\n`;
}
