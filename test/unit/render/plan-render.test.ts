import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { SourceTree } from '#shared/common/source-tree.ts';
import { generateKustomization, listManifests } from '#shared/render/generate-kustomization.ts';
import { planRender, type PlannedRender, type RenderSettings } from '#shared/render/plan-render.ts';
import { sampleSize } from '#test/sample-size.ts';

const OBJECT = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
const SETTINGS: RenderSettings = {
  namespace: 'flux-system',
  name: 'apps',
  path: './apps',
  patches: [],
  images: [],
  components: [],
  commonMetadata: {},
};

function tree(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

function plan(
  texts: Readonly<Record<string, string>>,
  settings: Partial<RenderSettings> = {},
  version = 'kustomize v5.8.1',
): PlannedRender {
  return planRender(tree(texts), { ...SETTINGS, ...settings }, [], version);
}

function keyOf(...args: Parameters<typeof plan>): string {
  const planned = plan(...args);
  return planned.outcome === 'planned' ? planned.plan.cacheKey : JSON.stringify(planned);
}

describe('generating a kustomization', () => {
  it('names every manifest below the folder, and a subfolder with a kustomization as one', () => {
    const texts = {
      'apps/b.yaml': OBJECT,
      'apps/a/z.yml': OBJECT,
      'apps/a.yaml': OBJECT,
      'apps/a/sub/kustomization.yaml': 'resources: [x.yaml]',
      'apps/a/sub/x.yaml': OBJECT,
      'apps/a/sub/deep/Kustomization': 'resources: []',
      'apps/README.md': 'x',
      'apps/values.json': '{}',
      'apps-2/a.yaml': OBJECT,
    };

    expect(listManifests(tree(texts), 'apps')).toEqual(['./a/sub', './a/z.yml', './a.yaml', './b.yaml']);
  });

  it('leaves a file as written when the specification adds nothing', () => {
    const texts = { 'apps/kustomization.yml': 'resources: [a.yaml]', 'apps/a.yaml': OBJECT };

    expect(generateKustomization(tree(texts), 'apps', SETTINGS)).toEqual({
      outcome: 'as-written',
      file: 'apps/kustomization.yml',
    });
  });

  it.each<[what: string, file: object, spec: object, expected: object]>([
    [
      'a new name keeps the tag of the file',
      { newTag: 'v1.2.3' },
      { newName: 'mirror.example/app' },
      { newName: 'mirror.example/app', newTag: 'v1.2.3' },
    ],
    ['a new tag keeps the name of the file', { newName: 'm/app' }, { newTag: '2' }, { newName: 'm/app', newTag: '2' }],
    ['a new tag takes the digest away', { digest: 'sha256:1' }, { newTag: '2' }, { newTag: '2' }],
    ['a new digest takes the tag away', { newTag: '1' }, { digest: 'sha256:2' }, { digest: 'sha256:2' }],
    [
      'an empty field says nothing',
      { newTag: '1' },
      { newTag: '', newName: 'm/app' },
      { newTag: '1', newName: 'm/app' },
    ],
  ])('merges an image field by field: %s', (_what, file, spec, expected) => {
    const texts = { 'apps/kustomization.yaml': JSON.stringify({ images: [{ name: 'app', ...file }] }) };

    const generated = generateKustomization(tree(texts), 'apps', { ...SETTINGS, images: [{ name: 'app', ...spec }] });

    const text = generated.outcome === 'generated' ? generated.text : '';
    expect(JSON.parse(text)).toMatchObject({ images: [{ name: 'app', ...expected }] });
    expect(Object.keys((JSON.parse(text) as { images: object[] }).images[0] ?? {})).toHaveLength(
      1 + Object.keys(expected).length,
    );
  });

  it.each(['../components/x', '../../components/x', 'apps/../../components/x', '/components/x'])(
    'finds the path %s inside the root of the artifact, as Flux does',
    (path) => {
      const planned = plan({ 'components/x/a.yaml': OBJECT }, { path });

      expect(planned).toMatchObject({ outcome: 'planned', plan: { folder: 'components/x' } });
    },
  );

  it.each(['---\nresources: [a.yaml]\n---\n', 'resources: [a.yaml]\n---\n---\n'])(
    'reads a kustomization file that ends in a line between documents',
    (text) => {
      expect(plan({ 'apps/kustomization.yaml': text, 'apps/a.yaml': OBJECT })).toMatchObject({ outcome: 'planned' });
    },
  );

  it('writes the specification into the file that is there, where Flux writes it', () => {
    const texts = {
      'apps/Kustomization':
        'namespace: old\nimages: [{ name: a, newTag: "1" }, { name: b, newTag: "1" }]\npatches: [{ path: p.yaml }]\n',
    };

    const generated = generateKustomization(tree(texts), 'apps', {
      ...SETTINGS,
      targetNamespace: 'new',
      namePrefix: 'p-',
      nameSuffix: '-s',
      patches: [{ patch: 'x' }],
      components: ['../c'],
      images: [
        { name: 'c', newTag: '2' },
        { name: 'a', newTag: '2' },
      ],
    });

    expect(generated).toMatchObject({ outcome: 'generated', file: 'apps/Kustomization' });
    expect(JSON.parse(generated.outcome === 'generated' ? generated.text : '')).toEqual({
      namespace: 'new',
      namePrefix: 'p-',
      nameSuffix: '-s',
      images: [
        { name: 'a', newTag: '2' },
        { name: 'b', newTag: '1' },
        { name: 'c', newTag: '2' },
      ],
      patches: [{ path: 'p.yaml' }, { patch: 'x' }],
      components: ['../c'],
    });
  });
});

describe('planning a render', () => {
  const texts = {
    'apps/kustomization.yaml': 'resources: [a.yaml]\n',
    'apps/a.yaml': OBJECT,
    'apps/unused.yaml': OBJECT,
    'c/kustomization.yaml': 'kind: Component\nresources: [https://example.com/a.yaml]\n',
    'other/b.yaml': OBJECT,
  };

  it('fails when the path names no folder', () => {
    expect(plan(texts, { path: './app' })).toEqual({
      outcome: 'failed',
      problems: [
        {
          file: 'app',
          field: 'spec.path',
          message: 'kustomization flux-system/apps: path ./app names no folder of its source; correct spec.path',
        },
      ],
    });
  });

  it.each(['', '.', './', '/'])('takes the path %s for the root', (path) => {
    expect(plan({ 'a.yaml': OBJECT }, { path })).toMatchObject({ outcome: 'planned', plan: { folder: '' } });
  });

  it('follows the components of the specification too', () => {
    expect(plan(texts, { components: ['../c'] })).toMatchObject({
      outcome: 'failed',
      problems: [{ file: 'c/kustomization.yaml', line: 2, field: 'resources[0]' }],
    });
  });

  it.each(['https://example.com/c', '/c', '../../c'])('refuses the component %s', (component) => {
    expect(plan(texts, { components: [component] })).toMatchObject({
      outcome: 'failed',
      problems: [{ field: 'spec.components[0]' }],
    });
  });

  it('reports problems at the lines that people wrote, also when the file is edited for the build', () => {
    const remote = { 'apps/kustomization.yaml': '# mine\nresources:\n  - https://example.com/a.yaml\n' };

    expect(plan(remote, { targetNamespace: 'a' })).toMatchObject({
      problems: [{ file: 'apps/kustomization.yaml', line: 3, column: 5 }],
    });
  });

  it('keeps the key when files change that the build cannot read', () => {
    const changed = { ...texts, 'other/b.yaml': 'changed', 'apps/unused.yaml': 'changed', 'README.md': 'new' };

    expect(keyOf(changed)).toBe(keyOf(texts));
  });

  it.each<readonly [string, Parameters<typeof plan>]>([
    ['a file of it', [{ ...texts, 'apps/a.yaml': `${OBJECT}data: {}\n` }]],
    ['the kustomization', [{ ...texts, 'apps/kustomization.yaml': 'resources: [a.yaml, unused.yaml]\n' }]],
    ['the namespace', [texts, { targetNamespace: 'a' }]],
    ['an image', [texts, { images: [{ name: 'a', newTag: '1' }] }]],
    ['a common label', [texts, { commonMetadata: { labels: { a: 'b' } } }]],
    ['a common annotation', [texts, { commonMetadata: { annotations: { a: 'b' } } }]],
    ['a variable', [texts, { postBuild: { substitute: { a: 'b' }, substituteFrom: [] } }]],
    ['the version of kustomize', [texts, {}, 'kustomize v5.9.0']],
  ])('changes the key with %s', (_, args) => {
    expect(keyOf(...args)).not.toBe(keyOf(texts));
    expect(keyOf(...args)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('has a key that does not depend on the order of the tree', () => {
    const entries = Object.entries(texts);
    fc.assert(
      fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
        expect(keyOf(Object.fromEntries(shuffled))).toBe(keyOf(texts));
      }),
      { seed: 42, numRuns: sampleSize(50, 1_000) },
    );
  });
});
