import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

import { createKubectlRenderer, type KubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { formatProblem } from '#shared/common/problem.ts';
import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { parseFluxObject } from '#shared/flux/parse-flux-object.ts';
import { formatObjectId, objectIdOf, type KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { createFieldLocator } from '#shared/kubernetes/locate-field.ts';
import { parseKubernetesYaml } from '#shared/render/parse-kubernetes-yaml.ts';
import { planRender } from '#shared/render/plan-render.ts';
import { renderKustomization, type RenderResult } from '#shared/render/render-kustomization.ts';
import { defaultRoot, resolveRoot } from '#shared/render/resolve-root.ts';
import { splitFluxObjects } from '#shared/render/split-flux-objects.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';

const run = promisify(execFile);
const FIXTURE = join(import.meta.dirname, '../fixtures/flux-bootstrap');

let renderer: KubectlRenderer;
let kubectl: string;
beforeAll(async () => {
  ({ kubectl } = await ensureClusterBinaries());
  renderer = await createKubectlRenderer({ kubectl });
});

async function readTree(folder: string): Promise<SourceTree> {
  const tree = new Map<string, SourceFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      tree.set(relative(folder, path), { bytes: await readFile(path), executable: false });
    }
  }
  return tree;
}

function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

async function render(
  tree: SourceTree,
  settings: Partial<Kustomization>,
  referenced: readonly Readonly<Record<string, string>>[] = [],
): Promise<RenderResult> {
  const planned = planRender(tree, { ...defaultRoot('./'), ...settings }, referenced, renderer.version);
  return planned.outcome === 'failed' ? planned : renderKustomization(planned.plan, { renderer }, 30_000);
}

function objectsOf(result: RenderResult): readonly KubernetesObject[] {
  if (result.outcome === 'failed') throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.objects;
}

function messagesOf(result: RenderResult): readonly string[] {
  return result.outcome === 'failed' ? result.problems.map(formatProblem) : [];
}

function namesOf(objects: readonly KubernetesObject[]): readonly string[] {
  return objects.map((object) => formatObjectId(objectIdOf(object))).sort();
}

