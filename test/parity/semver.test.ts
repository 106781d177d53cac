import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { parseSemverRange } from '#shared/images/semver-range.ts';
import { compareVersions, parseVersion } from '#shared/images/version.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

const Verdicts = z.array(z.object({ valid: z.boolean(), matches: z.boolean(), compared: z.number().optional() }));
const SEED = 20_261_127;

/** Up to 2^64 - 1, which is what Masterminds keeps; beyond it is no version, and in a prerelease a word. */
const LARGE = [
  '9007199254740992',
  '9007199254740993',
  '20240612153045123',
  '20240612153045124',
  '18446744073709551615',
];
const TOO_LARGE = ['18446744073709551616', '99999999999999999999999'];
const small = fc.constantFrom('0', '1', '2', '3', '10');
const soundNumber = fc.oneof({ weight: 5, arbitrary: small }, { weight: 1, arbitrary: fc.constantFrom(...LARGE) });
const wildNumber = fc.oneof(
  { weight: 6, arbitrary: soundNumber },
  { weight: 2, arbitrary: fc.constantFrom(...TOO_LARGE) },
  { weight: 1, arbitrary: fc.constantFrom('00', '01', '-1', '', 'a') },
);
const soundIdentifier = fc.oneof(
  soundNumber,
  fc.constantFrom(...TOO_LARGE, 'rc', 'alpha', 'Beta', '0a', 'a-b', '-', '--', 'x'),
);
const wildIdentifier = fc.oneof(soundIdentifier, wildNumber, fc.constantFrom('', 'é', '01'));

/** `-rc.1`, `+build.5`, or nothing. */
function suffix(mark: string, identifier: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const some = fc.array(identifier, { minLength: 1, maxLength: 3 }).map((parts) => mark + parts.join('.'));
  return fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 2, arbitrary: some });
}

function joined(...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((texts) => texts.join(''));
}

const soundVersion = joined(
  fc.constantFrom('', 'v'),
  fc.tuple(soundNumber, soundNumber, soundNumber).map((numbers) => numbers.join('.')),
  suffix('-', soundIdentifier),
  suffix('+', soundIdentifier),
);
const wildVersion = joined(
  fc.constantFrom('', '', 'v', 'V', ' ', '='),
  fc.array(wildNumber, { minLength: 1, maxLength: 4 }).map((numbers) => numbers.join('.')),
  suffix('-', wildIdentifier),
  suffix('+', wildIdentifier),
);
const version = fc.oneof({ weight: 4, arbitrary: soundVersion }, { weight: 1, arbitrary: wildVersion });

const OPERATORS = ['', '=', '!=', '>', '<', '>=', '=>', '<=', '=<', '~', '~>', '^'];
const soundBound = joined(
  fc.constantFrom('', '', 'v'),
  fc
    .array(fc.oneof({ weight: 6, arbitrary: soundNumber }, { weight: 1, arbitrary: fc.constantFrom('x', 'X', '*') }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) => parts.join('.')),
  suffix('-', soundIdentifier),
  suffix('+', soundIdentifier),
);
const wildBound = joined(
  fc.constantFrom('', 'v', 'V'),
  fc
    .array(fc.oneof(wildNumber, fc.constantFrom('x', '0x', '**', '1|2')), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('.')),
  suffix('-', wildIdentifier),
  suffix('+', wildIdentifier),
);
const soundComparison = joined(fc.constantFrom(...OPERATORS), fc.constantFrom('', '', ' ', '  ', '\t'), soundBound);
const wildComparison = joined(
  fc.constantFrom(...OPERATORS, '==', '>>', '~=', '!'),
  fc.constantFrom('', ' ', '\n', '\u00A0', '\v'),
  wildBound,
);
const soundHyphen = joined(soundBound, fc.constantFrom(' - ', ' - ', '  -\t'), soundBound);
const wildHyphen = joined(fc.oneof(wildBound, wildComparison), fc.constantFrom(' - ', ' -', '-'), wildComparison);

/** Texts with one of the separators between them. */
function separated(text: fc.Arbitrary<string>, separators: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(fc.constantFrom(...separators), text), { minLength: 1, maxLength })
    .map((pairs) => pairs.map(([separator, one], index) => (index === 0 ? one : separator + one)).join(''));
}

const range = fc.oneof(
  {
    weight: 8,
    arbitrary: separated(
      fc.oneof(
        { weight: 6, arbitrary: separated(soundComparison, [' ', ', ', ',', ' , ', '  '], 3) },
        { weight: 1, arbitrary: soundHyphen },
        { weight: 1, arbitrary: separated(fc.oneof(soundHyphen, soundComparison), [' ', ', '], 2) },
      ),
      [' || ', '||'],
      2,
    ),
  },
  {
    weight: 3,
    arbitrary: separated(
      fc.oneof(soundComparison, wildComparison, soundHyphen, wildHyphen),
      [' ', ',', ',,', '', '\u00A0', ' |', '||', ' - '],
      3,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ' ', '*', 'x', '||', '1 ||', 'latest', '>=1.0.0-0', '1.2.3 - 2', '>=1 <2 ,3', '1,'),
  },
);

describe('versions and ranges, beside Masterminds/semver as Flux calls it', () => {
  it('are read, compared and matched alike', async () => {
    const count = sampleSize(4_000, 20_000);
    const asked = fc.sample(
      fc.record({
        range,
        versions: fc.array(version, { minLength: 2, maxLength: 6 }),
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
    // The questions are worth asking: most ranges are ranges, and a good part of the versions lies inside.
    const verdicts = answers.flatMap((answer) => ('error' in answer ? [] : Verdicts.parse(answer.output)));
    expect(answers.filter((answer) => 'error' in answer).length).toBeLessThan(count / 2);
    expect(verdicts.filter(({ matches }) => matches).length).toBeGreaterThan(verdicts.length / 10);
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
