import { dropAbsent } from '#shared/common/drop-absent.ts';
import { isRecord } from '#shared/common/is-record.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import { isFluxGroup } from '#shared/flux/flux-kinds.ts';
import {
  adviseOnVariables,
  FILLED_FIELDS,
  findFilledFields,
  type FilledField,
} from '#shared/kubernetes/filled-fields.ts';
import {
  formatObjectId,
  objectIdOf,
  objectKey,
  parseApiVersion,
  type KubernetesObject,
} from '#shared/kubernetes/kubernetes-object.ts';
import { formatFieldPath } from '#shared/yaml-edit/field-path.ts';

import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';

/** The objects of a rendered stream, or all that is wrong with it, in sentences. */
export type Manifests =
  | { readonly outcome: 'read'; readonly objects: readonly KubernetesObject[] }
  | { readonly outcome: 'refused'; readonly messages: readonly string[] };

/**
 * Reads a rendered YAML stream: Lists are flattened, and an object rendered twice is named. Tidegate's own Flux objects are
 * all returned: of those, only the ones that are written twice fail.
 *
 * @param originals the documents before variables were filled in, where there were any; for messages only.
 */
export function readManifests(text: string, originals: readonly unknown[] = []): Manifests {
  let documents: readonly unknown[];
  try {
    documents = parseKubernetesYaml(text);
  } catch (error) {
    return { outcome: 'refused', messages: [`rendered manifests: ${describeError(error)}`] };
  }
  const messages: string[] = [];
  const objects: KubernetesObject[] = [];
  const seen = new Set<string>();
  for (const [index, document] of documents.entries()) {
    const befores = membersOf(originals[index]);
    for (const [at, member] of membersOf(document).entries()) {
      const filled = findFilledFields(befores[at], member);
      const object = asObject(member, filled);
      if (typeof object === 'string') {
        messages.push(`rendered document ${index + 1} ${object}`);
        continue;
      }
      const id = objectIdOf(object);
      if (seen.has(objectKey(id)) && !isFluxGroup(id.group)) {
        messages.push(`${formatObjectId(id)} is rendered more than once; keep one`);
      }
      seen.add(objectKey(id));
      objects.push(filled.length === 0 ? object : { ...object, [FILLED_FIELDS]: filled });
    }
  }
  return messages.length > 0 ? { outcome: 'refused', messages } : { outcome: 'read', objects };
}

function membersOf(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) return [];
  if (isRecord(document) && typeof document['kind'] === 'string' && document['kind'].endsWith('List')) {
    const items = document['items'];
    return Array.isArray(items) ? items : [document];
  }
  return [document];
}

/** The value as an object, or what it lacks. */
function asObject(written: unknown, filled: readonly FilledField[]): KubernetesObject | string {
  if (!isRecord(written)) {
    return `is not a mapping but ${written === null ? 'null' : typeof written}; allowed are Kubernetes objects`;
  }
  const value = withoutNullMetadata(written);
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '' || typeof kind !== 'string' || kind === '') {
    return `has no apiVersion and kind as texts; allowed are Kubernetes objects`;
  }
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    return `(${kind}) has no metadata.name; name it (generateName is not supported)`;
  }
  if (metadata['namespace'] !== undefined && typeof metadata['namespace'] !== 'string') {
    return `(${kind}/${metadata['name']}) has a metadata.namespace that is not a text; quote it`;
  }
  for (const field of ['labels', 'annotations'] as const) {
    const wrong = Object.entries(isRecord(metadata[field]) ? metadata[field] : {}).find(
      ([, entry]) => typeof entry !== 'string' && entry !== null,
    );
    if (wrong !== undefined) {
      const variables = variablesAt(filled, ['metadata', field, wrong[0]]);
      const advice = adviseOnVariables(variables) || '; quote it';
      return `(${kind}/${metadata['name']}) has metadata.${field}["${wrong[0]}"] that is not a text${advice}`;
    }
  }
  const unsendable = findUnsendable(value);
  if (unsendable !== undefined) {
    const advice = adviseOnVariables(variablesAt(filled, unsendable)) || '; quote it if it is a text';
    return `(${kind}/${metadata['name']}) has ${formatFieldPath(unsendable)} that is infinite or no number, which JSON cannot hold${advice}`;
  }
  return { ...value, metadata: withTexts(metadata) } as KubernetesObject;
}

/** The server takes null for the empty text, which is what an empty variable leaves behind. */
function withTexts(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const texts = (['labels', 'annotations'] as const).flatMap((field) => {
    const held = metadata[field];
    return isRecord(held) && Object.values(held).includes(null)
      ? [[field, Object.fromEntries(Object.entries(held).map(([key, entry]) => [key, entry ?? '']))] as const]
      : [];
  });
  return texts.length === 0 ? metadata : { ...metadata, ...Object.fromEntries(texts) };
}

function variablesAt(filled: readonly FilledField[], path: FilledField['path']): readonly string[] {
  return filled.find((one) => one.isRetyped && one.path.join('\0') === path.join('\0'))?.variables ?? [];
}

/** Where an object holds `.inf` or `.nan`. */
function findUnsendable(object: unknown): FilledField['path'] | undefined {
  const pending: { readonly value: unknown; readonly path: FilledField['path'] }[] = [{ value: object, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next;
    if (typeof value === 'number' && !Number.isFinite(value)) return path;
    if (typeof value !== 'object' || value === null) continue;
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, item] of entries) {
      if (typeof item === 'number' || (typeof item === 'object' && item !== null)) {
        pending.push({ value: item, path: [...path, key] });
      }
    }
  }
  return undefined;
}

/** `null` in the place of a namespace, or of anything in the metadata of a Flux object, is absent, as for the server. */
function withoutNullMetadata(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { apiVersion, metadata } = value;
  if (!isRecord(metadata)) return value;
  if (typeof apiVersion === 'string' && isFluxGroup(parseApiVersion(apiVersion).group)) {
    return { ...value, metadata: dropAbsent(metadata, new Set()) };
  }
  const { namespace, ...rest } = metadata;
  return namespace === null ? { ...value, metadata: rest } : value;
}
