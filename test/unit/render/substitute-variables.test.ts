import { describe, expect, it } from 'vitest';

import { mergeVariables, substituteVariables } from '#shared/render/substitute-variables.ts';

function configMap(name: string, value: string, mark = ''): string {
  return `apiVersion: v1\ndata:\n  a: ${value}\nkind: ConfigMap\nmetadata:\n${mark}  name: ${name}\n  namespace: team\n`;
}

describe('merging variables', () => {
  it('lets a later reference win over an earlier one, and the inline value over all', () => {
    const merged = mergeVariables(
      [
        { a: '1', b: '1', c: '1' },
        { b: '2', c: '2' },
      ],
      { c: '3' },
    );

    expect([...merged]).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]);
  });

  it('takes line breaks out of values, so that no value adds lines to a manifest', () => {
    expect(mergeVariables([{ a: 'x\nkind: Secret\n---\n' }], {}).get('a')).toBe('xkind: Secret---');
  });
});

describe('substituting variables', () => {
  const variables = new Map([['v', '3']]);

  it('fills each object of a stream', () => {
    const stream = `${configMap('a', '${v}')}---\n${configMap('b', 'x-${v}')}`;

    expect(substituteVariables(stream, variables)).toMatchObject({
      outcome: 'substituted',
      text: `${configMap('a', '3')}---\n${configMap('b', 'x-3')}`,
    });
  });

  it.each(['annotations', 'labels'])('leaves an object alone whose %s opt out', (field) => {
    const mark = `  ${field}:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\n`;
    const stream = configMap('a', '${missing} $${v}', mark);

    expect(substituteVariables(stream, variables)).toMatchObject({ outcome: 'substituted', text: stream });
  });

  it.each([
    ['the definition of a kind of Flux', 'kustomizations.kustomize.toolkit.fluxcd.io', ''],
    [
      'anything that flux bootstrap generated',
      'crd-controller',
      '  labels:\n    app.kubernetes.io/instance: flux-system\n    app.kubernetes.io/part-of: flux\n',
    ],
  ])('leaves %s alone, which is not applied and speaks of variables', (_case, name, labels) => {
    const stream = `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n${labels}  name: ${name}\nspec:\n  description: e.g. \${var:=default}, \${var:position} and \${var/substring/replacement}.\n---\n${configMap('a', '${v}')}`;

    expect(substituteVariables(stream, variables)).toMatchObject({
      outcome: 'substituted',
      text: stream.replace('a: ${v}', 'a: 3'),
    });
  });

  it("fills the definition of anybody else's kind", () => {
    const stream = `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: widgets.acme.dev\nspec:\n  group: \${v}\n`;

    expect(substituteVariables(stream, variables)).toMatchObject({ text: stream.replace('${v}', '3') });
  });

  it('touches nothing, escapes included, when there are no variables', () => {
    const stream = configMap('a', '$${v} ${missing}');

    expect(substituteVariables(stream, new Map())).toMatchObject({ outcome: 'substituted', text: stream });
  });

  it('names every object and variable that cannot be filled', () => {
    const stream = `${configMap('a', '${one}')}---\n${configMap('b', '${v}')}---\n${configMap('c', '${two}')}`;

    expect(substituteVariables(stream, variables)).toMatchObject({
      outcome: 'refused',
      messages: [
        expect.stringMatching(/^ConfigMap\/team\/a: variable one has no value/),
        expect.stringMatching(/^ConfigMap\/team\/c: variable two has no value/),
      ],
    });
  });

  it('leaves what cannot be read to the reading of the result', () => {
    expect(substituteVariables('a: [\nb: ${v}\n', variables)).toMatchObject({
      outcome: 'substituted',
      text: 'a: [\nb: 3\n',
    });
  });

  it.each(['a.b', '1a', 'é', 'größe', 'a٣', 'a\n', ''])('names a variable whose name is none to Flux: %j', (name) => {
    expect(substituteVariables('', new Map([[name, '1']]))).toMatchObject({
      messages: [expect.stringContaining(`variable ${JSON.stringify(name)} has no valid name`)],
    });
  });
});
