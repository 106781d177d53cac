import { isRecord } from '#shared/common/is-record.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { isFluxGroup } from '#shared/flux/flux-kinds.ts';
import { parseApiVersion, type KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

import { decodeStrictly, KUSTOMIZATION_NAMES, readKustomizationFile, resolvePath } from './kustomization-file.ts';
import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';

/** What a build reads, without the Flux objects that it refuses to read twice, and those. */
export interface CutInput {
  readonly files: SourceTree;
  readonly repeated: readonly KubernetesObject[];
}

/** kustomize's `<kind>.<version>.<group>/<name>.<namespace>`; only the name may hold dots, and the group does. */
const REGISTERED_TWICE =
  /already registered id: (?<kind>[^.\s/]+)\.[^.\s/]+\.(?<group>[^\s/]+)\/(?<name>\S+)\.(?<namespace>[^.\s':]+)/;

/**
 * Takes one of Tidegate's own Flux objects that a build found twice out of the files it comes from, so that it fails and
 * not everything beside it. Nobody can know which of the two is meant, so none of them stays.
 *
 * @param refusal kustomize's words.
 * @returns undefined when it is something else that the build refuses.
 */
export function cutRepeated(files: SourceTree, refusal: string): CutInput | undefined {
  const { kind, group, name, namespace } = REGISTERED_TWICE.exec(refusal)?.groups ?? {};
  if (kind === undefined || group === undefined || name === undefined || !isFluxGroup(group)) return undefined;
  const own = namespace === undefined || namespace === '[noNs]' ? undefined : namespace;
  const isMeant = (object: KubernetesObject): boolean =>
    object.kind === kind &&
    object.metadata.name === name &&
    parseApiVersion(object.apiVersion).group === group &&
    // A namespace is often set by the kustomization, not in the file.
    [undefined, null, '', own].includes(object.metadata.namespace);
  const kept = new Map(files);
  const repeated: KubernetesObject[] = [];
  for (const path of resourceFiles(files)) {
    const file = files.get(path);
    const text = decodeStrictly(file?.bytes ?? new Uint8Array());
    if (file === undefined || text === undefined || !text.includes(name) || !text.includes(kind)) continue;
    const parts = documentsOf(text);
    const rest = parts.filter((part) => {
      const object = objectIn(part);
      if (object === undefined || !isMeant(object)) return true;
      repeated.push(own === undefined ? object : { ...object, metadata: { ...object.metadata, namespace: own } });
      return false;
    });
    if (rest.length < parts.length) {
      kept.set(path, { ...file, bytes: Buffer.from(rest.join('')) });
    }
  }
  return repeated.length === 0 ? undefined : { files: kept, repeated };
}

/** The files that kustomizations name as resources: a patch has the identity of what it patches. */
function resourceFiles(files: SourceTree): ReadonlySet<string> {
  const found = new Set<string>();
  for (const path of files.keys()) {
    const slash = path.lastIndexOf('/');
    if (!KUSTOMIZATION_NAMES.includes(path.slice(slash + 1))) continue;
    const source = readKustomizationFile(files, path);
    const { resources, bases } = 'problem' in source ? {} : source.value;
    for (const entry of [resources, bases].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []))) {
      const resolved = typeof entry === 'string' ? resolvePath(path.slice(0, Math.max(0, slash)), entry) : undefined;
      if (resolved !== undefined && files.has(resolved)) {
        found.add(resolved);
      }
    }
  }
  return found;
}

/** A stream's documents, each with the line that begins it, so that any of them joined are a stream again. */
function documentsOf(text: string): readonly string[] {
  return text.split(/^(?=---(?:[ \t\r]|$))/m);
}

function objectIn(part: string): KubernetesObject | undefined {
  try {
    const [object, ...more] = parseKubernetesYaml(part).filter((document) => document !== null);
    const metadata = isRecord(object) ? object['metadata'] : undefined;
    return more.length === 0 &&
      isRecord(object) &&
      isRecord(metadata) &&
      typeof object['apiVersion'] === 'string' &&
      typeof object['kind'] === 'string' &&
      typeof metadata['name'] === 'string'
      ? (object as KubernetesObject)
      : undefined;
  } catch {
    return undefined;
  }
}
