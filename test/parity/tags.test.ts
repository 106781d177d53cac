import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { tagFilter } from '#shared/images/filter-tags.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

const SEED = 20_261_127;
const REPEATED = 'refused: a name twice';
const Extracted = z.array(z.string().nullable());

const ATOMS = String.raw`a b 1 - _ main . \. \d \D \w \W \s \b \B ^ $ \A \z [a-c] [^-] [[:alpha:]] [^[:digit:]_] [\w.] \pL \p{Lu} \P{Greek} \Qa.b\E \x41 (?i)a (?s:.) (?U)a+ (?m)^b$ (?-i)B \x{1F600} \C []a] [a-] \012 \v |`;
const atom = fc.constantFrom('', ...ATOMS.split(' '));
const groupName = fc.constantFrom(
  'ts',
  'v',
  'name',
  'a_b',
  'A1',
  '1',
  '01',
  '_',
  'constructor',
  '__proto__',
  'é',
  '',
  'a-b',
);
const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: atom },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('(', '(?:', '(?i:', '(?=', '(?<!'), tie('pattern'))
        .map(([open, inner]) => `${open}${inner})`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('(?P<', '(?<'), groupName, tie('pattern'))
        .map(([open, name, inner]) => `${open}${name}>${inner})`),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          tie('part'),
          fc.constantFrom(
            '*',
            '+',
            '?',
            '*?',
            '+?',
            '??',
            '{2}',
            '{1,}',
            '{0,3}',
            '{,2}',
            '{2,1}',
            '{1001}',
            '**',
            '*+',
          ),
        )
        .map((parts) => parts.join('')),
    },
  ),
  pattern: fc.array(tie('part'), { maxLength: 4, depthIdentifier: 'p' }).map((parts) => parts.join('')),
}));

const TEMPLATE_NAMES =
  '0 1 2 9 00 01 10 1x 999999999 1000000000 4294967297 ٣ 1٣ ts v name a_b a_bc A1 _ é vé constructor __proto__ toString';
const templateName = fc.constantFrom('', ...TEMPLATE_NAMES.split(' '));
const templatePart = fc.oneof(
  templateName.map((name) => `$${name}`),
  templateName.map((name) => `\${${name}}`),
  templateName.map((name) => `\${${name}`),
  fc.constantFrom('$$', '$', '${', '}', 'x', '.', '-', '$-', '$ ', '${a-b}', '${ ts}', '🙂', '$🙂'),
);
const template = fc.array(templatePart, { maxLength: 4 }).map((parts) => parts.join(''));
const tag = fc.oneof(
  fc.constantFrom('main-abc-123', '1.2.3', 'v1.10.0-rc.1', 'a', 'AB', 'a.b', '_1', '', 'b\nb', 'é'),
  fc.string({ unit: fc.constantFrom(...'abAB1.-_'.split('')), maxLength: 12 }),
);

describe('the filter of an image policy, beside the regexp of Go', () => {
  /** One difference remains, and is told in docs/flux-compatibility.md: two groups of one name are refused. */
  it('takes the same patterns, finds the same tags and extracts the same text', async () => {
    const asked = fc.sample(
      fc.record({ pattern, extract: template, tags: fc.array(tag, { minLength: 1, maxLength: 5 }) }),
      { seed: SEED, numRuns: sampleSize(4_000, 40_000) },
    );

    const answers = await askOracle('tags', asked);

    const judged = asked.map((one, index) => {
      const answer = answers[index];
      const theirs =
        answer === undefined || 'error' in answer ? 'refused' : JSON.stringify(Extracted.parse(answer.output));
      return { one, theirs, ours: extractedByUs(one) };
    });
    expect(judged.filter(({ ours, theirs }) => ours !== theirs && ours !== REPEATED).slice(0, 40)).toEqual([]);
    expect(judged.filter(({ ours }) => ours === REPEATED).length).toBeLessThan(asked.length / 25);
    expect(judged.filter(({ theirs }) => theirs !== 'refused').length).toBeGreaterThan(asked.length / 3);
    expect(judged.filter(({ theirs }) => /\["/.test(theirs)).length).toBeGreaterThan(asked.length / 20);
  });
});

function extractedByUs(one: {
  readonly pattern: string;
  readonly extract: string;
  readonly tags: readonly string[];
}): string {
  try {
    const filter = tagFilter(one);
    return JSON.stringify(one.tags.map((text) => filter(text) ?? null));
  } catch (error) {
    return error instanceof Error && error.message.includes('duplicate capture group name') ? REPEATED : 'refused';
  }
}
