import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { expandVariables } from '#shared/render/expand-variables.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

const SEED = 20_261_127;
const REFUSED = 'refused';
const VARIABLES = {
  a: 'Alpha.beta',
  b: '',
  num: '0123456789',
  UP: 'MiXed case',
  _x: '$a',
  u: 'äöü€🙂',
  path: '/srv/a-b/[x].tar.gz',
  letters: 'ßŉǆΣςİıᾳᾼﬁ',
  é: '\\a*b?',
};

const name = fc.constantFrom(...Object.keys(VARIABLES), 'missing', 'A1', '1', '');
const word = fc.constantFrom(
  '',
  'x',
  'default',
  'a b',
  '*',
  '?',
  'l*',
  '[a-e]',
  'a/b',
  '}',
  '$',
  '\\',
  ' ',
  '0',
  '3',
  '-2',
  ':',
  'ph',
  'é',
  '"q"',
  '/',
  '//',
  '\\/',
  '$$',
  '[^a-e]',
  '[!a]',
  '[]',
  '[a-',
  '[-a]',
  '[\\]]',
  ']x[',
  '+2',
  '-0',
  '00000000000000000000003',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '€',
  '*.*',
  '\\*',
);
const operator = fc.constantFrom(
  '',
  '=',
  ':=',
  ':-',
  ':+',
  ':?',
  '-',
  '+',
  '?',
  ':',
  '/',
  '//',
  '/#',
  '/%',
  '#',
  '##',
  '%',
  '%%',
  '^',
  '^^',
  ',',
  ',,',
  ',^',
  '^,',
  '^^^',
  '###',
  '///',
  '@',
);
const { expression } = fc.letrec<{ expression: string; argument: string }>((tie) => ({
  argument: fc.oneof(
    { depthSize: 'small' },
    word,
    fc.tuple(word, word).map((both) => both.join('')),
    tie('expression'),
  ),
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    name.map((one) => `\${${one}}`),
    name.map((one) => `\${#${one}}`),
    fc.tuple(name, operator).map(([one, op]) => `\${${one}${op}}`),
    fc.tuple(name, operator, tie('argument')).map(([one, op, argument]) => `\${${one}${op}${argument}}`),
    fc
      .tuple(name, operator, tie('argument'), fc.constantFrom('/', ':', '//', '::', ''), tie('argument'))
      .map(([one, op, first, between, second]) => `\${${one}${op}${first}${between}${second}}`),
  ),
}));
const plain = fc.constantFrom(
  'text',
  ' ',
  '\n',
  '$',
  '$$',
  '$$$',
  '${',
  '}',
  '{',
  '$a',
  '$(a)',
  'key: ',
  '"',
  "'",
  '\\$',
);
const template = fc
  .array(fc.oneof({ weight: 3, arbitrary: expression }, { weight: 2, arbitrary: plain }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''));

describe('variables, beside the envsubst that Flux uses', () => {
  /**
   * One difference is meant: no character is cut in two. Where envsubst does, Flux refuses the YAML that comes out, or a
   * replacement character (U+FFFD) goes live; we refuse an offset in the middle of a character, and our globs match whole ones.
   */
  it('are expanded and refused alike', async () => {
    const texts = fc.sample(template, { seed: SEED, numRuns: sampleSize(5_000, 50_000) });
    const variables = new Map(Object.entries(VARIABLES));

    const answers = await askOracle(
      'envsubst',
      texts.map((text) => ({ text, variables: VARIABLES })),
    );

    const judged = texts.map((text, index) => {
      const answer = answers[index];
      const theirs = answer === undefined || 'error' in answer ? REFUSED : z.string().catch('').parse(answer.output);
      const expanded = expandVariables(text, variables);
      const ours = expanded.outcome === 'expanded' ? expanded.text : REFUSED;
      const isCut =
        theirs.includes('\uFFFD') ||
        (expanded.outcome === 'refused' && expanded.message.startsWith('cuts a character in two'));
      return { text, ours, theirs, isCut };
    });
    expect(judged.filter(({ ours, theirs, isCut }) => ours !== theirs && !isCut).slice(0, 20)).toEqual([]);
    expect(judged.filter(({ isCut }) => isCut).length).toBeLessThan(texts.length / 50);
    expect(judged.filter(({ theirs }) => theirs !== REFUSED).length).toBeGreaterThan(texts.length / 5);
  });

  it('have the same capital and small letters, character by character', async () => {
    const blocks = Array.from({ length: 0x110 }, (_, block) =>
      Array.from({ length: 0x1000 }, (_unused, index) => block * 0x1000 + index)
        .filter((point) => point > 0 && (point < 0xd800 || point > 0xdfff) && point !== 0xfffd)
        .map((point) => String.fromCodePoint(point))
        .join('\n'),
    );
    const text = '${v^^}|${v,,}|${v^}|${v,}';

    const answers = await askOracle(
      'envsubst',
      blocks.map((v) => ({ text, variables: { v } })),
    );

    const differences = blocks.flatMap((v, index) => {
      const answer = answers[index];
      const theirs = z.object({ output: z.string() }).parse(answer).output.split('\n');
      const expanded = expandVariables(text, new Map([['v', v]]));
      const ours = expanded.outcome === 'expanded' ? expanded.text.split('\n') : [expanded.message];
      return ours.filter((line, at) => line !== theirs[at] && isOlderThanUnicode15(line));
    });
    expect(differences).toEqual([]);
  });
});

/** Go 1.26 knows the letters of Unicode 15; Node is ahead of it. */
function isOlderThanUnicode15(line: string): boolean {
  return !/[\u{10D50}-\u{10D85}\u{16EA0}-\u{16EDF}\u1C89\u1C8A\u{A7CB}-\u{A7F5}\u019B\u0264]/u.test(line);
}
