import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Kustomization, SubstituteFrom } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import type { LiveObject } from '#shared/kubernetes/live-object.ts';
import { type KubernetesApi, type ObjectAddress } from '#shared/ports/kubernetes-api.ts';

/** The data of each `substituteFrom`, and which of its values nobody may be shown. */
export interface Substitutions {
  readonly referenced: readonly Readonly<Record<string, string>>[];
  readonly secrets: readonly string[];
  /** Names of the variables that have their value from a Secret. */
  readonly secretNames: ReadonlySet<string>;
}

/**
 * Reads the ConfigMaps and Secrets that a Kustomization's variables come from, in the order they are named. They live
 * in the cluster, as in Flux, in the namespace of the Kustomization.
 */
export async function readSubstitutions(kustomization: Kustomization, api: KubernetesApi): Promise<Substitutions> {
  const references = kustomization.postBuild?.substituteFrom ?? [];
  const referenced = await Promise.all(references.map((reference) => readOne(kustomization, reference, api)));
  const secrets = references.flatMap(({ kind }, index) =>
    kind === 'Secret' ? Object.values(referenced[index] ?? {}) : [],
  );
  return { referenced, secrets, secretNames: nameSecrets(kustomization, referenced) };
}

/** What is named later wins, and what is written inline over all. */
function nameSecrets(
  { postBuild }: Kustomization,
  referenced: readonly Readonly<Record<string, string>>[],
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, { kind }] of (postBuild?.substituteFrom ?? []).entries()) {
    for (const name of Object.keys(referenced[index] ?? {})) {
      if (kind === 'Secret') names.add(name);
      else names.delete(name);
    }
  }
  Object.keys(postBuild?.substitute ?? {}).forEach((name) => names.delete(name));
  return names;
}

async function readOne(
  kustomization: Kustomization,
  reference: SubstituteFrom,
  api: KubernetesApi,
): Promise<Readonly<Record<string, string>>> {
  const address = { resource: CORE_KINDS[reference.kind], namespace: kustomization.namespace, name: reference.name };
  const object = await readObject(address, kustomization, api);
  if (object === undefined) {
    if (reference.optional) return {};
    throw new TidegateError(
      'BuildFailed',
      `spec.postBuild.substituteFrom: ${reference.kind} ${kustomization.namespace}/${reference.name} is not in the cluster; create it, or set optional: true`,
      { disposition: 'wait', subject: `Kustomization ${formatNamespacedName(kustomization)}` },
    );
  }
  const data = object['data'];
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).flatMap(([name, value]) =>
      typeof value === 'string'
        ? [[name, reference.kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value]]
        : [],
    ),
  );
}

async function readObject(
  address: ObjectAddress,
  kustomization: Kustomization,
  api: KubernetesApi,
): Promise<LiveObject | undefined> {
  try {
    return await api.get(address);
  } catch (error) {
    if (!(error instanceof KubernetesApiError) || error.status.code !== 403) throw error;
    const { resource, namespace, name } = address;
    throw new TidegateError(
      'BuildFailed',
      `spec.postBuild.substituteFrom: ${resource.kind} ${namespace}/${name} may not be read: ${error.message}; give Tidegate get on it, or move the Kustomization to a namespace that Tidegate may work in`,
      { disposition: 'wait', subject: `Kustomization ${formatNamespacedName(kustomization)}`, cause: error },
    );
  }
}

const CORE_KINDS: Readonly<Record<SubstituteFrom['kind'], ApiResource>> = {
  ConfigMap: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: ['get'] },
  Secret: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, verbs: ['get'] },
};
