import * as fc from 'fast-check';

const DIGITS = '0123456789';
const sign = fc.constantFrom('', '', '', '-', '+');
const digits = (alphabet: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...alphabet.split(''), ...(alphabet === '01' ? [] : ['_'])), { minLength: 1, maxLength })
    .map((characters) => characters.join(''));

const integer = fc
  .tuple(
    sign,
    fc.oneof(
      digits(DIGITS, 24),
      digits('01234567', 24).map((text) => `0${text}`),
      fc.tuple(fc.constantFrom('0o', '0O'), digits('01234567', 24)).map((parts) => parts.join('')),
      fc.tuple(fc.constantFrom('0x', '0X'), digits('0123456789abcdefABCDEF', 42)).map((parts) => parts.join('')),
      fc.tuple(fc.constantFrom('0b', '0B'), digits('01', 70)).map((parts) => parts.join('')),
      fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }).map(String),
      fc.bigInt({ min: 2n ** 63n - 2n, max: 2n ** 63n + 2n }).map(String),
      fc.bigInt({ min: 2n ** 64n - 2n, max: 2n ** 64n + 2n }).map(String),
    ),
  )
  .map((parts) => parts.join(''));
const float = fc
  .tuple(
    sign,
    fc.constantFrom('', '0', '1', '00', '12', '123_4', '9486', '179769313486231580793'),
    fc.constantFrom('', '.'),
    fc.constantFrom('', '0', '5', '50', '29_', '2_9', '000001'),
    fc.constantFrom('', 'e', 'E', 'p'),
    fc.constantFrom('', '+', '-'),
    fc.oneof(fc.constant(''), digits(DIGITS, 5)),
  )
  .map((parts) => parts.join(''));
const word = fc
  .constantFrom(
    ...'y n yes no on off true false null ~ .nan .inf -.inf +.inf inf nan Infinity undefined = <<'.split(' '),
  )
  .chain((text) => fc.constantFrom(text, text.toUpperCase(), text.charAt(0).toUpperCase() + text.slice(1)));
const time = fc
  .tuple(
    fc.constantFrom('2020-01-01', '2020-1-1', '2020-13-45', '0001-02-03', '20-1-1'),
    fc.constantFrom('', 'T', 't', ' ', 'T12:30:00Z', 't1:2:3.5+01:00', ' 12:30:45', ' 12:30:45.1 -5'),
  )
  .map((parts) => parts.join(''));
const sixty = fc
  .tuple(sign, fc.constantFrom('12:30', '12:30:45', '190:20:30.15', '1:2'))
  .map((parts) => parts.join(''));
const commit = fc.oneof(
  digits('0123456789abcdef', 40).map((text) => text.replaceAll('_', '')),
  fc.tuple(digits(DIGITS, 4), fc.constant('e'), digits(DIGITS, 5)).map((parts) => parts.join('').replaceAll('_', '')),
);
const version = fc.constantFrom(
  '1.10',
  '1.2.3',
  'v1.2',
  '1.0-rc1',
  '1.',
  '.5.1',
  '10.0.0.1',
  '1e3',
  '5e12345',
  '1-2',
  '-',
);
const tagged = fc
  .tuple(
    fc.constantFrom('!!str', '!!int', '!!float', '!!bool', '!!null', '!!binary', '!local', '!'),
    fc.oneof(integer, float, word),
  )
  .map(([tag, text]) => `${tag} ${text}`);
const text = fc.string({
  unit: fc.constantFrom(...'ab 1\u00e9\u0085\u2028\u2029:#- '.split(''), '\u{1F600}'),
  maxLength: 12,
});

const NOISE = '0123456789abcdefxXoObBeEpnyY_+-.:~=<#&*!|>%@`?\'" \u0085\u2028'.split('');

/** One character more, one less or another one: what is nearly a number. */
const mutated = (plain: fc.Arbitrary<string>) =>
  fc
    .tuple(plain, fc.nat(), fc.constantFrom('insert', 'delete', 'replace'), fc.constantFrom(...NOISE))
    .map(([original, at, change, character]) => {
      const place = original === '' ? 0 : at % original.length;
      const kept = change === 'insert' ? place : place + 1;
      return original.slice(0, place) + (change === 'delete' ? '' : character) + original.slice(kept);
    });

const formed = fc.oneof(
  { weight: 4, arbitrary: integer },
  { weight: 4, arbitrary: float },
  { weight: 2, arbitrary: word },
  { weight: 1, arbitrary: time },
  { weight: 1, arbitrary: sixty },
  { weight: 2, arbitrary: commit },
  { weight: 1, arbitrary: version },
);

/** Texts that look like the values of YAML 1.1 and 1.2, and nearly so. */
export const scalars = fc.oneof(
  { weight: 4, arbitrary: formed },
  { weight: 3, arbitrary: mutated(formed) },
  { weight: 1, arbitrary: text },
);

/** The same, and what a variable may hold beside them: tags, marks of YAML, whole collections. */
export const values = fc.oneof(
  { weight: 6, arbitrary: scalars },
  { weight: 1, arbitrary: tagged },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom(...'a1 :#-,[]{}&*!|>\'"%@`?~.'.split('')), maxLength: 8 }),
  },
);
