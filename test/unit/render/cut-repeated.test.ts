import { describe, expect, it } from 'vitest';

import type { SourceTree } from '#shared/common/source-tree.ts';
import { cutRepeated } from '#shared/render/cut-repeated.ts';

function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

function textOf(files: SourceTree | undefined, path: string): string {
  return Buffer.from(files?.get(path)?.bytes ?? '').toString('utf8');
}

function kustomization(name: string, namespace = '  namespace: flux-system\n'): string {
  return `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: ${name}\n${namespace}spec: {}\n`;
}

function refusal(id: string): string {
  return `kustomize: accumulating resources: accumulation err='merging resources from 'b.yaml': may not add resource with an already registered id: ${id}': must build at directory: 'b.yaml': file is not directory`;
}

const TWICE = refusal('Kustomization.v1.kustomize.toolkit.fluxcd.io/my.app.flux-system');

describe('what a build refuses to read twice', () => {
  it('is taken out of every file that the build has as a resource, and nothing else is', () => {
    const patch = kustomization('my.app');
    const files = treeOf({
      'a/kustomization.yaml': 'resources: [one.yaml, ../two.yaml]\npatches: [{ path: patch.yaml }]\n',
      'a/one.yaml': `---\n# first\n${kustomization('other')}---\n${kustomization('my.app')}`,
      'two.yaml': `${kustomization('my.app', '')}---\n${kustomization('last')}`,
      'a/patch.yaml': patch,
    });

    const cut = cutRepeated(files, TWICE);

    expect(textOf(cut?.files, 'a/one.yaml')).toBe(`---\n# first\n${kustomization('other')}`);
    expect(textOf(cut?.files, 'two.yaml')).toBe(`---\n${kustomization('last')}`);
    expect(textOf(cut?.files, 'a/patch.yaml')).toBe(patch);
    expect(cut?.repeated.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      'flux-system/my.app',
      'flux-system/my.app',
    ]);
  });

  it.each([
    ['an object for the cluster', refusal('ConfigMap.v1.[noGrp]/my.app.flux-system')],
    ['an object of a kind that others define', refusal('Widget.v1.acme.dev/my.app.flux-system')],
    ['what is in none of the files', refusal('Kustomization.v1.kustomize.toolkit.fluxcd.io/absent.flux-system')],
    ['what is in another namespace', refusal('Kustomization.v1.kustomize.toolkit.fluxcd.io/my.app.team')],
    ['anything else', 'kustomize: no matches for Id Kustomization.v1.kustomize.toolkit.fluxcd.io/my.app.flux-system'],
  ])('stays when it is %s', (_case, words) => {
    const files = treeOf({ 'kustomization.yaml': 'resources: [one.yaml]\n', 'one.yaml': kustomization('my.app') });

    expect(cutRepeated(files, words)).toBeUndefined();
  });
});
