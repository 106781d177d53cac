import { describe, expect, it } from 'vitest';

import { formatProblem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { collectBuildInput } from '#shared/render/collect-build-input.ts';

function tree(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

function problemsOf(texts: Readonly<Record<string, string>>, folder = 'apps'): readonly string[] {
  const input = collectBuildInput(tree(texts), folder);
  return input.outcome === 'collected' ? [] : input.problems.map(formatProblem);
}

function filesOf(texts: Readonly<Record<string, string>>, folder = 'apps'): readonly string[] {
  const input = collectBuildInput(tree(texts), folder);
  return input.outcome === 'collected' ? [...input.files.keys()].sort() : ['refused', ...problemsOf(texts, folder)];
}

const OBJECT = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

/** Where each field of a kustomization that loads a file takes its reference. */
const LOADING_FIELDS: readonly (readonly [string, (reference: string) => string])[] = [
  ['resources', (reference) => `resources:\n- ${reference}`],
  ['bases', (reference) => `bases:\n- ${reference}`],
  ['components', (reference) => `components:\n- ${reference}`],
  ['crds', (reference) => `crds:\n- ${reference}`],
  ['configurations', (reference) => `configurations:\n- ${reference}`],
  ['openapi', (reference) => `openapi:\n  path: ${reference}`],
  ['patches', (reference) => `patches:\n- path: ${reference}`],
  ['patches, in capitals', (reference) => `patches:\n- PATH: ${reference}`],
  ['patchesJson6902', (reference) => `patchesJson6902:\n- path: ${reference}`],
  ['patchesStrategicMerge', (reference) => `patchesStrategicMerge:\n- ${reference}`],
  ['replacements', (reference) => `replacements:\n- path: ${reference}`],
  ['configMapGenerator files', (reference) => `configMapGenerator:\n- name: a\n  files: [${reference}]`],
  ['configMapGenerator files with a key', (reference) => `configMapGenerator:\n- name: a\n  files: ["k=${reference}"]`],
  ['configMapGenerator files with a long s', (reference) => `configMapGenerator:\n- name: a\n  fileſ: [${reference}]`],
  ['configMapGenerator env', (reference) => `configMapGenerator:\n- name: a\n  env: ${reference}`],
  ['secretGenerator envs', (reference) => `secretGenerator:\n- name: a\n  envs: [${reference}]`],
  ['generators', (reference) => `generators:\n- ${reference}`],
  ['transformers', (reference) => `transformers:\n- ${reference}`],
  ['validators', (reference) => `validators:\n- ${reference}`],
  [
    'an inline transformer',
    (reference) =>
      `transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: p}\n  path: ${reference}`,
  ],
  [
    'an inline generator',
    (reference) =>
      `generators:\n- |\n  apiVersion: builtin\n  kind: SecretGenerator\n  metadata: {name: p}\n  files: ["${reference}"]`,
  ],
];

const OUTSIDE = [
  '/etc/passwd',
  '../../etc/passwd',
  'a/../../../etc/passwd',
  '../../apps-2/secret.yaml',
  'https://example.com/a.yaml',
  'http://169.254.169.254/latest/meta-data',
  'https:/example.com/a.yaml',
  'HTTPS://example.com/a.yaml',
  'file:///etc/passwd',
  'git@github.com:acme/app.git',
  'ssh://git@github.com/acme/app',
  'git::https://example.com/app',
  'github.com/acme/app',
  'github.com/acme/app//deploy?ref=main',
  'gh:acme/app',
  'example.com/acme/app.git',
  'dev.azure.com/acme/_git/app',
  'base?ref=main',
  'missing.yaml',
] as const;

describe('collecting what a build can read', () => {
  describe.each(LOADING_FIELDS)('through %s', (_, write) => {
    it.each(OUTSIDE)('refuses %s, with file and line', (reference) => {
      const problems = problemsOf({ 'apps/kustomization.yaml': write(reference) });

      expect(problems.length).toBeGreaterThan(0);
      expect(problems.every((problem) => /^apps\/kustomization\.yaml:[1-9][0-9]*:[1-9]/.test(problem))).toBe(true);
    });
  });

  it('refuses what kustomize reads as an address even where a folder of that name exists', () => {
    const texts = {
      'apps/kustomization.yaml': 'resources: [github.com/acme/app]',
      'apps/github.com/acme/app/kustomization.yaml': 'namespace: a',
      'apps/https:/example.com/a.yaml': OBJECT,
    };

    expect(problemsOf(texts)).toEqual([
      'apps/kustomization.yaml:1:13: resources[0]: is "github.com/acme/app", a remote reference; only files of the same repository are built: commit a copy of it',
    ]);
  });

  it('refuses a remote reference in a base that is far away', () => {
    const texts = {
      'apps/kustomization.yaml': 'resources: [../one]',
      'one/kustomization.yaml': 'components: [../two]',
      'two/kustomization.yml': 'kind: Component\nresources:\n  - a.yaml\n  - https://example.com/a.yaml\n',
      'two/a.yaml': OBJECT,
    };

    expect(problemsOf(texts)).toEqual([expect.stringMatching(/^two\/kustomization\.yml:4:5: resources\[1\]: /)]);
  });

  it.each([
    ['helm charts', 'helmCharts: [{ name: a, repo: "https://example.com" }]', 'Helm chart'],
    ['helm globals', 'helmGlobals: { chartHome: /etc }', 'Helm chart'],
    ['a field in another case, which Go accepts', 'Resources: [a.yaml]', 'did you mean resources?'],
    ['a binary text', 'resources: [!!binary aHR0cHM6Ly9leGFtcGxlLmNvbQ==]', 'a remote reference'],
    ['a list that is none', 'resources: a.yaml', 'allowed is a list'],
    ['an entry that is no text', 'resources: [{ a: b }]', 'allowed is a text'],
    ['two documents', 'namespace: a\n---\nresources: [a.yaml]', 'has 2 documents'],
    ['no mapping', '- a', 'is not a mapping'],
    ['a duplicate key', 'resources: []\nresources: [a.yaml]', 'duplicated mapping key'],
    [
      'an exec plugin',
      'transformers:\n- |\n  apiVersion: acme.dev/v1\n  kind: Evil\n  metadata: {name: e}',
      'never run',
    ],
    [
      'a container function',
      'generators:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: e, annotations: {config.kubernetes.io/function: "container: {image: evil}"}}',
      'never run',
    ],
    [
      'a chart generator',
      'generators:\n- |\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: e}',
      'never run',
    ],
    ['a comment that kustomize reads as a line', '# c\u2028resources: [https://example.com/a.yaml]', 'plain UTF-8'],
    ['a comment with the next-line character', '# c\u0085resources: [https://example.com/a.yaml]', 'plain UTF-8'],
    ['a NUL', 'namespace: a\0', 'plain UTF-8'],
    [
      'an inline transformer with such a line',
      'transformers: ["apiVersion: builtin\\nkind: PatchTransformer\\n# c\\Lpath: /etc/passwd"]',
      'transformers[0]',
    ],
    ['a base without a kustomization file', 'resources: [sub]', 'a folder without a kustomization file'],
    ['a folder as a patch', 'patches: [{ path: sub }]', 'a folder; allowed is a file'],
    [
      'an inline patch that is a path out of the tree',
      'patchesStrategicMerge: ["a: /../../../etc/passwd"]',
      'leaves the root',
    ],
  ])('refuses %s', (_, text, message) => {
    const problems = problemsOf({ 'apps/kustomization.yaml': text, 'apps/a.yaml': OBJECT, 'apps/sub/x.yaml': OBJECT });

    expect(problems.join('\n')).toContain(message);
  });

  it('refuses a file in another encoding, which kustomize would read', () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('resources: [/etc/passwd]', 'utf16le')]);

    const input = collectBuildInput(
      new Map([['apps/kustomization.yaml', { bytes: utf16, executable: false }]]),
      'apps',
    );

    expect(input).toMatchObject({ outcome: 'refused', problems: [{ file: 'apps/kustomization.yaml' }] });
  });

  it.each([
    [
      'labels of a generator',
      'configMapGenerator:\n- name: a\n  literals: [k=v]\n  options: {labels: {env: prod, path: x}, annotations: {files: x}}',
    ],
    ['labels of all generators', 'generatorOptions: {labels: {env: prod, files: x}}'],
    [
      'targets of patches',
      'patches:\n- target: {kind: A, labelSelector: env=prod}\n  patch: "[]"\n  options: {allowNameChange: true}',
    ],
    [
      'labels of a builtin transformer',
      'transformers:\n- |\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {name: l}\n  labels: {env: prod, paths: x}\n  fieldSpecs: [{path: metadata/labels, create: true}]',
    ],
    [
      'annotations of a builtin transformer',
      'transformers:\n- |\n  apiVersion: builtin\n  kind: AnnotationsTransformer\n  metadata: {name: l}\n  annotations: {file: prod, envs: x}',
    ],
  ])('takes no name for a file that only sounds like one: %s', (_what, fields) => {
    const texts = { 'apps/kustomization.yaml': `resources: [a.yaml]\n${fields}\n`, 'apps/a.yaml': OBJECT };

    expect(collectBuildInput(tree(texts), 'apps')).toMatchObject({ outcome: 'collected' });
  });

  it.each<readonly [what: string, line: string, problem: string]>([
    [
      'a text for a patch',
      'patches: [p.yaml]',
      'patches[0]: is "p.yaml"; allowed is a mapping, such as path: "p.yaml"',
    ],
    [
      'a text for a replacement',
      'replacements: [p.yaml]',
      'replacements[0]: is "p.yaml"; allowed is a mapping, such as path: "p.yaml"',
    ],
    ['a text for an image', 'images: [app]', 'images[0]: is "app"; allowed is a mapping'],
    [
      'a number for a tag',
      'images: [{ name: a, newTag: 1.10 }]',
      'images[0].newTag: is 1.1; allowed is a text; quote it',
    ],
    [
      'a text for a count',
      'replicas: [{ name: a, count: "2" }]',
      'replicas[0].count: is "2"; allowed is a whole number',
    ],
    [
      'a text for a flag',
      'generatorOptions: { immutable: "yes" }',
      'generatorOptions.immutable: is "yes"; allowed is true or false',
    ],
    ['a truth for a label', 'commonLabels: { a: yes }', 'commonLabels.a: is true; allowed is a text; quote it'],
    ['a list for labels', 'commonLabels: [a]', 'commonLabels: is a list; allowed is a mapping'],
    [
      'a file for a component',
      'components: [p.yaml]',
      'components[0]: is "p.yaml", a file; allowed is a folder with a kustomization file',
    ],
    [
      'a file with two keys',
      'configMapGenerator: [{ files: [a=b=p.yaml] }]',
      'configMapGenerator[0].files[0]: is "a=b=p.yaml"; allowed is a path, or a key and a path with one = between them',
    ],
    [
      'a key for a file of variables',
      'configMapGenerator: [{ envs: [k=p.yaml] }]',
      'configMapGenerator[0].envs[0]: is "k=p.yaml", but there is no "apps/k=p.yaml" in the repository',
    ],
  ])('says of %s what kustomize would not read, with its place', (_what, line, problem) => {
    const texts = {
      'apps/kustomization.yaml': `resources: [a.yaml]\n${line}\n`,
      'apps/a.yaml': OBJECT,
      'apps/p.yaml': OBJECT,
    };

    const [found, ...more] = problemsOf(texts);

    expect(found).toMatch(/^apps\/kustomization\.yaml:2:[1-9][0-9]*: /);
    expect(found?.replace(/^\S+ /, '')).toBe(problem);
    expect(more).toEqual([]);
  });

  it.each(['[{ PASSWORD: hunter2 }]', '"PASSWORD=hunter2"', '[[hunter2]]', '[20261127]'])(
    'does not say what stands in the place of a literal: %s',
    (literals) => {
      const problems = problemsOf({
        'apps/kustomization.yaml': `secretGenerator: [{ name: a, literals: ${literals} }]`,
      });

      expect(problems.join()).toMatch(/literals(\[0\])?: is a (list|mapping|string|number); allowed is a (list|text)/);
      expect(problems.join()).not.toMatch(/hunter2|20261127/);
    },
  );

  it.each(['hunter2', '=hunter2', ''])('wants a key in front of a literal, and does not say which: %j', (literal) => {
    const text = `configMapGenerator: [{ name: a, literals: [${JSON.stringify(literal)}] }]`;

    expect(problemsOf({ 'apps/kustomization.yaml': text })).toEqual([
      'apps/kustomization.yaml:1:44: configMapGenerator[0].literals[0]: has no key in front of a =; allowed is key=value',
    ]);
  });

  it('names as many problems as a person mends at once, whatever there are', () => {
    const texts = { 'apps/kustomization.yaml': `resources: [${'1,'.repeat(20_000)}1]` };

    expect(problemsOf(texts)).toHaveLength(50);
  });

  it.each<readonly [what: string, fields: string, files: readonly string[]]>([
    ['a file of variables with = in its name', 'configMapGenerator: [{ name: a, envs: [k=v.env] }]', ['k=v.env']],
    ['the same by its old field', 'secretGenerator: [{ name: a, env: k=v.env }]', ['k=v.env']],
    ['images by their old field', 'imageTags: [{ name: app, newTag: v1 }]', []],
    ['no file that is named by an empty text', 'patches: [{ path: "", patch: "[]" }]', []],
    ['no patch in an empty text', 'patchesStrategicMerge: [""]', []],
    [
      'patches of a builtin transformer, in a file or inline',
      'transformers:\n- |\n  apiVersion: builtin\n  kind: PatchStrategicMergeTransformer\n  metadata: {name: t}\n  paths:\n  - p.yaml\n  - |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: a}',
      ['p.yaml'],
    ],
    [
      'no env of a builtin generator, which kustomize passes over',
      'generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: t}\n  env: missing.env',
      [],
    ],
  ])('collects %s', (_what, fields, files) => {
    const texts = {
      'apps/kustomization.yaml': `resources: [a.yaml]\n${fields}\n`,
      'apps/a.yaml': OBJECT,
      'apps/p.yaml': OBJECT,
      'apps/k=v.env': 'A=1',
    };

    expect(filesOf(texts)).toEqual(['a.yaml', ...files, 'kustomization.yaml'].map((file) => `apps/${file}`).sort());
  });

  it.each(['LegacyOrderTransformer', 'SortOrderTransformer'])('knows no plugin %s, as kustomize', (kind) => {
    const text = `transformers:\n- |\n  apiVersion: builtin\n  kind: ${kind}\n  metadata: {name: x}\n`;

    expect(problemsOf({ 'apps/kustomization.yaml': text }).join()).toContain(`transformers[0]: holds "${kind}"`);
  });

  it.each(['ValueAddTransformer', 'HelmChartInflationGenerator', 'Unheard'])('never runs the plugin %s', (kind) => {
    const text = `transformers:\n- |\n  apiVersion: builtin\n  kind: ${kind}\n  metadata: {name: x}\n`;

    expect(JSON.stringify(collectBuildInput(tree({ 'apps/kustomization.yaml': text }), 'apps'))).toContain(
      'allowed are the builtin AnnotationsTransformer',
    );
  });

  it('collects every file that is referenced and no other', () => {
    const texts = {
      'apps/kustomization.yaml': [
        'resources: [a.yaml, ../base]',
        'patches: [{ path: patches/p.yaml }, { patch: "[]", target: { kind: Pod } }]',
        'patchesStrategicMerge: ["apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n"]',
        'configMapGenerator: [{ name: c, files: [k=data/x.txt], literals: [a=b] }]',
        'transformers: [labels.yaml]',
        'openapi: { path: schema.json }',
        'images: [{ name: a, newTag: "1" }]',
      ].join('\n'),
      'apps/a.yaml': OBJECT,
      'apps/b.yaml': OBJECT,
      'apps/patches/p.yaml': OBJECT,
      'apps/patches/unused.yaml': OBJECT,
      'apps/data/x.txt': 'x',
      'apps/labels.yaml':
        'apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\nfieldSpecs: [{ path: metadata/labels }]\n',
      'apps/schema.json': '{}',
      'base/kustomization.yaml': 'resources: [../shared/one.yaml]',
      'shared/one.yaml': OBJECT,
      'shared/two.yaml': OBJECT,
      'README.md': 'x',
    };

    expect(filesOf(texts)).toEqual([
      'apps/a.yaml',
      'apps/data/x.txt',
      'apps/kustomization.yaml',
      'apps/labels.yaml',
      'apps/patches/p.yaml',
      'apps/schema.json',
      'base/kustomization.yaml',
      'shared/one.yaml',
    ]);
  });

  it('ends when bases name one another', () => {
    const texts = { 'apps/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources: [../apps]' };

    expect(filesOf(texts)).toEqual(['apps/kustomization.yaml', 'b/kustomization.yaml']);
  });

  it('walks ten thousand components in time', () => {
    const texts: Record<string, string> = { 'apps/kustomization.yaml': 'components: [../c0]' };
    for (let index = 0; index < 10_000; index += 1) {
      texts[`c${index}/kustomization.yaml`] = `components: [../c${index + 1}]`;
    }
    texts['c10000/kustomization.yaml'] = 'kind: Component';
    const started = performance.now();

    expect(filesOf(texts)).toHaveLength(10_002);

    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
