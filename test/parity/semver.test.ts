import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { askOracle } from '#local/oracles/ask-oracle.ts';
import { parseSemverRange } from '#shared/image/semver-range.ts';
import { compareVersions, parseVersion } from '#shared/image/version.ts';
import { sampleSize } from '#test/sample-size.ts';

const Verdicts = z.array(z.object({ valid: z.boolean(), matches: z.boolean(), compared: z.number().optional() }));
const SEED = 20_261_127;

const number = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '1', '2', '3', '10') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '9007199254740993',
      '9007199254740992',
      '20240612153045123',
      '20240612153045124',
      '18446744073709551615',
      '18446744073709551616',
      '99999999999999999999999',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('00', '01', '-1', '', 'a') },
);
const identifier = fc.oneof(number, fc.constantFrom('rc', 'alpha', 'Beta', '0a', 'a-b', '-', '--', 'x', '', 'é'));
const suffix = (mark: string) =>
  fc.option(
    fc.array(identifier, { minLength: 1, maxLength: 3 }).map((parts) => mark + parts.join('.')),
    { nil: '' },
  );
const version = fc
  .tuple(
    fc.constantFrom('', '', 'v', 'V', ' '),
    fc.array(number, { minLength: 1, maxLength: 4 }),
    suffix('-'),
    suffix('+'),
  )
  .map(([prefix, numbers, prerelease, metadata]) => `${prefix}${numbers.join('.')}${prerelease}${metadata}`);
const wellFormed = fc
  .tuple(fc.constantFrom('', 'v'), number, number, number, suffix('-'), suffix('+'))
  .map(
    ([prefix, major, minor, patch, prerelease, metadata]) =>
      `${prefix}${major}.${minor}.${patch}${prerelease}${metadata}`,
  );

const part = fc.oneof(
  { weight: 5, arbitrary: number },
  { weight: 1, arbitrary: fc.constantFrom('x', 'X', '*', '0x', '**') },
);
const written = fc
  .tuple(fc.constantFrom('', '', 'v'), fc.array(part, { minLength: 1, maxLength: 3 }), suffix('-'), suffix('+'))
  .map(([prefix, parts, prerelease, metadata]) => `${prefix}${parts.join('.')}${prerelease}${metadata}`);
const operator = fc.constantFrom('', '=', '!=', '>', '<', '>=', '=>', '<=', '=<', '~', '~>', '^', '==', '>>', '~=');
const space = fc.constantFrom('', ' ', '  ', '\t', '\n');
const comparator = fc.tuple(operator, space, written).map((texts) => texts.join(''));
const alternative = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom(' ', ', ', ',', ' , ', '  '), comparator), { minLength: 1, maxLength: 3 })
      .map((list) => list.map(([between, text], index) => (index === 0 ? text : between + text)).join('')),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(written, fc.constantFrom(' - ', ' -', '  -  '), written).map((texts) => texts.join('')),
  },
);
const range = fc.oneof(
  { weight: 8, arbitrary: fc.array(alternative, { minLength: 1, maxLength: 2 }).map((list) => list.join(' || ')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ' ', '*', 'x', '||', '1 ||', 'latest', '>=1.0.0-0', '1.2.3 - 2', '>=1 <2 ,3'),
  },
);

describe('versions and ranges, beside Masterminds/semver as Flux calls it', () => {
  it('are read, compared and matched alike', async () => {
    const count = sampleSize(4_000, 20_000);
    const asked = fc.sample(
      fc.record({
        range,
        versions: fc.array(fc.oneof({ weight: 4, arbitrary: wellFormed }, version), { minLength: 2, maxLength: 6 }),
      }),
      { seed: SEED, numRuns: count },
    );

    const answers = await askOracle('semver', asked);

    const differences = asked.flatMap((one, index) => {
      const answer = answers[index];
      const theirs =
        answer === undefined || 'error' in answer ? 'refused' : JSON.stringify(Verdicts.parse(answer.output));
      const ours = ourVerdicts(one.range, one.versions);
      return ours === theirs ? [] : [`${JSON.stringify(one)}: ${ours} instead of ${theirs}`];
    });
    expect(differences.slice(0, 20)).toEqual([]);
    expect(answers.filter((answer) => 'error' in answer).length).toBeLessThan(count * 0.9);
  });
});

function ourVerdicts(text: string, versions: readonly string[]): string {
  let accepts: ReturnType<typeof parseSemverRange>;
  try {
    accepts = parseSemverRange(text);
  } catch {
    return 'refused';
  }
  return JSON.stringify(
    versions.map((one, index) => {
      const read = parseVersion(one);
      const before = parseVersion(versions[index - 1] ?? '');
      return {
        valid: read !== undefined,
        matches: accepts.matches(one),
        ...(read === undefined || before === undefined ? {} : { compared: compareVersions(read, before) }),
      };
    }),
  );
}
