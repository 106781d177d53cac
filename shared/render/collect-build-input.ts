import { isRecord } from '#shared/common/is-record.ts';
import type { Problem } from '#shared/common/problem.ts';
import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import { suggestName } from '#shared/common/suggest-name.ts';
import { formatValue } from '#shared/yaml-edit/describe-issues.ts';
import type { FieldPath } from '#shared/yaml-edit/field-path.ts';

import {
  decodeStrictly,
  findKustomizationFile,
  hasForeignLineBreaks,
  joinPath,
  KUSTOMIZATION_NAMES,
  problemInFile,
  readKustomizationFile,
  resolvePath,
  type KustomizationFile,
} from './kustomization-file.ts';
import { CHART_FIELDS, findField, KUSTOMIZATION, PLUGINS, type Shape } from './kustomization-schema.ts';
import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';

/**
 * Everything that kustomize can read when it builds a folder, and nothing else; or what makes the build unsafe.
 *
 * A reference goes ahead when it names a file or folder of the tree. Everything else is refused before kustomize starts:
 * what looks remote, what leaves the tree, what does not exist (kustomize would try it as an address), plugins, charts,
 * and field names this walk does not know (Go reads `Resources` as `resources`). Because kustomize is then given these files
 * only, their digest is the digest of all that the result depends on.
 */
export type BuildInput =
  | { readonly outcome: 'collected'; readonly files: SourceTree }
  | { readonly outcome: 'refused'; readonly problems: readonly Problem[] };

const MAX_FILES = 20_000;
const MAX_BYTES = 128 * 1024 * 1024;
/** Nobody mends more at once, and each is looked up in its file. */
const MAX_PROBLEMS = 50;

interface Walk {
  readonly tree: SourceTree;
  readonly folders: ReadonlySet<string>;
  readonly collected: Map<string, SourceFile>;
  readonly visited: Set<string>;
  readonly pending: string[];
  readonly problems: Problem[];
}

interface Place {
  readonly source: KustomizationFile;
  readonly folder: string;
  readonly field: FieldPath;
}