function configMap(name: string, more = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}`;
}

describe('rendering a repository that flux bootstrap made', () => {
  it('finds the root, the Flux objects and the objects, and leaves Flux itself out', async () => {
    const tree = await readTree(FIXTURE);

    const split = splitFluxObjects(objectsOf(await render(tree, { path: './clusters/my-cluster' })));
    const parsed = split.fluxObjects.map((object) =>
      parseFluxObject(
        object,
        createFieldLocator({
          files: tree,
          id: objectIdOf(object),
          folder: 'clusters/my-cluster',
          kustomizationFile: 'clusters/my-cluster/',
        }),
      ),
    );

    expect(parsed.filter((one) => one.outcome !== 'parsed')).toEqual([]);
    expect(split.objects).toEqual([]);
    expect(namesOf(split.fluxComponents)).toEqual([
      'CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io',
      'Deployment/flux-system/source-controller',
      'Namespace/flux-system',
      'ServiceAccount/flux-system/source-controller',
    ]);
    const kustomizations = parsed.flatMap((one) =>
      one.outcome === 'parsed' && one.kind === 'Kustomization' ? [one.fluxObject] : [],
    );
    expect(resolveRoot(kustomizations, './clusters/my-cluster')).toMatchObject({
      declared: true,
      root: { name: 'flux-system', path: './clusters/my-cluster' },
      others: [{ name: 'podinfo' }],
    });

    const podinfo = kustomizations.find((one) => one.name === 'podinfo');
    const rendered = objectsOf(await render(tree, podinfo ?? {}));
    expect(namesOf(rendered)).toEqual(['Deployment/podinfo/podinfo', 'Namespace/podinfo', 'Service/podinfo/podinfo']);
    expect(rendered.find((object) => object.kind === 'Deployment')).toMatchObject({ spec: { replicas: 2 } });
  });
});

describe('rendering with the fields of a Kustomization', () => {
  it('changes names, images and contents in one build with the file that is there', async () => {
    const tree = treeOf({
      'kustomization.yaml': 'namePrefix: a-\nresources: [d.yaml]\nimages: [{ name: web, newTag: "1" }]\n',
      'd.yaml':
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: web}]}}}\n',
      'c/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n',
      'c/c.yaml': configMap('extra'),
    });

    const objects = objectsOf(
      await render(tree, {
        targetNamespace: 'prod',
        namePrefix: 'b-',
        nameSuffix: '-s',
        images: [{ name: 'web', newName: 'acme/web', newTag: '2' }],
        components: ['./c'],
        patches: [
          { patch: '- op: add\n  path: /spec/replicas\n  value: 3\n', target: { kind: 'Deployment', name: 'web' } },
        ],
        commonMetadata: { labels: { team: '${not-filled-in}' }, annotations: { owner: 'me' } },
      }),
    );

    expect(namesOf(objects)).toEqual(['ConfigMap/prod/b-extra-s', 'Deployment/prod/b-web-s']);
    expect(objects.find((object) => object.kind === 'Deployment')).toMatchObject({
      metadata: { labels: { team: '${not-filled-in}' }, annotations: { owner: 'me' } },
      spec: { replicas: 3, template: { spec: { containers: [{ image: 'acme/web:2' }] } } },
    });
  });

  it('renders a manifest in UTF-16', async () => {
    const bytes = Buffer.from(`\uFEFF${configMap('a')}`, 'utf16le');
    const tree: SourceTree = new Map([['a.yaml', { bytes, executable: false }]]);

    expect(namesOf(objectsOf(await render(tree, {})))).toEqual(['ConfigMap/a']);
  });

  it.each([
    ['an empty kustomization', { 'kustomization.yaml': '' }],
    ['one with nothing but its kind', { 'kustomization.yaml': 'kind: Kustomization\n' }],
    ['one with empty lists', { 'kustomization.yaml': 'resources: []\n' }],
    ['a folder without manifests', { 'README.md': 'nothing yet' }],
  ])('renders %s to nothing, as Flux does', async (_, texts) => {
    expect(objectsOf(await render(treeOf(texts), {}))).toEqual([]);
  });

  it('names the file that is no manifest in a folder without a kustomization', async () => {
    const tree = treeOf({ 'apps/good.yaml': configMap('a'), 'apps/values.yaml': 'replicaCount: 1\n' });

    expect(messagesOf(await render(tree, { path: './apps' }))).toEqual([
      expect.stringMatching(/^apps\/: kustomize: .*values\.yaml/),
    ]);
  });

  it('fills variables in after the build: a number becomes a number, quotes or not', async () => {
    const tree = treeOf({
      'a.yaml': configMap(
        'a',
        'data:\n  n: "${n}"\n  text: "v${n}"\n  late: ${late}\n  kept: $${n}\n  yes: "${word}"\n',
      ),
      'b.yaml': configMap(
        'b',
        '  annotations:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\ndata:\n  n: ${n}\n',
      ),
    });

    const objects = objectsOf(
      await render(tree, { postBuild: { substitute: { n: '3', word: 'yes' }, substituteFrom: [] } }, [
        { n: '1', late: 'first' },
        { late: 'second' },
      ]),
    );

    expect(objects).toMatchObject([
      { data: { n: 3, text: 'v3', late: 'second', kept: '${n}', yes: true } },
      { data: { n: '${n}' } },
    ]);
  });

  it('fails with the object and the variable that has no value', async () => {
    const tree = treeOf({ 'apps/a.yaml': configMap('a', 'data:\n  n: ${missing}\n') });

    const result = await render(tree, {
      path: 'apps',
      postBuild: { substitute: { n: '3' }, substituteFrom: [] },
    });

    expect(messagesOf(result)).toEqual([
      expect.stringMatching(/^apps\/: ConfigMap\/a: variable missing has no value; set it in spec\.postBuild/),
    ]);
  });
});

describe('reading numbers and booleans', () => {
  it('agrees with kubectl on every plain scalar that YAML versions disagree about', async () => {
    const scalars =
      'yes no on off y n Y N Yes NO true false True TRUE null Null ~ 0 -0 7 -7 +7 007 010 -010 089 0o17 0x1F 0b11 1_000 1_0.5 1. .5 -.5 1.5 1e3 1E+3 1e 12:30 12:30:45 2020-01-01 1.2.3 0.0 = << 0x 0b2 _1 1_ + - . .. 1-2 v1'.split(
        ' ',
      );
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
    try {
      const quoted = scalars.filter((one) => one !== '-' && one !== '<<');
      const text = configMap('a', `data:\n${quoted.map((one, index) => `  k${index}: ${one}\n`).join('')}`);
      await writeFile(join(folder, 'a.yaml'), text);

      const { stdout } = await run(kubectl, ['label', '--local', '-f', join(folder, 'a.yaml'), '-o', 'json', 'x=y'], {
        env: { HOME: folder },
      });

      const theirs: unknown = JSON.parse(stdout);
      const [ours] = parseKubernetesYaml(text);
      expect(ours).toMatchObject({ data: (theirs as { readonly data: object }).data });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
