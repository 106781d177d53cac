import * as fc from 'fast-check';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { generateKustomization, listManifests } from '#shared/render/generate-kustomization.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

const SEED = 20_261_127;
const OBJECT = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
const DIGEST = `sha256:${'1'.repeat(64)}`;

const image = fc.record(
  {
    name: fc.constantFrom('app', 'sidecar', 'reg.io/app'),
    newName: fc.constantFrom('mirror.example/app', 'other', ''),
    newTag: fc.constantFrom('v1.2.3', '5e12345', '1.10', ''),
    digest: fc.constantFrom(DIGEST, ''),
  },
  { requiredKeys: ['name'] },
);
/** As people write one into a file: a field may be in any case, be null, or be there twice. */
const imageInFile = fc
  .tuple(
    image,
    fc.dictionary(
      fc.constantFrom('newtag', 'NewTag', 'NEWNAME', 'Digest', 'Name', 'tagSuffix', 'digeſt'),
      fc.constantFrom('v2', 'app', null),
      { maxKeys: 2 },
    ),
  )
  .map(([written, more]) => ({ ...written, ...more }));
const edits = fc.record(
  {
    targetNamespace: fc.constantFrom('apps', 'n'),
    namePrefix: fc.constantFrom('p-', 'x-'),
    nameSuffix: fc.constantFrom('-s'),
    images: fc.uniqueArray(image, { selector: (one) => one.name, maxLength: 3 }),
    components: fc.subarray(['../c', './d']),
    patches: fc.subarray([
      { patch: OBJECT },
      { patch: '[{"op": "remove", "path": "/data"}]', target: { kind: 'ConfigMap' } },
    ]),
  },
  { requiredKeys: ['images', 'components', 'patches'] },
);
const file = fc.record(
  {
    namespace: fc.constantFrom('old'),
    namePrefix: fc.constantFrom('o-'),
    images: fc.uniqueArray(image, { selector: (one) => one.name, maxLength: 3 }),
    oddImages: fc.array(imageInFile, { maxLength: 3 }),
    imageTags: fc.constantFrom([{ name: 'app', newTag: 'old' }]),
    components: fc.constantFrom(['../c']),
    patches: fc.constantFrom([{ path: 'p.yaml' }]),
  },
  { requiredKeys: [] },
);

const Answer = z.object({ file: z.string() });
/** What the specification of a Kustomization changes in a kustomization file. */
const FIELDS = ['namespace', 'namePrefix', 'nameSuffix', 'images', 'imageTags', 'components', 'patches'] as const;

describe('the kustomization file that a build starts from, beside the one that Flux writes', () => {
  it('has the same images, patches, components, namespace, prefix and suffix', async () => {
    const cases = fc.sample(fc.tuple(edits, file), { seed: SEED, numRuns: sampleSize(400, 4_000) });
    const files = cases.map(([spec, { oddImages, ...written }]) => ({
      'apps/kustomization.yaml': JSON.stringify({
        ...written,
        ...(spec.images.length > 0 && oddImages !== undefined && { images: oddImages }),
        resources: ['a.yaml'],
      }),
      'apps/a.yaml': OBJECT,
      'apps/p.yaml': OBJECT,
      'c/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\n',
      'apps/d/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -d\n',
    }));

    const answers = await askOracle(
      'kustomize',
      cases.map(([spec], index) => ({ files: files[index], path: 'apps', kustomization: { spec } })),
    );

    const differences = cases.flatMap(([spec], index) => {
      const answer = answers[index];
      if (answer === undefined || 'error' in answer) {
        return [`${JSON.stringify(answer)}: ${JSON.stringify(cases[index])}`];
      }
      const tree = new Map(
        Object.entries(files[index] ?? {}).map(([path, text]) => [
          path,
          { bytes: Buffer.from(text), executable: false },
        ]),
      );
      const generated = generateKustomization(tree, 'apps', spec);
      const ours = fieldsOf(
        generated.outcome === 'generated' ? generated.text : (files[index]?.['apps/kustomization.yaml'] ?? ''),
      );
      const theirs = fieldsOf(Answer.parse(answer.output).file);
      return ours === theirs ? [] : [`${JSON.stringify(cases[index])}: ${ours} instead of ${theirs}`];
    });
    expect(differences.slice(0, 10)).toEqual([]);
  });

  it('names the same manifests in the same order for a folder without one', async () => {
    const name = fc.constantFrom(
      ...'a a-b a.b A b _ ä z a.yaml a-b.yml b.yaml B.YAML x.txt .yaml y.yaml.bak kustomization.yaml Kustomization'.split(
        ' ',
      ),
    );
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const trees = fc
      .sample(fc.uniqueArray(path, { minLength: 1, maxLength: 12 }), { seed: SEED, numRuns: sampleSize(60, 2_000) })
      // A file is no folder, and the folder itself has no kustomization file.
      .map((paths) => paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`))))
      .map((paths) => paths.filter((one) => !/^(?:kustomization\.yaml|Kustomization$)/.test(one)))
      .map((paths) => [...paths.map((one) => `apps/${one}`), 'apps/z.yaml', 'other/a.yaml']);

    const answers = await askOracle(
      'kustomize',
      trees.map((paths) => ({
        files: Object.fromEntries(paths.map((one) => [one, OBJECT])),
        path: 'apps',
        kustomization: { spec: {} },
      })),
    );

    const differences = trees.flatMap((paths, index) => {
      const answer = answers[index];
      if (answer === undefined || 'error' in answer) return [JSON.stringify(answer)];
      const theirs = z
        .object({ resources: z.array(z.string()) })
        .parse(load(Answer.parse(answer.output).file)).resources;
      const ours = listManifests(
        new Map(paths.map((one) => [one, { bytes: new Uint8Array(), executable: false }])),
        'apps',
      );
      return JSON.stringify(ours) === JSON.stringify(theirs)
        ? []
        : [`${paths.join()}: ${ours.join()} instead of ${theirs.join()}`];
    });
    expect(differences.slice(0, 10)).toEqual([]);
  });
});

function fieldsOf(text: string): string {
  const value = z.record(z.string(), z.unknown()).parse(load(text));
  return JSON.stringify(FIELDS.map((field) => withoutEmpty(value[field])));
}

/** Go leaves out what is empty, and sorts keys. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value === '' ? undefined : value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, withoutEmpty(inner)] as const)
      .filter(([, inner]) => inner !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}
