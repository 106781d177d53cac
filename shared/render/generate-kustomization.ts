import { defined } from '#shared/common/defined.ts';
import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';
import type { Problem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';

import { findKustomizationFile, joinPath, KUSTOMIZATION_NAMES, readKustomizationFile } from './kustomization-file.ts';
import { findField, IMAGE } from './kustomization-schema.ts';

/** What a Kustomization's specification adds to the kustomization file of its folder. */
export type KustomizationEdits = Pick<
  Kustomization,
  'targetNamespace' | 'namePrefix' | 'nameSuffix' | 'patches' | 'components' | 'images'
>;

/** The file to build with, or why there is none. */
export type GeneratedKustomization =
  | { readonly outcome: 'generated'; readonly file: string; readonly text: string }
  | { readonly outcome: 'as-written'; readonly file: string }
  | { readonly outcome: 'refused'; readonly problems: readonly Problem[] };

/** The kustomization file of a folder that has none: every manifest below it, in the order a walk meets them. */
export function listManifests(tree: SourceTree, folder: string): readonly string[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  const below = [...tree.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  const overlays = new Set(
    below
      .filter((path) => path.includes('/') && KUSTOMIZATION_NAMES.includes(path.slice(path.lastIndexOf('/') + 1)))
      .map((path) => path.slice(0, path.lastIndexOf('/'))),
  );
  const resources = new Set<string>();
  for (const path of below) {
    const overlay = outermostFolder(path, overlays);
    if (overlay !== undefined) {
      resources.add(overlay);
    } else if (/\.ya?ml$/.test(path)) {
      resources.add(path);
    }
  }
  return [...resources].sort(compareAsWalked).map((path) => `./${path}`);
}

/**
 * The kustomization file to build with. As in Flux, the specification is written into the folder's own file, not into an
 * overlay over it: an overlay would apply patches and images after the file's prefixes and namespace, and so to other names.
 * The fields go where Flux puts them: namespace, prefix and suffix replace, patches and components are added at the end, an
 * image is merged into the entry of the same name.
 */
export function generateKustomization(
  tree: SourceTree,
  folder: string,
  edits: KustomizationEdits,
): GeneratedKustomization {
  const existing = findKustomizationFile(tree, folder);
  const file = existing ?? joinPath(folder, 'kustomization.yaml');
  let value: Readonly<Record<string, unknown>> = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: listManifests(tree, folder),
  };
  if (existing !== undefined) {
    const source = readKustomizationFile(tree, existing);
    if ('problem' in source) return { outcome: 'refused', problems: [source.problem] };
    value = source.value;
  }
  const edited = buildable(applyEdits(value, edits));
  return existing !== undefined && edited === value
    ? { outcome: 'as-written', file }
    : { outcome: 'generated', file, text: formatAsYaml(edited) };
}

/** JSON is YAML, with one way to write each value: a number keeps its digits and a text its characters. */
function formatAsYaml(value: unknown): string {
  return `${formatExactJson(value)}\n`;
}

function applyEdits(
  value: Readonly<Record<string, unknown>>,
  edits: KustomizationEdits,
): Readonly<Record<string, unknown>> {
  const additions = {
    ...defined({ namespace: edits.targetNamespace, namePrefix: edits.namePrefix, nameSuffix: edits.nameSuffix }),
    ...(edits.patches.length > 0 && { patches: [...listOf(value['patches']), ...edits.patches] }),
    ...(edits.components.length > 0 && { components: [...listOf(value['components']), ...edits.components] }),
    ...(edits.images.length > 0 && { images: mergeImages(listOf(value['images']), edits.images) }),
  };
  return Object.keys(additions).length === 0 ? value : { ...value, ...additions };
}

/** kustomize refuses an empty kustomization, and Flux builds it to nothing: a setting without effect keeps both. */
function buildable(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const says = Object.entries(value).some(
    ([key, entry]) =>
      key !== 'apiVersion' &&
      key !== 'kind' &&
      key !== 'metadata' &&
      entry !== null &&
      !(Array.isArray(entry) && entry.length === 0),
  );
  return says ? value : { ...value, namespace: '_placeholder' };
}

/**
 * Field by field, so that a tag in the file survives a new name from the specification. Tag and digest both say which version,
 * so either of them replaces both: a digest beside a newer tag would win over it.
 */
function mergeImages(existing: readonly unknown[], added: readonly unknown[]): readonly unknown[] {
  const images = existing.map((image) => (isRecord(image) ? withOwnNames(image) : image));
  for (const image of added) {
    const at = images.findIndex((one) => isRecord(one) && isRecord(image) && one['name'] === image['name']);
    const before = images[at];
    if (!isRecord(before) || !isRecord(image)) {
      images.push(image);
      continue;
    }
    const given = Object.fromEntries(Object.entries(image).filter(([, value]) => value !== ''));
    const { newTag: _newTag, digest: _digest, ...unversioned } = before;
    const isVersioned = 'newTag' in given || 'digest' in given;
    images[at] = { ...(isVersioned ? unversioned : before), ...given };
  }
  return images;
}

/** An image under the names that kustomize's schema has for its fields: Go takes `newtag`, and of several ways the last. */
function withOwnNames(image: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const given = Object.entries(image).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, value]) => [findField(IMAGE, key)?.[0] ?? key, value]),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function outermostFolder(path: string, folders: ReadonlySet<string>): string | undefined {
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const folder = path.slice(0, slash);
    if (folders.has(folder)) return folder;
  }
  return undefined;
}

/** Part by part, as a walk that sorts each folder's entries meets them. */
function compareAsWalked(left: string, right: string): number {
  const lefts = left.split('/');
  const rights = right.split('/');
  for (const [index, part] of lefts.entries()) {
    const other = rights[index];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return lefts.length - rights.length;
}
