import { createHash } from 'node:crypto';

import { TIDEGATE_NAMESPACE } from '#shared/api/names.ts';
import type { NamespacedName } from '#shared/api/resource-key.ts';

const LONGEST_NAME = 253;

/** Name of the ConfigMap in `tidegate-system` that is the ApplySet parent of a Kustomization. */
export function applySetParentName(kustomization: NamespacedName): string {
  // A namespace holds no dot, so the first one after the prefix ends it and no two Kustomizations share a name.
  const name = `kustomization.${kustomization.namespace}.${kustomization.name}`;
  if (name.length <= LONGEST_NAME) {
    return name;
  }
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, LONGEST_NAME - 17)}-${digest}`;
}

/** The ApplySet id of a Kustomization: KEP-3659's formula for its parent. */
export function applySetId(kustomization: NamespacedName): string {
  const parent = `${applySetParentName(kustomization)}.${TIDEGATE_NAMESPACE}.ConfigMap.`;
  return `applyset-${createHash('sha256').update(parent).digest('base64url')}-v1`;
}
