import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { formatProblem } from '#shared/common/problem.ts';
import { collectBuildInput } from '#shared/render/collect-build-input.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

const SEED = 20_261_127;
const Built = z.object({ read: z.array(z.string()), failure: z.string().optional() });
/** What kustomize would do and we do not, each with its own words to people. */
const STRICTER = /other plugins, functions and charts are never run|allowed is a file of builtin transformers/;

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
const PATCH = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {patched: "yes"}\n';
const OTHER = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n';
const JSON_PATCH = '[{"op": "add", "path": "/data", "value": {"k": "v"}}]';
const REPLACEMENT =
  'source: {kind: ConfigMap, name: a}\ntargets: [{select: {kind: ConfigMap, name: a}, fieldPaths: [metadata.name]}]\n';
const FILES = {
  'apps/a.yaml': CONFIG_MAP,
  'apps/b.yaml': OTHER.replace('NAME', 'b'),
  'apps/p.yaml': PATCH,
  'apps/j.json': JSON_PATCH,
  'apps/r.yaml': REPLACEMENT,
  'apps/x.txt': 'text',
  'apps/x.env': 'A=1\n',
  'apps/k=v.env': 'B=1\n',
  'apps/crd.json': '{}',
  'apps/config.yaml': 'namePrefix: []\n',
  'base/kustomization.yaml': 'resources: [../shared/c.yaml]\ncommonLabels: {env: prod}\n',
  'shared/c.yaml': OTHER.replace('NAME', 'c'),
  'component/kustomization.yml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [d.yaml]\n',
  'component/d.yaml': OTHER.replace('NAME', 'd'),
};

type Json = fc.Arbitrary<unknown>;
/** Mostly what is meant, sometimes what stands there by mistake. */
const mostly = (sound: Json, ...wild: readonly unknown[]): Json =>
  fc.oneof(
    { weight: 9, arbitrary: sound },
    { weight: 1, arbitrary: fc.constantFrom(...wild, null, 1, true, '', {}, []) },
  );
const one = (...values: readonly unknown[]): Json => fc.constantFrom(...values);
const list = (item: Json, maxLength = 2): Json =>
  fc.oneof({ weight: 9, arbitrary: fc.array(item, { minLength: 1, maxLength }) }, { weight: 1, arbitrary: item });

/** A mapping with some of the fields, now and then with a name as Go accepts it, too. */
const mapping = (shapes: Readonly<Record<string, Json>>, requiredKeys: readonly string[] = []): Json =>
  fc
    .tuple(
      fc.record(shapes, { requiredKeys: [...requiredKeys] }),
      fc.oneof(
        { weight: 8, arbitrary: fc.constant('as-is') },
        { weight: 1, arbitrary: one('upper', 'title', 'long s') },
      ),
    )
    .map(([value, style]) =>
      Object.fromEntries(Object.entries(value).map(([key, inner]) => [restyle(key, style), inner])),
    );

function restyle(key: string, style: unknown): string {
  if (style === 'upper') return key.toUpperCase();
  if (style === 'title') return key.charAt(0).toUpperCase() + key.slice(1);
  return style === 'long s' ? key.replace('s', 'ſ') : key;
}

