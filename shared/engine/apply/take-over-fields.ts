import type { LiveMetadata, ManagedFieldsEntry } from '#shared/kubernetes/live-object.ts';
import { FIELD_MANAGER } from '#shared/kubernetes/names.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import type { DesiredObject } from '../model/desired-object.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Makes the fields that `kubectl apply` wrote ours, so that what Git does not hold goes away with our first apply, as it
 * would with kubectl's next. Fields of anyone else stay theirs.
 */
export async function takeOverFields(api: KubernetesApi, desired: DesiredObject, live: LiveMetadata): Promise<void> {
  if (!(live.managedFields ?? []).some(isKubectlApply)) return;
  const address = { resource: desired.resource, namespace: desired.id.namespace, name: desired.id.name };
  const object = await api.get(address);
  const taken = (object?.metadata.managedFields ?? []).filter(isKubectlApply);
  const [first] = taken;
  if (object === undefined || object.metadata.uid !== live.uid || first === undefined) return;
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const ours: ManagedFieldsEntry = {
    ...first,
    manager: FIELD_MANAGER,
    operation: 'Apply',
    fieldsV1: taken.map((entry) => entry.fieldsV1).reduce(mergeFields),
  };
  const rest = (object.metadata.managedFields ?? []).filter((entry) => !isKubectlApply(entry));
  await api.replace({
    resource: desired.resource,
    object: { ...object, metadata: { ...object.metadata, annotations, managedFields: [...rest, ours] } },
  });
}

function isKubectlApply(entry: ManagedFieldsEntry): boolean {
  return (
    entry.subresource === undefined &&
    ((entry.manager === 'kubectl-client-side-apply' && entry.operation === 'Update') ||
      (entry.manager === 'kubectl' && entry.operation === 'Apply') ||
      entry.manager === 'before-first-apply')
  );
}

// fieldsV1 is a tree of empty leaves: the union of two is the union of their branches.
function mergeFields(one: unknown, other: unknown): unknown {
  if (!isTree(one) || !isTree(other)) return one ?? other;
  const merged: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    merged[key] = key in merged ? mergeFields(merged[key], value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
