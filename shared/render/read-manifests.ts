import { dropAbsent } from '#shared/api/drop-absent.ts';
import { isInstructionGroup } from '#shared/api/instruction-kinds.ts';
import { isRecord } from '#shared/api/is-record.ts';
import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';
import { formatObjectId, objectIdOf, objectKey, parseApiVersion } from '#shared/api/kubernetes-object.ts';
import { describeError } from '#shared/errors/tidegate-error.ts';
import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';

/** The objects of a rendered stream, or all that is wrong with it, in sentences. */
export type Manifests =
  | { readonly outcome: 'read'; readonly objects: readonly KubernetesObject[] }
  | { readonly outcome: 'refused'; readonly messages: readonly string[] };

/** Reads a rendered YAML stream: Lists are flattened, and an object rendered twice is named. */
export function readManifests(text: string): Manifests {
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
    for (const member of membersOf(document)) {
      const object = asObject(member);
      if (typeof object === 'string') {
        messages.push(`rendered document ${index + 1} ${object}`);
        continue;
      }
      const id = objectIdOf(object);
      if (seen.has(objectKey(id))) {
        messages.push(`${formatObjectId(id)} is rendered more than once; keep one`);
      }
      seen.add(objectKey(id));
      objects.push(object);
    }
  }
  return messages.length > 0 ? { outcome: 'refused', messages } : { outcome: 'read', objects };
}

function membersOf(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) {
    return [];
  }
  if (isRecord(document) && typeof document['kind'] === 'string' && document['kind'].endsWith('List')) {
    const items = document['items'];
    return Array.isArray(items) ? items : [document];
  }
  return [document];
}

/** The value as an object, or what it lacks. */
function asObject(written: unknown): KubernetesObject | string {
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
      ([, entry]) => typeof entry !== 'string',
    );
    if (wrong !== undefined) {
      return `(${kind}/${metadata['name']}) has metadata.${field}["${wrong[0]}"] that is not a text; quote it`;
    }
  }
  return value as KubernetesObject;
}

/** `null` in the place of a namespace, or of anything in the metadata of an instruction, is absent, as for the server. */
function withoutNullMetadata(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { apiVersion, metadata } = value;
  if (!isRecord(metadata)) {
    return value;
  }
  if (typeof apiVersion === 'string' && isInstructionGroup(parseApiVersion(apiVersion).group)) {
    return { ...value, metadata: dropAbsent(metadata, new Set()) };
  }
  const { namespace, ...rest } = metadata;
  return namespace === null ? { ...value, metadata: rest } : value;
}
