/**
 * What may stand at a place of a kustomization file. Beside plain values, of which a `literal` may be a secret, those that
 * name something of the repository:
 * - `file`, `folder` and `file or folder` by its path;
 * - `keyed file` by its path, with the key it is stored under in front or without (`key=path`);
 * - `patch or file`, which is tried as a patch first; `plugin`, the same with the configuration of a builtin plugin.
 */
export type Shape =
  | 'text'
  | 'literal'
  | 'flag'
  | 'integer'
  | 'file'
  | 'folder'
  | 'file or folder'
  | 'keyed file'
  | 'patch or file'
  | 'plugin'
  | { readonly listOf: Shape }
  | { readonly mapOf: Shape }
  | Fields;

/** A mapping with fields of its own. Those it does not name are kustomize's to judge: they may be newer than this schema. */
export interface Fields {
  readonly fields: ReadonlyMap<string, Shape>;
}

const TEXTS: Shape = { listOf: 'text' };
const LITERALS: Shape = { listOf: 'literal' };
const TEXT_MAP: Shape = { mapOf: 'text' };
const KIND = texts('group version kind');
const SELECTOR = fields({ ...KIND, ...texts('name namespace annotationSelector labelSelector') });
const FIELD_SPECS: Shape = { listOf: fields({ ...KIND, path: 'text', create: 'flag' }) };
const FIELD_OPTIONS = fields({ ...texts('delimiter encoding'), index: 'integer', create: 'flag' });
const GENERATOR_OPTIONS = fields({
  labels: TEXT_MAP,
  annotations: TEXT_MAP,
  disableNameSuffixHash: 'flag',
  immutable: 'flag',
});
const GENERATORS: Shape = {
  listOf: fields({
    ...texts('name namespace behavior type'),
    literals: LITERALS,
    files: { listOf: 'keyed file' },
    envs: { listOf: 'file' },
    env: 'file',
    options: GENERATOR_OPTIONS,
  }),
};
const PATCHES: Shape = {
  listOf: fields({
    path: 'file',
    patch: 'text',
    target: SELECTOR,
    options: fields({ allowNameChange: 'flag', allowKindChange: 'flag' }),
  }),
};
/** An entry of `images`. */
export const IMAGE: Fields = fields(texts('name newName tagSuffix newTag digest'));
const IMAGES: Shape = { listOf: IMAGE };
const REPLACEMENTS: Shape = {
  listOf: fields({
    path: 'file',
    source: fields({ ...KIND, ...texts('name namespace fieldPath'), options: FIELD_OPTIONS }),
    sourceValue: 'text',
    targets: {
      listOf: fields({ select: SELECTOR, reject: { listOf: SELECTOR }, fieldPaths: TEXTS, options: FIELD_OPTIONS }),
    },
  }),
};

/** The fields of a kustomization file, without those of charts. */
export const KUSTOMIZATION: Fields = fields({
  ...texts('apiVersion kind namePrefix nameSuffix namespace'),
  bases: { listOf: 'file or folder' },
  buildMetadata: TEXTS,
  commonAnnotations: TEXT_MAP,
  commonLabels: TEXT_MAP,
  components: { listOf: 'folder' },
  configMapGenerator: GENERATORS,
  configurations: { listOf: 'file' },
  crds: { listOf: 'file' },
  generatorOptions: GENERATOR_OPTIONS,
  generators: { listOf: 'plugin' },
  images: IMAGES,
  imageTags: IMAGES,
  labels: {
    listOf: fields({ pairs: TEXT_MAP, includeSelectors: 'flag', includeTemplates: 'flag', fields: FIELD_SPECS }),
  },
  metadata: fields({ ...texts('name namespace'), labels: TEXT_MAP, annotations: TEXT_MAP }),
  openapi: fields({ path: 'file' }),
  patches: PATCHES,
  patchesJson6902: PATCHES,
  patchesStrategicMerge: { listOf: 'patch or file' },
  replacements: REPLACEMENTS,
  replicas: { listOf: fields({ name: 'text', count: 'integer' }) },
  resources: { listOf: 'file or folder' },
  secretGenerator: GENERATORS,
  sortOptions: fields({ order: 'text', legacySortOptions: fields({ orderFirst: TEXTS, orderLast: TEXTS }) }),
  transformers: { listOf: 'plugin' },
  validators: { listOf: 'plugin' },
  vars: {
    listOf: fields({
      name: 'text',
      objref: fields({ ...KIND, ...texts('apiVersion name namespace') }),
      fieldref: fields({ fieldPath: 'text' }),
    }),
  },
});

/** Fields that render a Helm chart, which is never done. */
export const CHART_FIELDS: readonly string[] = ['helmCharts', 'helmChartInflationGenerator', 'helmGlobals'];

const GENERATOR_PLUGIN = fields({ files: { listOf: 'keyed file' }, envs: { listOf: 'file' } });
const PATCH_PLUGIN = fields({ path: 'file' });
const NO_FILES = fields({});

/**
 * The builtin plugins that are run, with what in their configuration names files: a mistake elsewhere is kustomize's to
 * tell. It knows no `env` there, and no plugin that sorts.
 */
export const PLUGINS: ReadonlyMap<string, Fields> = new Map([
  ['AnnotationsTransformer', NO_FILES],
  ['ConfigMapGenerator', GENERATOR_PLUGIN],
  ['HashTransformer', NO_FILES],
  ['IAMPolicyGenerator', NO_FILES],
  ['ImageTagTransformer', NO_FILES],
  ['LabelTransformer', NO_FILES],
  ['NamespaceTransformer', NO_FILES],
  ['PatchJson6902Transformer', PATCH_PLUGIN],
  ['PatchStrategicMergeTransformer', fields({ paths: { listOf: 'patch or file' } })],
  ['PatchTransformer', PATCH_PLUGIN],
  ['PrefixSuffixTransformer', NO_FILES],
  ['PrefixTransformer', NO_FILES],
  ['ReplacementTransformer', fields({ replacements: { listOf: fields({ path: 'file' }) } })],
  ['ReplicaCountTransformer', NO_FILES],
  ['SecretGenerator', GENERATOR_PLUGIN],
  ['SuffixTransformer', NO_FILES],
]);

/** The field of a mapping that Go takes a key for: in any case, and with letters such as the long s for their plain ones. */
export function findField({ fields: known }: Fields, key: string): readonly [name: string, shape: Shape] | undefined {
  const exact = known.get(key);
  if (exact !== undefined) return [key, exact];
  const folded = foldName(key);
  return [...known].find(([name]) => foldName(name) === folded);
}

function foldName(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function fields(shapes: Readonly<Record<string, Shape>>): Fields {
  return { fields: new Map(Object.entries(shapes)) };
}

function texts(names: string): Readonly<Record<string, Shape>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, 'text']));
}
