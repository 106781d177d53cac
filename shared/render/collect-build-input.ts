import { isRecord } from '#shared/api/is-record.ts';
import type { FieldPath } from '#shared/api/locate-field.ts';
import { formatValue } from '#shared/api/describe-issues.ts';
import type { Problem } from '#shared/errors/problem.ts';
import { suggestName } from '#shared/errors/suggest-name.ts';
import type { SourceFile, SourceTree } from '#shared/ports/source-tree.ts';
import {
  decodeStrictly,
  findKustomizationFile,
  hasForeignLineBreaks,
  KUSTOMIZATION_NAMES,
  joinPath,
  problemInFile,
  readKustomizationFile,
  resolvePath,
  type KustomizationFile,
} from './kustomization-file.ts';
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

const PLAIN_FIELDS: readonly string[] = [
  'apiVersion',
  'buildMetadata',
  'commonAnnotations',
  'commonLabels',
  'generatorOptions',
  'images',
  'kind',
  'labels',
  'metadata',
  'namePrefix',
  'nameSuffix',
  'namespace',
  'replicas',
  'sortOptions',
  'vars',
];
const CHART_FIELDS: readonly string[] = ['helmCharts', 'helmChartInflationGenerator', 'helmGlobals'];
const FILE_OR_FOLDER_FIELDS: readonly string[] = ['resources', 'bases', 'components'];
const FILE_FIELDS: readonly string[] = ['crds', 'configurations'];
const FILE_OR_INLINE_FIELDS: readonly string[] = ['patchesStrategicMerge'];
/** Fields whose entries name files in some of their fields; `*` stands for each entry of a list. */
const FILE_PLACES: ReadonlyMap<string, FilePlaces> = new Map([
  ['patches', [['path']]],
  ['patchesJson6902', [['path']]],
  ['replacements', [['path']]],
  ['configMapGenerator', [['files'], ['envs'], ['env']]],
  ['secretGenerator', [['files'], ['envs'], ['env']]],
]);
const OPENAPI_PLACES: FilePlaces = [['path']];
/** The builtin plugins that are run, each with the places in its configuration that name files. */
const PLUGIN_PLACES: ReadonlyMap<string, FilePlaces> = new Map([
  ['AnnotationsTransformer', []],
  ['ConfigMapGenerator', [['files'], ['envs'], ['env']]],
  ['HashTransformer', []],
  ['IAMPolicyGenerator', []],
  ['ImageTagTransformer', []],
  ['LabelTransformer', []],
  ['LegacyOrderTransformer', []],
  ['NamespaceTransformer', []],
  ['PatchJson6902Transformer', [['path']]],
  ['PatchStrategicMergeTransformer', [['paths']]],
  ['PatchTransformer', [['path']]],
  ['PrefixSuffixTransformer', []],
  ['PrefixTransformer', []],
  ['ReplacementTransformer', [['replacements', '*', 'path']]],
  ['ReplicaCountTransformer', []],
  ['SecretGenerator', [['files'], ['envs'], ['env']]],
  ['SortOrderTransformer', []],
  ['SuffixTransformer', []],
]);
const PLUGIN_FIELDS: readonly string[] = ['generators', 'transformers', 'validators'];
const KNOWN_FIELDS: readonly string[] = [
  ...PLAIN_FIELDS,
  ...CHART_FIELDS,
  ...FILE_OR_FOLDER_FIELDS,
  ...FILE_FIELDS,
  ...FILE_OR_INLINE_FIELDS,
  ...FILE_PLACES.keys(),
  ...PLUGIN_FIELDS,
  'openapi',
];

/** Ways from a value to the fields below it that name files. */
type FilePlaces = readonly (readonly string[])[];

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
      if (folders.has(folder)) {
        break;
      }
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
  if (!KNOWN_FIELDS.includes(key)) {
    const name = suggestName(key, KNOWN_FIELDS);
    refuse(walk, place, `is not a field of a kustomization${name === undefined ? '' : `; did you mean ${name}?`}`);
    return;
  }
  if (CHART_FIELDS.includes(key)) {
    refuse(
      walk,
      place,
      'renders a Helm chart, which is not supported in a kustomization; commit the rendered manifests',
    );
    return;
  }
  if (PLAIN_FIELDS.includes(key) || value === null || value === undefined) {
    return;
  }
  if (key === 'openapi') {
    visitPlaces(walk, place, value, OPENAPI_PLACES);
    return;
  }
  if (!Array.isArray(value)) {
    refuse(walk, place, `is ${formatValue(value)}; allowed is a list`);
    return;
  }
  for (const [index, entry] of value.entries()) {
    visitEntry(walk, { ...place, field: [key, index] }, key, entry);
  }
}

