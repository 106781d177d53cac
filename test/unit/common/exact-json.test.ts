import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatExactJson, parseExactJson } from '#shared/common/exact-json.ts';
import { hashValue } from '#shared/common/hash-value.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('JSON without loss', () => {
  it.each([
    ['{"a":9223372036854775807}', { a: 9223372036854775807n }],
    ['[-9223372036854775808]', [-9223372036854775808n]],
    ['[ 18446744073709551615]', [18446744073709551615n]],
    ['[18446744073709551616]', [18446744073709552000]],
    ['[9007199254740991,9007199254740992]', [9007199254740991, 9007199254740992n]],
    ['["9223372036854775807",1.5,1e300]', ['9223372036854775807', 1.5, 1e300]],
    ['{"a":"say :9223372036854775807"}', { a: 'say :9223372036854775807' }],
  ])('reads %s', (text, expected) => {
    expect(parseExactJson(text)).toEqual(expected);
  });

  it('writes and reads every value, whatever its integers', () => {
    const integer = fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
      .filter((one) => !Number.isSafeInteger(Number(one)));
    const leaf = fc.oneof(
      integer,
      fc.string({ unit: 'binary' }),
      fc.double({ noDefaultInfinity: true, noNaN: true }).map((one) => one + 0),
      fc.constant(null),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
    }));
    fc.assert(
      fc.property(value, (one) => {
        expect(spell(parseExactJson(formatExactJson(one)))).toEqual(spell(one));
      }),
      { seed: 8, numRuns: sampleSize(300, 20_000) },
    );
  });

  it('holds no character that YAML takes for a line break or refuses', () => {
    expect(formatExactJson('\u007f\u0085\u2028\u2029\ufeff\uffff')).toBe(
      String.raw`"\u007f\u0085\u2028\u2029\ufeff\uffff"`,
    );
  });

  it('keeps values apart in a hash that a number would make equal', () => {
    const hashes = [9223372036854775806n, 9223372036854775807n, '9223372036854775807', 2 ** 63].map(hashValue);

    expect(new Set(hashes).size).toBe(4);
  });
});

/** A whole double beyond the safe ones is read as the integer of the same digits. */
function spell(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(spell);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, field]) => [key, spell(field)]);
}
