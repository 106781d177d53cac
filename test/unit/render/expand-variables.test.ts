import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { expandVariables } from '#shared/render/expand-variables.ts';
import { sampleSize } from '#test/sample-size.ts';

const VARIABLES: ReadonlyMap<string, string> = new Map([
  ['region', 'eu-west-1'],
  ['word', 'abcABC123ABCabc'],
  ['path', '/srv/data/file.tar.gz'],
  ['empty', ''],
  ['other', 'fallback'],
  ['é1', 'letters'],
  ['wide', 'ä🙂'],
]);

function expand(text: string): string {
  const expansion = expandVariables(text, VARIABLES);
  return expansion.outcome === 'expanded' ? expansion.text : `refused: ${expansion.message}`;
}

describe('expanding variables', () => {
  it.each([
    ['${region}', 'eu-west-1'],
    ['a ${region} b ${region}', 'a eu-west-1 b eu-west-1'],
    ['${empty}', ''],
    ['${é1}', 'letters'],
    ['$region', '$region'],
    ['$(date) $ $', '$(date) $ $'],
    ['$${region}', '${region}'],
    ['$$region $$$${region}', '$region $${region}'],
    ['$${missing=${other}}', '${missing=fallback}'],
    ['${missing:=x y}', 'x y'],
    ['${missing=x}', 'x'],
    ['${missing:-x}', 'x'],
    ['${missing:=}', ''],
    ['${empty:=x}', 'x'],
    ['${region:=x}', 'eu-west-1'],
    ['${missing:=${other}}', 'fallback'],
    ['${missing:=a-${other}-b}', 'a-fallback-b'],
    ['${missing:=${alsoMissing:=deep}}', 'deep'],
    ['${missing:={"a":1}}', '{"a":1}'],
    ['${#region}', '9'],
    ['${#wide}', '6'],
    ['${region:3}', 'west-1'],
    ['${region:0:2}', 'eu'],
    ['${region:3:99}', 'west-1'],
    ['${region:99}', ''],
    ['${region:-1}', 'eu-west-1'],
    ['${region:x}', 'eu-west-1'],
    ['${region:1:-1}', 'u-west-'],
    ['${word/abc/X}', 'XABC123ABCabc'],
    ['${word//abc/X}', 'XABC123ABCX'],
    ['${word/#abc/X}', 'XABC123ABCabc'],
    ['${word/%abc/X}', 'abcABC123ABCX'],
    ['${word/#abc/}', 'abcABC123ABCabc'],
    ['${word//abc/}', 'ABC123ABC'],
    ['${path//\\//-}', '-srv-data-file.tar.gz'],
    ['${path#*/}', 'srv/data/file.tar.gz'],
    ['${path##*/}', 'file.tar.gz'],
    ['${path%.*}', '/srv/data/file.tar'],
    ['${path%%.*}', '/srv/data/file'],
    ['${path#[!/]}', 'srv/data/file.tar.gz'],
    ['${path#[^/]}', '/srv/data/file.tar.gz'],
    ['${path#?srv}', '/data/file.tar.gz'],
    ['${region#[a-f]}', 'u-west-1'],
    ['${region#[}', 'eu-west-1'],
    ['${word^}', 'AbcABC123ABCabc'],
    ['${word^^}', 'ABCABC123ABCABC'],
    ['${word,,}', 'abcabc123abcabc'],
    ['${missing:=${word,,}}', 'abcabc123abcabc'],
  ])('expands %s to %s', (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  it.each([
    '${missing}',
    '${#missing}',
    '${missing^^}',
    '${missing:0:2}',
    '${missing/a/b}',
    '${missing#a}',
    '${a:=${missing}}',
  ])('refuses %s, because the variable has neither a value nor a default', (text) => {
    expect(expand(text)).toContain('refused: variable missing has no value');
  });

  it.each([
    '${',
    '${}',
    '${region',
    '${region-x}',
    '${a b}',
    '${.a}',
    '${region:}',
    '${word/a}',
    '${FOO[@]}',
    '${!x}',
    '${word/#/pre-}',
    '${word/%/-post}',
    '${word#}',
    '${word:é}',
    '${missing:=${other}',
  ])('refuses %s, which is no substitution', (text) => {
    expect(expand(text)).toMatch(/^refused: has "\$\{.*no substitution that Flux knows/);
  });

  it('refuses substitutions nested without end', () => {
    expect(expand('${a:='.repeat(10_000))).toContain('nests more than 50');
  });

  it('refuses to cut a character in two', () => {
    expect(expand('${wide:2}')).toBe('🙂');
    expect(expand('${wide:1}')).toContain('refused: cuts a character in two');
  });

  it.each(['${v//a/${v//a/${v//a/${v}}}}', '${x:=${v}${v}}'.repeat(3_000), `\${x:=${'${v//a/${v}}'.repeat(100)}}`])(
    'bounds what a short text asks for',
    (text) => {
      const variables = new Map([['v', 'a'.repeat(20_000)]]);

      expect(expandVariables(text, variables)).toMatchObject({
        outcome: 'refused',
        message: expect.stringMatching(/^expands into more than/),
      });
    },
  );

  it('bounds what it looks at, too', () => {
    const variables = new Map([['v', 'a'.repeat(1_000_000)]]);

    expect(expandVariables('${#v}'.repeat(10_000), variables)).toMatchObject({ outcome: 'refused' });
  });

  it('answers a hostile glob in time', () => {
    const variables = new Map([['v', 'a'.repeat(20_000)]]);
    const started = performance.now();

    expandVariables(`\${v#${'*a'.repeat(50)}b}`, variables);

    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('leaves any text without a dollar sign as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('$')),
        (text) => {
          expect(expand(text)).toBe(text);
        },
      ),
      { seed: 42, numRuns: sampleSize(200, 10_000) },
    );
  });

  it('gives back any text whose dollar signs were doubled', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', ':', '=', '\n') }), (text) => {
        expect(expand(text.replaceAll('$', '$$$$'))).toBe(text);
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
  });
});
