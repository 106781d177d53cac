import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import type { SourceTree } from '#shared/common/source-tree.ts';
import { findMarkersInTree, planEdits } from '#shared/image-update/plan-edits.ts';
import { sampleSize } from '#test/sample-size.ts';

const TAG = '# {"$imagepolicy": "ns:app:tag"}';

describe('editing a marked value', () => {
  it.each([
    ['plain stays plain', `tag: v1 ${TAG}\n`, 'v2', `tag: v2 ${TAG}\n`],
    ['double quotes stay', `tag: "v1" ${TAG}\n`, 'v2', `tag: "v2" ${TAG}\n`],
    ['single quotes stay', `tag: 'v1' ${TAG}\n`, 'v2', `tag: 'v2' ${TAG}\n`],
    ['windows line ends stay', `a: 1\r\ntag: v1 ${TAG}\r\n`, 'v2', `a: 1\r\ntag: v2 ${TAG}\r\n`],
    ['no line end stays', `tag: v1  ${TAG}`, 'v2', `tag: v2  ${TAG}`],
    ['an anchor stays', `tag: &t v1 ${TAG}\nb: *t\n`, 'v2', `tag: &t v2 ${TAG}\nb: *t\n`],
    ['odd indentation stays', `a:\n    -   tag:   v1   ${TAG}\n\n\n`, 'v2', `a:\n    -   tag:   v2   ${TAG}\n\n\n`],
    ['a number is quoted', `tag: v1 ${TAG}\n`, '1.10', `tag: "1.10" ${TAG}\n`],
    ['three parts are no number', `tag: 6.7.0 ${TAG}\n`, '6.7.1', `tag: 6.7.1 ${TAG}\n`],
    ['a number becomes a string', `tag: 5 ${TAG}\n`, '6', `tag: "6" ${TAG}\n`],
    ['flow', `{ "tag": v1, ${TAG}\n  "b": 2 }\n`, 'v2', `{ "tag": v2, ${TAG}\n  "b": 2 }\n`],
  ])('%s', (_what, before, to, after) => {
    expect(edit(before, to)).toBe(after);
  });

  it.each([
    '1e3',
    '012',
    '0x1F',
    '1_000',
    '12_30',
    'on',
    'off',
    'yes',
    'no',
    'y',
    'n',
    'null',
    'true',
    '1234e567',
    '2026-09-01',
    '0o17',
    '0b1',
    '1.',
    '007',
    '0X1F',
    '0B101',
    '0O11',
    '0o1_7',
    '4e2_5',
    '9486e9_',
    '0b-1',
    '0o-7',
    '2026-9-1',
    '<<',
    '5e12345',
    '.29_',
  ])('quotes %s, which some reader of YAML would not take for a string', (value) => {
    expect(edit(`tag: v1 ${TAG}\n`, value)).toBe(`tag: "${value}" ${TAG}\n`);
  });

  it.each([
    ['little-endian', (text: string) => Buffer.from(text, 'utf16le')],
    ['big-endian', (text: string) => Buffer.from(text, 'utf16le').swap16()],
  ])('changes the value and no other byte of a file in %s UTF-16', (_, encode) => {
    fc.assert(
      fc.property(yamlFile(), fc.constantFrom('v2', '1.10', 'on'), (file, to) => {
        const text = `\uFEFF${(file.before + file.after).replace(/^\uFEFF/, '')}`;
        const files: SourceTree = new Map([['a.yaml', { bytes: encode(text), executable: false }]]);
        const { markers } = findMarkersInTree(files, '');

        const plan = planEdits(
          files,
          markers.map((marker) => ({ marker, to })),
        );

        expect(plan.problems).toEqual([]);
        const inUtf8 = planFor(text, to).edits[0]?.content;
        expect(plan.edits[0]?.content).toEqual(encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(inUtf8)));
      }),
      { seed: 42, numRuns: sampleSize(100, 5_000) },
    );
  });

  it('leaves a value that is there already', () => {
    expect(planFor(`tag: "v2" ${TAG}\n`, 'v2')).toMatchObject({ edits: [], changes: [], problems: [] });
  });

  it('changes every marked value of every file, says where, and leaves a broken file alone', () => {
    const files = tree({
      'a.yaml': `x: 1\ntag: v1 ${TAG}\n---\ntag: v1 ${TAG}\n`,
      'b/c.yml': `tag: v0 ${TAG}\n`,
      'bad.yaml': `tag: [ ${TAG}\n`,
    });
    const found = findMarkersInTree(files, './');

    const plan = planEdits(
      files,
      found.markers.map((marker) => ({ marker, to: 'v2' })),
    );

    expect(plan.changes.map(({ file, line, path, from, to }) => `${file}:${line} ${path} ${from}>${to}`)).toEqual([
      'a.yaml:2 tag v1>v2',
      'a.yaml:4 1:tag v1>v2',
      'b/c.yml:1 tag v0>v2',
    ]);
    expect(plan.edits.map(({ file }) => file)).toEqual(['a.yaml', 'b/c.yml']);
    expect(found.problems.map(({ file }) => file)).toEqual(['bad.yaml']);
  });

  it('reads nothing outside the folder of the automation', () => {
    const files = tree({
      'apps/a.yaml': `tag: v1 ${TAG}\n`,
      'apps2/a.yaml': `tag: v1 ${TAG}\n`,
      'b.yaml': `tag: v1 ${TAG}\n`,
    });

    expect(findMarkersInTree(files, './apps/').markers.map(({ file }) => file)).toEqual(['apps/a.yaml']);
  });

  it('changes the value and no other byte, whatever the file looks like', () => {
    fc.assert(
      fc.property(yamlFile(), fc.constantFrom('v2', '1.10', '6.7.1', 'on', '0x1F', 'main-abc-17'), (file, to) => {
        const text = file.before + file.after;
        const plan = planFor(text, to);

        expect(plan.problems).toEqual([]);
        const result = new TextDecoder('utf-8', { ignoreBOM: true }).decode(plan.edits[0]?.content);
        expect(result.startsWith(file.before.slice(0, -file.spelled.length))).toBe(true);
        expect(result.endsWith(file.after)).toBe(true);
        const middle = result.slice(file.before.length - file.spelled.length, result.length - file.after.length);
        expect(middle).toMatch(new RegExp(`^["']?${to.replaceAll('.', '\\.')}["']?$`, 'u'));
        expect(parseAllDocuments(result)[0]?.errors).toEqual([]);
        expect(planFor(result, to).edits).toEqual([]);
      }),
      { seed: 42, numRuns: sampleSize(400, 20_000) },
    );
  });
});

