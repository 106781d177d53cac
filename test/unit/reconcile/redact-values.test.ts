import { array, assert as check, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { redactValues } from '#shared/reconcile/redact-values.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('a text from outside', () => {
  it.each([
    ['as it is', 'Invalid value: "s3cr3t-value": no', ['s3cr3t-value'], 'Invalid value: "[redacted]": no'],
    ['quoted', String.raw`got "a\"long\\value"`, [String.raw`a"long\value`], 'got "[redacted]"'],
    ['without its line breaks', 'got onetwothree', ['one\ntwo\nthree\n'], 'got [redacted]'],
    ['short, as a word', 'port "80" of pod8080', ['80'], 'port "[redacted]" of pod8080'],
    ['longest first', 'got password-2026', ['password', 'password-2026'], 'got [redacted]'],
    ['empty, in which case it is no secret', 'got nothing', ['', '\n'], 'got nothing'],
  ])('does not show the value of a Secret %s', (_words, text, secrets, clean) => {
    expect(redactValues(text, secrets)).toBe(clean);
  });

  it('never shows a long value, wherever it stands', () => {
    const long = string({ minLength: 8, unit: 'grapheme' }).filter((value) => !'[redacted]'.includes(value));
    check(
      property(long, array(string()), (secret, around) => {
        expect(redactValues(around.join(secret), [secret])).not.toContain(secret);
      }),
      { seed: 42, numRuns: sampleSize(300, 20_000) },
    );
  });
});
