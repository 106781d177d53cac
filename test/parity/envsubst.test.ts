import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { askOracle } from '#local/oracles/ask-oracle.ts';
import { expandVariables } from '#shared/render/expand-variables.ts';
import { sampleSize } from '#test/sample-size.ts';

const SEED = 20_261_127;
const VARIABLES = { a: 'Alpha.beta', b: '', num: '0123456789', UP: 'MiXed case', _x: '$a', u: 'äöü€' };

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
    fc.tuple(name, operator, tie('argument')).map(([one, op, argument]) => `\${${one}${op}${argument}}`),
    fc
      .tuple(name, operator, tie('argument'), fc.constantFrom('/', ':'), tie('argument'))
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
   * Two differences are meant: we take a few forms that it refuses (an empty pattern, text behind a nested expression in an
   * argument), and our `?` is a character where its is a byte, which can leave half of one.
   */
  it('are expanded alike wherever it expands them', async () => {
    const texts = fc.sample(template, { seed: SEED, numRuns: sampleSize(5_000, 50_000) });
    const variables = new Map(Object.entries(VARIABLES));

    const answers = await askOracle(
      'envsubst',
      texts.map((text) => ({ text, variables: VARIABLES })),
    );

    const judged = texts.flatMap((text, index) => {
      const answer = answers[index];
      const theirs = answer === undefined || 'error' in answer ? undefined : z.string().catch('').parse(answer.output);
      const expanded = expandVariables(text, variables);
      const ours = expanded.outcome === 'expanded' ? expanded.text : undefined;
      return theirs?.includes('\uFFFD') === true ? [] : [{ text, ours, theirs }];
    });
    expect(judged.filter(({ ours, theirs }) => theirs !== undefined && ours !== theirs)).toEqual([]);
    expect(judged.filter(({ theirs }) => theirs !== undefined).length).toBeGreaterThan(texts.length / 10);
    const onlyOurs = judged.filter(({ ours, theirs }) => ours !== undefined && theirs === undefined);
    expect(onlyOurs.length).toBeLessThan(texts.length / 100);
  });
});