function visitEntry(walk: Walk, place: Place, key: string, entry: unknown): void {
  const places = FILE_PLACES.get(key);
  if (places !== undefined) {
    visitPlaces(walk, place, entry, places);
  } else if (typeof entry !== 'string') {
    refuse(walk, place, `is ${formatValue(entry)}; allowed is a text`);
  } else if (FILE_OR_FOLDER_FIELDS.includes(key)) {
    reference(walk, place, entry, 'file or folder');
  } else if (FILE_FIELDS.includes(key)) {
    reference(walk, place, entry, 'file');
  } else if (PLUGIN_FIELDS.includes(key)) {
    visitPlugin(walk, place, entry);
  } else {
    inlineOrFile(walk, place, entry);
  }
}

/** Follows the fields that name files, which are where the schema has them and nowhere else: a label may be called `env`. */
function visitPlaces(walk: Walk, place: Place, value: unknown, places: FilePlaces): void {
  for (const [name, ...rest] of places) {
    if (name === undefined) {
      visitFileNames(walk, place, value);
    } else if (name === '*') {
      for (const [index, item] of (Array.isArray(value) ? value : []).entries()) {
        visitPlaces(walk, { ...place, field: [...place.field, index] }, item, [rest]);
      }
    } else if (isRecord(value)) {
      for (const [key, inner] of Object.entries(value)) {
        if (isSameField(key, name)) visitPlaces(walk, { ...place, field: [...place.field, key] }, inner, [rest]);
      }
    }
  }
}

/** As Go matches them: in any case, and letters such as the long s for their plain ones. */
function isSameField(key: string, name: string): boolean {
  return key.toUpperCase().toLowerCase() === name.toLowerCase();
}

function visitFileNames(walk: Walk, place: Place, value: unknown): void {
  for (const [index, name] of (Array.isArray(value) ? value : [value]).entries()) {
    const at = Array.isArray(value) ? { ...place, field: [...place.field, index] } : place;
    if (typeof name === 'string') {
      // A generator's file may carry the key it is stored under: `key=path`.
      reference(walk, at, name.slice(name.indexOf('=') + 1), 'file');
    } else if (name !== null && name !== undefined) {
      refuse(walk, at, `is ${formatValue(name)}; allowed is a text`);
    }
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
    const places = apiVersion === 'builtin' && typeof kind === 'string' ? PLUGIN_PLACES.get(kind) : undefined;
    if (places === undefined || hasFunction(document)) {
      const message = `holds ${formatValue(kind)} of ${formatValue(apiVersion)}; allowed are the builtin ${[...PLUGIN_PLACES.keys()].join(', ')}: other plugins, functions and charts are never run`;
      refuse(walk, place, message);
    } else {
      visitPlaces(walk, place, document, places);
    }
  }
}

function hasFunction(document: unknown): boolean {
  const metadata = isRecord(document) ? document['metadata'] : undefined;
  const annotations = isRecord(metadata) && isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  return Object.keys(annotations).some((name) => /^config\.(kubernetes|k8s)\.io\/function$/.test(name));
}

function mappingsIn(text: string | undefined): readonly unknown[] | undefined {
  if (text === undefined || hasForeignLineBreaks(text)) {
    return undefined;
  }
  try {
    const documents = parseKubernetesYaml(text).filter((document) => document !== null);
    return documents.length > 0 && documents.every(isRecord) ? documents : undefined;
  } catch {
    return undefined;
  }
}

/** Follows one reference, or refuses it with the reason. */
function reference(walk: Walk, place: Place, value: string, allowed: 'file' | 'file or folder'): void {
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
    take(walk, path);
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

function refuse(walk: Walk, place: Place, message: string): void {
  walk.problems.push(problemInFile(place.source, place.field, message));
}