interface GeneratedFile {
  readonly before: string;
  readonly spelled: string;
  readonly after: string;
}

/** Random lines around one marked value, in every style of quoting, indentation and line end. */
function yamlFile(): fc.Arbitrary<GeneratedFile> {
  const value = fc.constantFrom(
    '1',
    'text',
    '"quoted: # no comment"',
    "'it''s'",
    '[a, b]',
    '{x: 1, y: "z"}',
    '~',
    '🚀',
    'é # note',
    '|\n    block # text\n    more',
    '>-\n    folded\n',
    '',
  );
  const line = fc.tuple(fc.nat(1_000_000), value).map(([n, text]) => `k${n}: ${text}`);
  const noise = fc.array(fc.oneof(line, fc.constant(''), fc.constant('# comment: "x')), { maxLength: 8 });
  return fc
    .record({
      head: fc.uniqueArray(line, { maxLength: 6, selector: (text) => text.split(':')[0] }),
      comments: noise.map((lines) => lines.filter((text) => text === '' || text.startsWith('#'))),
      tail: fc.uniqueArray(line, { maxLength: 6, selector: (text) => text.split(':')[0] }),
      spelled: fc.constantFrom('v1', '"v1"', "'v1'", '7'),
      gap: fc.constantFrom(' ', '   ', '\t'),
      newline: fc.constantFrom('\n', '\r\n'),
      bom: fc.constantFrom('', '\uFEFF'),
      finalNewline: fc.boolean(),
    })
    .map(({ head, comments, tail, spelled, gap, newline, bom, finalNewline }) => {
      const join = (lines: readonly string[]) => lines.join('\n').replaceAll('\n', newline);
      const end = finalNewline ? newline : '';
      const rest = tail.map((text) => `t${text}`);
      return {
        before: bom + join([...head, ...comments, 'image:', `  newTag: ${spelled}`]),
        spelled,
        after: `${gap}${TAG}${rest.length === 0 ? '' : newline}${join(rest)}${end}`,
      };
    });
}

function tree(files: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(files).map(([file, text]) => [file, { bytes: Buffer.from(text), executable: false }]));
}

function planFor(text: string, to: string) {
  const files = tree({ 'a.yaml': text });
  const found = findMarkersInTree(files, '.');
  const plan = planEdits(
    files,
    found.markers.map((marker) => ({ marker, to })),
  );
  return { ...plan, problems: [...found.problems, ...plan.problems] };
}

function edit(text: string, to: string): string {
  const plan = planFor(text, to);
  expect(plan.problems).toEqual([]);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(plan.edits[0]?.content);
}
