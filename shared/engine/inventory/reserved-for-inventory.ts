import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

/** How the names of our own objects begin, by kind. */
const RESERVED: Readonly<Record<string, RegExp>> = {
  'ConfigMap.': /^(?:kustomization|installation)\./u,
  'Lease.coordination.k8s.io': /^tidegate-/u,
};

/** Says why an object of Git may not be applied that would take the place of the lease, or of somebody's inventory. */
export function reservedForInventory({ group, kind, namespace, name }: ObjectId): string | undefined {
  return namespace === TIDEGATE_NAMESPACE && RESERVED[`${kind}.${group}`]?.test(name) === true
    ? `Tidegate keeps its own ${kind} under such names in ${TIDEGATE_NAMESPACE}; give the object another name, or another namespace`
    : undefined;
}