const labels = mapping({ env: one('prod'), files: one('x'), path: one('./y') });
const target = mapping({ kind: one('ConfigMap'), name: one('a', 'b'), labelSelector: one('env=prod') }, [
  'kind',
  'name',
]);
const patchOptions = mapping({ allowNameChange: mostly(one(true), 'yes'), path: one(false) });
const patch = fc.oneof(
  {
    weight: 3,
    arbitrary: mapping({ path: one('p.yaml'), options: mapping({ allowNameChange: one(true) }) }, ['path']),
  },
  { weight: 2, arbitrary: mapping({ path: one('j.json'), target }, ['path', 'target']) },
  { weight: 2, arbitrary: mapping({ patch: one(PATCH), path: one('') }, ['patch']) },
  {
    weight: 1,
    arbitrary: mapping({
      path: mostly(one('p.yaml')),
      patch: mostly(one(PATCH)),
      target: mostly(target),
      options: patchOptions,
    }),
  },
  { weight: 1, arbitrary: one('p.yaml', null, ['p.yaml'], 5) },
);
const keyedFile = mostly(
  one('x.txt', 'k=x.txt', './x.txt'),
  '=x.txt',
  'k=',
  'k==x.txt',
  'k=v.env',
  'none.txt',
  'e=k=v.env',
);
const envFile = mostly(one('x.env', 'k=v.env'), 'k=x.env', 'v.env');
const generatorFields = {
  files: list(keyedFile, 1),
  envs: list(envFile, 1),
  literals: list(mostly(one('L=1')), 1),
  options: mapping({ labels, annotations: labels, disableNameSuffixHash: mostly(one(true), 'yes') }),
};
const generator = mapping(
  { name: one('g1', 'g2', 'g3'), ...generatorFields, env: mostly(envFile), behavior: one('create') },
  ['name'],
);
const image = mapping(
  { name: one('app'), newName: one('other'), newTag: mostly(one('v1'), 1.1), tagSuffix: one('-x') },
  ['name'],
);
const replacement = fc.oneof(
  mapping({ path: mostly(one('r.yaml'), 'p.txt') }, ['path']),
  mapping(
    {
      source: mapping({ kind: one('ConfigMap'), name: one('a'), fieldPath: one('metadata.name') }, ['kind', 'name']),
      targets: list(mapping({ select: target, fieldPaths: list(one('metadata.name')) }, ['select', 'fieldPaths']), 1),
    },
    ['source', 'targets'],
  ),
  one('r.yaml'),
);

const plugin = (kind: string, fields: Readonly<Record<string, Json>>, requiredKeys: readonly string[] = []): Json =>
  mapping(fields, requiredKeys).map((config) =>
    JSON.stringify({ apiVersion: 'builtin', kind, metadata: { name: 'plugin' }, ...(config as object) }),
  );
const fieldSpecs = one([{ path: 'metadata/labels', create: true }]);
const transformer = fc.oneof(
  plugin('PatchTransformer', { path: mostly(one('p.yaml')), options: patchOptions }, ['path']),
  plugin('PatchJson6902Transformer', { path: mostly(one('j.json')), target }, ['path', 'target']),
  plugin('PatchStrategicMergeTransformer', { paths: list(mostly(one('p.yaml', PATCH), 'k=p.yaml', 'none.yaml')) }, [
    'paths',
  ]),
  plugin('LabelTransformer', { labels, fieldSpecs }, ['labels', 'fieldSpecs']),
  plugin('AnnotationsTransformer', {
    annotations: labels,
    fieldSpecs: one([{ path: 'metadata/annotations', create: true }]),
  }),
  plugin('ReplacementTransformer', { replacements: list(replacement, 1) }),
  plugin('PrefixTransformer', { prefix: one('p-'), fieldSpecs: one([{ path: 'metadata/name' }]) }),
  plugin('SortOrderTransformer', {}),
  plugin('LegacyOrderTransformer', {}),
  plugin('HashTransformer', {}),
);
const generating = fc.oneof(
  plugin('ConfigMapGenerator', { name: one('pg'), ...generatorFields, env: one('none.env', 'x.env') }, ['name']),
  plugin('SecretGenerator', { name: one('pg'), ...generatorFields }, ['name']),
);

const FIELDS: Readonly<Record<string, Json>> = {
  resources: list(mostly(one('b.yaml', '../base', './b.yaml'), 'none.yaml', '../nowhere'), 1),
  bases: list(mostly(one('../base')), 1),
  components: list(mostly(one('../component'), '../base', 'b.yaml'), 1),
  crds: list(mostly(one('crd.json')), 1),
  configurations: list(mostly(one('config.yaml')), 1),
  patches: list(patch),
  patchesJson6902: list(mapping({ path: mostly(one('j.json')), patch: one(JSON_PATCH), target }, ['target']), 1),
  patchesStrategicMerge: list(mostly(one('p.yaml', PATCH), 'none.yaml')),
  replacements: list(replacement, 1),
  configMapGenerator: list(generator, 1),
  secretGenerator: list(generator, 1),
  images: list(mostly(image), 1),
  imageTags: list(mostly(image), 1),
  labels: list(mapping({ pairs: labels, includeSelectors: mostly(one(true), 'yes'), fields: one([{ path: 'x' }]) }), 1),
  commonLabels: mostly(labels),
  commonAnnotations: mostly(labels),
  generatorOptions: mapping({ labels, annotations: labels, immutable: mostly(one(true)) }),
  replicas: list(mapping({ name: one('b'), count: mostly(one(2), '2', 1.5) }), 1),
  vars: list(
    mapping(
      {
        name: one('V'),
        objref: mapping({ apiVersion: one('v1'), kind: one('ConfigMap'), name: one('a') }, [
          'apiVersion',
          'kind',
          'name',
        ]),
        fieldref: mapping({ fieldPath: mostly(one('metadata.name')) }),
      },
      ['name', 'objref'],
    ),
    1,
  ),
  sortOptions: mapping({
    order: one('fifo', 'legacy'),
    legacySortOptions: mapping({ orderFirst: list(one('Namespace')) }),
  }),
  metadata: mapping({ name: mostly(one('k')), labels, annotations: labels }),
  buildMetadata: list(mostly(one('originAnnotations'))),
  namespace: mostly(one('here')),
  namePrefix: mostly(one('p-')),
  transformers: list(mostly(fc.oneof(transformer, one('transformer.yaml'))), 1),
  validators: list(mostly(one('transformer.yaml')), 1),
  generators: list(mostly(fc.oneof(generating, one('generator.yaml'))), 1),
};

