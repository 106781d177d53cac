import { bigInt, assert as check, constantFrom, double, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { redactValues } from '#shared/reconcile/redact-values.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('the value of a Secret', () => {
  it.each([
    ['an octal number', '0123456', 'Invalid value: 42798: must be less', 'Invalid value: [redacted]: must be less'],
    ['a number in hex', '0xC0FFEE', 'got 12648430', 'got [redacted]'],
    ['a number with separators', '42_798', 'got 42798', 'got [redacted]'],
    ['a fraction with a zero', '12.340', 'got 12.34', 'got [redacted]'],
    ['a number with an exponent', '1e5', 'got 100000', 'got [redacted]'],
    ['a float as Go prints it', '1234567.0', 'Value:1.234567e+06}', 'Value:[redacted]}'],
    ['a small float as Go prints it', '0.0000123', 'got 1.23e-05', 'got [redacted]'],
    ['an integer beyond 53 bits', '0x20000000000001', 'got 9007199254740993', 'got [redacted]'],
    ['a quantity without its zero', '0123456', 'Invalid value: "123456"', 'Invalid value: "[redacted]"'],
    ['a quantity in a larger unit', '1048576Ki', 'limit of 1Gi', 'limit of [redacted]'],
    ['a quantity in a smaller unit', '0.125', 'limit of 125m', 'limit of [redacted]'],
    ['a text in base64', 'hunter2-hunter2', 'data aHVudGVyMi1odW50ZXIy', 'data [redacted]'],
    ['what was in base64', 'aHVudGVyMi1odW50ZXIy', 'got hunter2-hunter2', 'got [redacted]'],
    ['a control character as Go quotes it', 'hunter\u0001two', String.raw`got "hunter\x01two"`, 'got "[redacted]"'],
  ])('is not shown as %s', (_what, secret, text, clean) => {
    expect(redactValues(text, [secret])).toBe(clean);
  });

  it.each([
    ['a switch', 'yes', 'replicas: true'],
    ['a switch as it is written', 'false', 'prune: false'],
    ['a number of two digits in another spelling', '0x10', 'port 16'],
  ])('is left as it is where it tells nothing: %s', (_what, secret, text) => {
    expect(redactValues(text, [secret])).toBe(text);
  });

  const whole = bigInt({ min: 100n, max: 2n ** 63n - 1n });
  const spellings: readonly ((value: bigint) => string)[] = [
    (value) => `0${value.toString(8)}`,
    (value) => `0o${value.toString(8)}`,
    (value) => `0x${value.toString(16)}`,
    (value) => `0X${value.toString(16).toUpperCase()}`,
    (value) => `0b${value.toString(2)}`,
    (value) => `+${value}`,
    (value) => `${String(value).slice(0, 1)}_${String(value).slice(1)}`,
  ];

  it('is not shown as the number that it is, however it is written', () => {
    check(
      property(whole, constantFrom(...spellings), (value, spell) => {
        expect(redactValues(`Invalid value: ${value}: no`, [spell(value)])).toBe('Invalid value: [redacted]: no');
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
  });

  it('is not shown as the fraction that it is, with zeros or an exponent', () => {
    const zeros = constantFrom('', '0', '000');
    const fraction = double({ min: 100, max: 1e15, noNaN: true }).filter((value) => !Number.isInteger(value));
    check(
      property(tuple(fraction, zeros), ([value, end]) => {
        expect(redactValues(`got ${value}!`, [`${value}${end}`, `+${value}`])).toBe('got [redacted]!');
        expect(redactValues(`got ${value}!`, [value.toExponential()])).toBe('got [redacted]!');
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
  });
});
