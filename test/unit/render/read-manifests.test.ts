import { describe, expect, it } from 'vitest';

import { parseKubernetesYaml } from '#shared/render/parse-kubernetes-yaml.ts';
import { readManifests } from '#shared/render/read-manifests.ts';

function refusalOf(text: string): string {
  const manifests = readManifests(text);
  return manifests.outcome === 'read' ? 'read' : manifests.messages.join('\n');
}

const POD = 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n';

describe('reading YAML as Kubernetes does', () => {
  it.each<readonly [string, unknown]>([
    ['yes', true],
    ['on', true],
    ['y', true],
    ['Off', false],
    ['"yes"', 'yes'],
    ['true', true],
    ['~', null],
    ['', null],
    ['010', 8],
    ['0o17', 15],
    ['0x1f', 31],
    ['0b11', 3],
    ['-012', -10],
    ['1_000', 1000],
    ['089', 89],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1.10', 1.1],
    ['"1.10"', '1.10'],
    ['12:30:45', '12:30:45'],
    ['2020-01-01', '2020-01-01'],
    ['=', '='],
    ['1.2.3', '1.2.3'],
    ['0.0.0.0', '0.0.0.0'],
    ['"-"', '-'],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['18446744073709551615', 18446744073709551615n],
    ['18446744073709551616', 18446744073709552000],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['5e12345', '5e12345'],
    ['1e400', '1e400'],
    ['.29_', '.29_'],
    ['0x52908400098527886E0F7030069857D2E4169EE7', '0x52908400098527886E0F7030069857D2E4169EE7'],
    ['0b1_1', 3],
    [`0b${'1'.repeat(65)}`, `0b${'1'.repeat(65)}`],
    ['0o7777777777777777777777777', '0o7777777777777777777777777'],
    ['0X1F', 31],
    ['-0.0', 0],
    ['!!str 5', '5'],
    ['!!int "5"', 5],
    ['!!float 5', 5],
    ['!!binary aGk=', 'hi'],
    ['!!js/function "x"', 'x'],
    ['{1e6: a, 010: b, yes: c, 1.50: d}', { '1e+06': 'a', 8: 'b', true: 'c', 1.5: 'd' }],
  ])('reads %s', (text, expected) => {
    expect(parseKubernetesYaml(`a: ${text}`)).toEqual([{ a: expected }]);
  });

  it.each([
    ['duplicate keys', 'duplicated mapping key', 'a: 1\na: 2\n'],
    ['a text with the tag of an integer', 'cannot resolve a node with', 'a: !!int x\n'],
    ['a key without a text', 'a key is empty or null', '~: x\n'],
    ['an anchor whose name has other characters', 'the name of an anchor', 'a: &x.y 1\n'],
    ['an alias to itself', 'unfolds into more than', '&a [*a]\n'],
    ['nesting without end', 'nesting exceeded', '['.repeat(100_000)],
    ['nested mappings without end', 'nesting exceeded', '{a: '.repeat(50_000)],
    ['nested sequences without end', 'nesting exceeded', '- '.repeat(50_000)],
    ['a broken text', 'deficient indentation', 'a: [\n'],
    [
      'a billion laughs',
      'unfolds into more than',
      `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array.from({ length: 9 }, () => `*a${n}`).join(',')}]\n`).join('')}`,
    ],
    ['more aliases than people write', 'aliases exceeded', `a: &a x\nb: [${'*a, '.repeat(200)}]\n`],
    [
      'merges of merges',
      'aliases exceeded',
      `m0: &m0 {a0: 1}\n${Array.from({ length: 300 }, (_, n) => `m${n + 1}: &m${n + 1} {<<: [*m${n}, *m${n}], k${n}: 1}\n`).join('')}`,
    ],
  ])('refuses %s, in time', (_, message, text) => {
    const started = performance.now();

    expect(() => parseKubernetesYaml(text)).toThrow(message);

    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it.each([
    ['in quotes', "a: 'x\u2028    y'\nb: 1\n", 'x\u2028y'],
    ['at the end of quotes', "a: '\u2029'\nb: 1\n", '\u2029'],
    ['in a block', 'a: |\n  x\u2028    y\u2028\u2029  z\n  n\u2028b: 1\n', 'x\u2028  y\u2028\u2029z\nn\u2028'],
    ['escaped', 'a: "x\\L  y"\nb: 1\n', 'x\u2028  y'],
  ])('keeps a line break of Unicode %s, without the indentation behind it', (_, text, expected) => {
    expect(parseKubernetesYaml(text)).toEqual([{ a: expected, b: 1 }]);
  });

  it('keeps a key named like a part of every JavaScript object as plain data', () => {
    const [value] = parseKubernetesYaml('__proto__: { polluted: 1 }\nconstructor: x\n');

    expect(Object.keys(value as object)).toContain('__proto__');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect((value as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('reading manifests', () => {
  it('reads the objects of a stream and passes over empty documents', () => {
    expect(readManifests(`---\n${POD}---\n---\n${POD.replace('name: a', 'name: b')}`)).toMatchObject({
      outcome: 'read',
      objects: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    });
  });

  it('takes a namespace of null for none', () => {
    expect(readManifests(`${POD}  namespace: null\n`)).toEqual({
      outcome: 'read',
      objects: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }],
    });
  });

  it('flattens Lists', () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${POD.trimEnd().replaceAll('\n', '\n  ')}\n`;

    expect(readManifests(list)).toMatchObject({ outcome: 'read', objects: [{ kind: 'Pod' }] });
  });

  it.each([
    ['a text', 'hello', 'rendered document 1 is not a mapping'],
    ['a list', '- a', 'rendered document 1 is not a mapping'],
    ['no kind', 'apiVersion: v1\nmetadata: {name: a}', 'has no apiVersion and kind'],
    ['no name', 'apiVersion: v1\nkind: Pod\nmetadata: {generateName: a}', '(Pod) has no metadata.name'],
    ['a name that is a number', 'apiVersion: v1\nkind: Pod\nmetadata: {name: 5}', '(Pod) has no metadata.name'],
    ['a label that is a boolean', `${POD}  labels: {on: yes}\n`, 'that is not a text; quote it'],
    [
      'a number that JSON cannot hold',
      `${POD}spec: {a: [1, .inf]}\n`,
      '(Pod/a) has spec.a[1] that is infinite or no number',
    ],
    ['an object twice', `${POD}---\n${POD}`, 'Pod/a is rendered more than once'],
  ])('refuses %s', (_, text, message) => {
    expect(refusalOf(text)).toContain(message);
  });
});
