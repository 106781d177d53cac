import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { addCluster, replaceAppId } from '#cli/edit-settings.ts';
import { sampleSize } from '#test/sample-size.ts';

const NEW = {
  name: 'new',
  path: './clusters/new',
  eks: {
    name: 'prod',
    region: 'eu-west-1',
    endpoint: 'https://A1.eks.amazonaws.com',
    certificateAuthority: 'LS0tLQ==',
  },
};
const FLOW =
  '{ name: new, path: ./clusters/new, eks: { name: prod, region: eu-west-1, endpoint: https://A1.eks.amazonaws.com, certificateAuthority: LS0tLQ== } }';

function block(dash: number, keys = dash + 2, eol = '\n'): string {
  const lines = [
    `${' '.repeat(dash)}-${' '.repeat(keys - dash - 1)}name: new`,
    'path: ./clusters/new',
    'eks:',
    '  name: prod',
    '  region: eu-west-1',
    '  endpoint: https://A1.eks.amazonaws.com',
    '  certificateAuthority: LS0tLQ==',
  ];
  return lines.map((line, index) => `${index === 0 ? '' : ' '.repeat(keys)}${line}${eol}`).join('');
}

describe('adding a cluster to the settings', () => {
  it.each([
    ['a list with a field a line', 'clusters:\n  - name: a\n    path: b\n', '', block(2)],
    ['a list that is not indented', 'clusters:\n- name: a\n  path: b\n', '', block(0)],
    ['a list with wide dashes', 'clusters:\n  -   name: a\n      path: b\n', '', block(2, 6)],
    ['a comment behind the last value', 'clusters:\n  - name: a\n    path: b # last\n', '', block(2)],
    ['comments below', 'clusters:\n  - name: a\n', '  # - name: later\n\n# serve\nserve: {}\n', block(2)],
    ['a key below', 'clusters:\n  - name: a\n', '\nserve:\n  port: 1\n', block(2)],
    ['items in braces', 'clusters:\n  - { name: a, path: b } # one\n', 'serve: {}\n', `  - ${FLOW}\n`],
    ['Windows line ends', 'clusters:\r\n  - name: a\r\n', 'serve: {}\r\n', block(2, 4, '\r\n')],
    ['no line end', 'clusters:\n  - name: a', '', `\n${block(2).trimEnd()}`],
    ['no clusters yet', 'serve: {}\n', '', `clusters:\n${block(2)}`],
    ['a key without a value', 'clusters: # soon\n', 'serve: {}\n', block(2)],
    ['an empty list', 'clusters: [', ']\n', ` ${FLOW} `],
    ['a list in one line', 'clusters: [ { name: a }', ' ] # all\n', `, ${FLOW}`],
    ['a list in one line with a last comma', 'clusters: [{ name: a },', ']\n', ` ${FLOW}`],
    ['a block of text as last value', 'clusters:\n  - name: a\n    path: |\n      b\n', '\n# end\n', block(2)],
    ['a last field that holds nothing', 'clusters:\n  - name: a\n    path:\n', '\n# end\nserve: {}\n', block(2)],
    ['a document that ends', '---\nclusters:\n  - name: a\n', '...\n', block(2)],
    ['everything in braces', '{ clusters: [ { name: a }', ' ] }\n', `, ${FLOW}`],
    ['everything in braces without clusters', '{ serve: {}', ' }\n', `, clusters: [ ${FLOW} ]`],
    ['a list in brackets with an item a line', 'clusters: [\n  { name: a }, # a\n', ']\n', `  ${FLOW},\n`],
  ])('goes after the last one in %s', (_what, head, tail, added) => {
    expect(addCluster(head + tail, NEW)).toEqual({ text: head + added + tail });
  });

  it('adds the comma that the last item of a long list in brackets lacks', () => {
    expect(addCluster('clusters: [\n  { name: a } # a\n]\n', NEW)).toEqual({
      text: `clusters: [\n  { name: a }, # a\n  ${FLOW}\n]\n`,
    });
  });

  it.each([
    ['broken YAML', 'clusters: [\n'],
    ['another kind of value', 'clusters: none\n'],
    ['an explicit nothing', 'clusters: null\n'],
    ['a list at the root', '- clusters\n'],
    ['two documents', 'clusters:\n  - name: a\n---\nb: 1\n'],
  ])('leaves %s alone and says why', (_what, text) => {
    expect(addCluster(text, NEW)).toEqual({ fault: expect.stringMatching(/\S/u) });
  });

  it('keeps every byte and means what was meant, whatever stands around it', () => {
    const comment = fc.constantFrom('', ' # note', ' # - name: x', '   ');
    const gap = fc.constantFrom('', '\n', '# a: b\n', '  # c\n\n');
    const item = fc.constantFrom(
      (pad: string, note: string) => `${pad}- { name: a }${note}\n`,
      (pad: string, note: string) => `${pad}- name: a${note}\n${pad}  path: 'b: c'${note}\n`,
      (pad: string, note: string) => `${pad}-   eks:${note}\n${pad}      x: |\n${pad}        t\n`,
      (pad: string, note: string) => `${pad}-${note}\n${pad}  name: "a"\n`,
    );
    const layout = fc.tuple(fc.constantFrom('', '  ', '    '), fc.array(item, { minLength: 1, maxLength: 3 }), comment);
    fc.assert(
      fc.property(gap, layout, gap, fc.constantFrom('', 'serve: { port: 1 }\n'), fc.boolean(), (...parts) => {
        const [top, [pad, items, note], below, rest, windows] = parts;
        const written = `a: 1\n${top}clusters:${note}\n${items.map((each) => each(pad, note)).join('')}${below}${rest}`;
        const text = windows ? written.replaceAll('\n', '\r\n') : written;
        const result = addCluster(text, NEW);

        expect(result).toHaveProperty('text');
        const after = 'text' in result ? result.text : '';
        const length = after.length - text.length;
        const starts = Array.from({ length: text.length + 1 }, (_, index) => index);
        expect(starts.some((start) => after.slice(0, start) + after.slice(start + length) === text)).toBe(true);
        const old = parse(text) as { clusters: unknown[] };
        expect(parse(after)).toEqual({ ...old, clusters: [...old.clusters, NEW] });
      }),
      { seed: 42, numRuns: sampleSize(200, 5_000) },
    );
  });
});

describe('putting the id of another App into the settings', () => {
  it.each([
    ['changes an id', 'github:\n  appId: 12345 # ours\n  x: y\n', 'github:\n  appId: 7 # ours\n  x: y\n'],
    ['changes an id in braces', 'github: { x: y, appId: 1 }\n', 'github: { x: y, appId: 7 }\n'],
    ['adds none', 'github: { x: y }\n', 'github: { x: y }\n'],
    ['adds none where github is not there', 'serve: {}\n', 'serve: {}\n'],
    ['adds none for a key without a value', 'github:\n  appId:\n', 'github:\n  appId:\n'],
  ])('%s, and changes nothing else', (_what, before, after) => {
    expect(replaceAppId(before, 7)).toBe(after);
  });
});
