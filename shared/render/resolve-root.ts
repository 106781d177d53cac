import type { Kustomization } from '#shared/api/kustomization.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/api/resource-key.ts';
import { resolvePath } from './kustomization-file.ts';

/** The Kustomization that stands for the cluster's folder, and the others. */
export interface ResolvedRoot {
  readonly root: Kustomization;
  /** Whether a Kustomization of the repository says how the root is applied; else these are the defaults. */
  readonly declared: boolean;
  readonly others: readonly Kustomization[];
  /** Further Kustomizations with the root's source and path: it is applied once, by the first. */
  readonly repeated: readonly Kustomization[];
}

/**
 * Finds the root among the Kustomizations that the cluster's folder renders to: one with the root's own source and path *is*
 * the root (as `flux bootstrap` writes it into `gotk-sync.yaml`), so that its settings apply once and the folder is not applied
 * twice. One named as the root comes first, then by name.
 */
export function resolveRoot(kustomizations: readonly Kustomization[], clusterPath: string): ResolvedRoot {
  const folder = resolvePath('', clusterPath);
  const isRoot = (one: Kustomization): boolean =>
    one.sourceRef.namespace === ROOT_NAME.namespace &&
    one.sourceRef.name === ROOT_NAME.name &&
    resolvePath('', one.path) === folder;
  const rootName = formatNamespacedName(ROOT_NAME);
  const [declared, ...repeated] = kustomizations.filter(isRoot).sort((left, right) => {
    const [one, other] = [formatNamespacedName(left), formatNamespacedName(right)];
    return Number(other === rootName) - Number(one === rootName) || (one < other ? -1 : 1);
  });
  return {
    root: declared ?? defaultRoot(clusterPath),
    declared: declared !== undefined,
    others: kustomizations.filter((one) => !isRoot(one)),
    repeated,
  };
}

/** The root as `flux bootstrap` would declare it: every ten minutes, pruning. */
export function defaultRoot(clusterPath: string): Kustomization {
  return {
    ...ROOT_NAME,
    annotations: {},
    sourceRef: { kind: 'GitRepository', ...ROOT_NAME },
    path: clusterPath,
    prune: true,
    intervalMs: 600_000,
    retryIntervalMs: 600_000,
    timeoutMs: 570_000,
    wait: false,
    force: false,
    suspend: false,
    dependsOn: [],
    healthChecks: [],
    patches: [],
    images: [],
    components: [],
    commonMetadata: {},
    deletionPolicy: 'MirrorPrune',
  };
}