const kustomization = fc
  .subarray(Object.keys(FIELDS), { minLength: 1, maxLength: 3 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, FIELDS[name] ?? fc.constant(null)]))));
const folder = fc
  .record({ kustomization, transformer, generating, keepsResources: fc.integer({ min: 0, max: 9 }) })
  .map(({ kustomization: fields, transformer: transforms, generating: generates, keepsResources }) => {
    const resources = Array.isArray(fields['resources'])
      ? ['a.yaml', ...(fields['resources'] as unknown[])]
      : ['a.yaml'];
    const complete = keepsResources > 0 && typeof fields['resources'] !== 'string' ? { ...fields, resources } : fields;
    return {
      ...FILES,
      'apps/transformer.yaml': String(transforms),
      'apps/generator.yaml': String(generates),
      'apps/kustomization.yaml': JSON.stringify(complete),
    };
  });

describe('the files that a build can read, beside those that kustomize reads', () => {
  it('are the same, and what is refused would not have been built', async () => {
    const samples = fc.sample(folder, { seed: SEED, numRuns: sampleSize(100, 10_000) });

    const answers = await askOracle(
      'build',
      samples.map((files) => ({ files, path: 'apps' })),
    );

    const judged = samples.map((files, index) => {
      const answer = answers[index];
      if (answer === undefined || 'error' in answer) throw new Error(JSON.stringify(answer));
      const { read, failure } = Built.parse(answer.output);
      const tree = new Map(
        Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
      );
      const input = collectBuildInput(tree, 'apps');
      const refusals = input.outcome === 'refused' ? input.problems.map(formatProblem) : [];
      const collected = input.outcome === 'collected' ? [...input.files.keys()].sort() : [];
      return { text: files['apps/kustomization.yaml'], files, read, failure, refusals, collected };
    });
    const built = judged.filter(({ failure }) => failure === undefined);
    const wronglyRefused = built.filter(({ refusals }) => refusals.some((refusal) => !STRICTER.test(refusal)));
    const otherwiseRead = built.filter(
      ({ refusals, read, collected }) => refusals.length === 0 && read.join() !== collected.join(),
    );
    const unnamed = judged.filter(
      ({ refusals, read, collected }) => refusals.length === 0 && read.some((file) => !collected.includes(file)),
    );
    expect(wronglyRefused.slice(0, 5).map(({ text, refusals }) => ({ text, refusals }))).toEqual([]);
    expect(otherwiseRead.slice(0, 5).map(({ text, read, collected }) => ({ text, read, collected }))).toEqual([]);
    expect(unnamed.slice(0, 5).map(({ text, read, collected }) => ({ text, read, collected }))).toEqual([]);
    expect(built.length).toBeGreaterThan(samples.length / 4);
    const shaped = judged.filter(
      ({ failure }) => failure?.startsWith('invalid Kustomization: json: cannot unmarshal') === true,
    );
    expect(
      shaped
        .filter(({ refusals }) => refusals.length === 0)
        .slice(0, 5)
        .map(({ text, failure }) => ({ text, failure })),
    ).toEqual([]);
    expect(shaped.length).toBeGreaterThan(samples.length / 50);
  });
});