/** Collects what a build of a folder can read, following every reference of every kustomization file. */
export function collectBuildInput(tree: SourceTree, folder: string): BuildInput {
  const walk: Walk = {
    tree,
    folders: foldersOf(tree),
    collected: new Map(),
    visited: new Set([folder]),
    pending: [folder],
    problems: [],
  };
  for (let next = walk.pending.pop(); next !== undefined; next = walk.pending.pop()) {
    visitFolder(walk, next);
  }
  const bytes = [...walk.collected.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  if (walk.collected.size > MAX_FILES || bytes > MAX_BYTES) {
    const message = `reads ${walk.collected.size} files of ${bytes} bytes; at most ${MAX_FILES} files of ${MAX_BYTES} bytes are built at once, split it`;
    walk.problems.push({ file: findKustomizationFile(tree, folder) ?? folder, field: '', message });
  }
  return walk.problems.length > 0
    ? { outcome: 'refused', problems: walk.problems }
    : { outcome: 'collected', files: walk.collected };
}

function foldersOf(tree: SourceTree): ReadonlySet<string> {
  const folders = new Set(['']);
  for (const path of tree.keys()) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = path.slice(0, slash);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}

function visitFolder(walk: Walk, folder: string): void {
  const names = KUSTOMIZATION_NAMES.filter((name) => walk.tree.has(joinPath(folder, name)));
  for (const name of names) {
    const source = readKustomizationFile(walk.tree, joinPath(folder, name));
    if ('problem' in source) {
      walk.problems.push(source.problem);
      continue;
    }
    take(walk, source.file);
    for (const [key, value] of Object.entries(source.value)) {
      visitField(walk, { source, folder, field: [key] }, key, value);
    }
  }
}

function visitField(walk: Walk, place: Place, key: string, value: unknown): void {
  const shape = KUSTOMIZATION.fields.get(key);
  if (shape !== undefined) {
    visit(walk, place, value, shape);
  } else if (CHART_FIELDS.includes(key)) {
    const message = 'renders a Helm chart, which is not supported in a kustomization; commit the rendered manifests';
    refuse(walk, place, message);
  } else {
    const name = suggestName(key, KUSTOMIZATION.fields.keys());
    refuse(walk, place, `is not a field of a kustomization${name === undefined ? '' : `; did you mean ${name}?`}`);
  }
}

/** Follows what names files, which is where the schema has it and nowhere else: a label may be called `env`. */
function visit(walk: Walk, place: Place, value: unknown, shape: Shape): void {
  // To Go, null is the value that was not given.
  if (value === null || value === undefined) return;
  if (typeof shape === 'string') {
    visitValue(walk, place, value, shape);
  } else if ('listOf' in shape) {
    if (!Array.isArray(value)) return refuseOther(walk, place, shown(value, shape), 'a list');
    for (const [index, item] of value.entries()) {
      visit(walk, { ...place, field: [...place.field, index] }, item, shape.listOf);
    }
  } else if (!isRecord(value)) {
    refuseOther(walk, place, shown(value, shape), `a mapping${hintAtPath(value, shape)}`);
  } else {
    for (const [key, inner] of Object.entries(value)) {
      const found = 'mapOf' in shape ? shape.mapOf : findField(shape, key)?.[1];
      // An empty text is no file that was named.
      if (found === undefined || (found === 'file' && inner === '')) continue;
      visit(walk, { ...place, field: [...place.field, key] }, inner, found);
    }
  }
}

function visitValue(walk: Walk, place: Place, value: unknown, shape: Extract<Shape, string>): void {
  if (shape === 'flag') {
    if (typeof value !== 'boolean') refuseOther(walk, place, shown(value, shape), 'true or false');
  } else if (shape === 'integer') {
    if (typeof value !== 'bigint' && !Number.isInteger(value)) {
      refuseOther(walk, place, shown(value, shape), 'a whole number');
    }
  } else if (typeof value !== 'string') {
    refuseOther(walk, place, shown(value, shape), `a text${typeof value === 'object' ? '' : '; quote it'}`);
  } else {
    visitText(walk, place, value, shape);
  }
}

function visitText(
  walk: Walk,
  place: Place,
  value: string,
  shape: Exclude<Extract<Shape, string>, 'flag' | 'integer'>,
): void {
  switch (shape) {
    case 'text':
      return;
    case 'literal':
      if (value.indexOf('=') < 1) refuse(walk, place, 'has no key in front of a =; allowed is key=value');
      return;
    case 'keyed file':
      visitKeyedFile(walk, place, value);
      return;
    case 'patch or file':
      inlineOrFile(walk, place, value);
      return;
    case 'plugin':
      visitPlugin(walk, place, value);
      return;
    case 'file':
    case 'folder':
    case 'file or folder':
      reference(walk, place, value, shape);
  }
}

/** A generator's file may carry the key it is stored under: `key=path`. */
function visitKeyedFile(walk: Walk, place: Place, value: string): void {
  const [key = '', path, ...more] = value.split('=');
  if (path === undefined) {
    reference(walk, place, value, 'file');
  } else if (key === '' || path === '' || more.length > 0) {
    refuseOther(walk, place, formatValue(value), 'a path, or a key and a path with one = between them');
  } else {
    reference(walk, place, path, 'file');
  }
}

function inlineOrFile(walk: Walk, place: Place, entry: string): readonly unknown[] | undefined {
  const path = resolvePath(place.folder, entry);
  if (path !== undefined && walk.tree.has(path)) {
    reference(walk, place, entry, 'file');
    return undefined;
  }
  const documents = mappingsIn(entry);
  // kustomize tries the text as a path first, so that even an inline one must not lead out of the tree.
  if (documents === undefined || path === undefined || entry.startsWith('/')) {
    reference(walk, place, entry, 'file');
    return undefined;
  }
  return documents;
}

function visitPlugin(walk: Walk, place: Place, entry: string): void {
  const path = resolvePath(place.folder, entry);
  if (path !== undefined && walk.folders.has(path)) {
    refuse(walk, place, `is ${formatValue(entry)}, a folder; allowed is a file of builtin transformers`);
    return;
  }
  const file = path === undefined ? undefined : walk.tree.get(path);
  if (file !== undefined) {
    reference(walk, place, entry, 'file');
  }
  const documents = file === undefined ? inlineOrFile(walk, place, entry) : mappingsIn(decodeStrictly(file.bytes));
  for (const document of documents ?? (file === undefined ? [] : [undefined])) {
    const apiVersion = isRecord(document) ? document['apiVersion'] : undefined;
    const kind = isRecord(document) ? document['kind'] : undefined;
    const shape = apiVersion === 'builtin' && typeof kind === 'string' ? PLUGINS.get(kind) : undefined;
    if (shape === undefined || hasFunction(document)) {
      const message = `holds ${formatValue(kind)} of ${formatValue(apiVersion)}; allowed are the builtin ${[...PLUGINS.keys()].join(', ')}: other plugins, functions and charts are never run`;
      refuse(walk, place, message);
    } else {
      visit(walk, place, document, shape);
    }
  }
}

function hasFunction(document: unknown): boolean {
  const metadata = isRecord(document) ? document['metadata'] : undefined;
  const annotations = isRecord(metadata) && isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  return Object.keys(annotations).some((name) => /^config\.(kubernetes|k8s)\.io\/function$/.test(name));
}

function mappingsIn(text: string | undefined): readonly unknown[] | undefined {
  if (text === undefined || hasForeignLineBreaks(text)) return undefined;
  try {
    const documents = parseKubernetesYaml(text).filter((document) => document !== null);
    return documents.every(isRecord) ? documents : undefined;
  } catch {
    return undefined;
  }
}

/** Follows one reference, or refuses it with the reason. */
function reference(walk: Walk, place: Place, value: string, allowed: 'file' | 'folder' | 'file or folder'): void {
  const shown = formatValue(value);
  if (looksRemote(value)) {
    refuse(
      walk,
      place,
      `is ${shown}, a remote reference; only files of the same repository are built: commit a copy of it`,
    );
    return;
  }
  const path = resolvePath(place.folder, value);
  if (path === undefined || value.startsWith('/')) {
    refuse(walk, place, `is ${shown}, which leaves the root of the repository; allowed are relative paths inside it`);
    return;
  }
  if (walk.tree.has(path)) {
    if (allowed === 'folder') refuse(walk, place, `is ${shown}, a file; allowed is a folder with a kustomization file`);
    else take(walk, path);
    return;
  }
  if (!walk.folders.has(path)) {
    refuse(walk, place, `is ${shown}, but there is no ${formatValue(path)} in the repository`);
  } else if (allowed === 'file') {
    refuse(walk, place, `is ${shown}, a folder; allowed is a file`);
  } else if (findKustomizationFile(walk.tree, path) === undefined) {
    refuse(
      walk,
      place,
      `is ${shown}, a folder without a kustomization file; add ${path}/kustomization.yaml or name its files`,
    );
  } else if (!walk.visited.has(path)) {
    walk.visited.add(path);
    walk.pending.push(path);
  }
}

/** Whether kustomize would take a text for the address of a file or repository, even where a path of that name exists. */
function looksRemote(value: string): boolean {
  return (
    /:\/\//.test(value) ||
    /^[a-z0-9+.-]+::/i.test(value) ||
    /^[^/\s]+@[^/\s]+:/.test(value) ||
    /^(?:gh:|(?:www\.)?github\.com[:/])/i.test(value) ||
    /[?]/.test(value) ||
    /(?:^|\/)_git(?:\/|$)/.test(value) ||
    /\.git(?:\/|$|:)/.test(value) ||
    /.\/\//.test(value)
  );
}

function take(walk: Walk, path: string): void {
  const file = walk.tree.get(path);
  if (file !== undefined) {
    walk.collected.set(path, file);
  }
}

/** A text in the place of a mapping that names a file most likely is that file. */
function hintAtPath(value: unknown, shape: Shape): string {
  const namesFile = typeof shape === 'object' && 'fields' in shape && shape.fields.get('path') === 'file';
  return namesFile && typeof value === 'string' ? `, such as path: ${formatValue(value)}` : '';
}

/** A value as it may be told: what stands where a literal belongs may be a secret, and so may what a mapping holds. */
function shown(value: unknown, shape: Shape): string {
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a mapping';
  const isLiteral =
    shape === 'literal' || (typeof shape === 'object' && 'listOf' in shape && shape.listOf === 'literal');
  return isLiteral ? `a ${typeof value}` : formatValue(value);
}

function refuseOther(walk: Walk, place: Place, got: string, allowed: string): void {
  refuse(walk, place, `is ${got}; allowed is ${allowed}`);
}

function refuse(walk: Walk, place: Place, message: string): void {
  if (walk.problems.length < MAX_PROBLEMS) {
    walk.problems.push(problemInFile(place.source, place.field, message));
  }
}
