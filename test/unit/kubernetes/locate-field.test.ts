import { describe, expect, it } from 'vitest';

import { createFieldLocator } from '#shared/kubernetes/locate-field.ts';
import type { FieldPlace } from '#shared/yaml-edit/field-path.ts';

const OTHER = 'kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: other\n';
const APP = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: app
spec:
  path: ./apps
  patches:
    - patch: |
        a
    - { patch: b, wrong: 1 }
`;

function locate(
  texts: Readonly<Record<string, string>>,
  field: readonly (string | number)[],
  expected: 'present' | 'missing' = 'present',
): FieldPlace {
  const files = new Map(
    Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
  );
  const id = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'app' };
  return createFieldLocator({ files, id, folder: 'clusters/a', kustomizationFile: 'clusters/a/kustomization.yaml' })(
    field,
    expected,
  );
}

describe('locating a field', () => {
  it.each([
    ['the object', {}, [], 1],
    ['a field', {}, ['spec', 'path'], 6],
    ['a field of a list entry', {}, ['spec', 'patches', 1, 'wrong'], 10],
  ])('finds %s by identity', (_, __, field, line) => {
    expect(locate({ 'clusters/a/app.yaml': APP }, field)).toMatchObject({ file: 'clusters/a/app.yaml', line });
  });

  it('finds an object that is not the first document of its file', () => {
    expect(locate({ 'clusters/a/all.yaml': `${OTHER}---\n${APP}` }, ['kind'])).toEqual({
      file: 'clusters/a/all.yaml',
      line: 7,
      column: 1,
    });
  });

  it('finds an object inside a List', () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n  - ${APP.trimEnd().replaceAll('\n', '\n    ')}\n`;

    expect(locate({ 'clusters/a/list.yaml': list }, ['spec', 'path'])).toMatchObject({ line: 9 });
  });

  it('prefers the folder of the Kustomization that rendered the object', () => {
    expect(locate({ 'a/app.yaml': APP, 'clusters/a/app.yaml': APP }, ['kind']).file).toBe('clusters/a/app.yaml');
  });

  it('passes over an object of the same name in another namespace', () => {
    const elsewhere = APP.replace('  name: app\n', '  name: app\n  namespace: team-b\n');

    expect(locate({ 'clusters/a/a.yaml': elsewhere, 'clusters/a/b.yaml': APP }, ['kind']).file).toBe(
      'clusters/a/b.yaml',
    );
  });

  it('answers with the kustomization file, without a line, for what was generated or patched', () => {
    const generated = { file: 'clusters/a/kustomization.yaml' };

    expect(locate({ 'clusters/a/app.yaml': OTHER }, ['kind'])).toEqual(generated);
    expect(locate({ 'clusters/a/app.yaml': APP }, ['spec', 'patchedIn'])).toEqual(generated);
  });

  it('answers with the nearest parent for a field that is missing', () => {
    expect(locate({ 'clusters/a/app.yaml': APP }, ['spec', 'sourceRef', 'name'], 'missing')).toMatchObject({ line: 5 });
  });

  it.each([
    ['a template', 'kind: Kustomization\nname: app\n  - [broken: {{ template }}'],
    ['nesting without end', `# Kustomization app\n${'['.repeat(100_000)}`],
  ])('passes over a file that is no YAML but %s', (_, broken) => {
    expect(locate({ 'clusters/a/a.yaml': broken, 'clusters/a/b.yaml': APP }, ['kind']).file).toBe('clusters/a/b.yaml');
  });
});
