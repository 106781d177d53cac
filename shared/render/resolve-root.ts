import { resolveInsideRoot } from '#shared/common/resolve-inside-root.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName, ROOT_NAME, type NamespacedName } from '#shared/flux/resource-key.ts';

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
 *
 * @param isRootSource whether a source is the root's, by whatever name the repository calls it.
 */
export function resolveRoot(
  kustomizations: readonly Kustomization[],
  clusterPath: string,
  isRootSource: (source: NamespacedName) => boolean = isNamedAsRoot,
): ResolvedRoot {
  const isRoot = (one: Kustomization): boolean => isRootSource(one.sourceRef) && isClusterFolder(one.path, clusterPath);
  const [declared, ...repeated] = kustomizations.filter(isRoot).sort(compareAsRoots);
  return {
    root: declared === undefined ? defaultRoot(clusterPath) : ofRootSource(declared),
    declared: declared !== undefined,
    others: kustomizations.filter((one) => !isRoot(one)),
    repeated,
  };
}

/** Whether a path leads to the cluster's own folder, however it is written. */
export function isClusterFolder(path: string, clusterPath: string): boolean {
  return resolveInsideRoot(path) === resolveInsideRoot(clusterPath);
}

/** Whether something goes by the name that the root, and its source, have where nobody names them otherwise. */
export function isNamedAsRoot(one: NamespacedName): boolean {
  return formatNamespacedName(one) === formatNamespacedName(ROOT_NAME);
}

/** The order of what may be the root: the one named so, then by name. */
export function compareAsRoots(left: NamespacedName, right: NamespacedName): number {
  const [one, other] = [formatNamespacedName(left), formatNamespacedName(right)];
  return Number(isNamedAsRoot(right)) - Number(isNamedAsRoot(left)) || (one < other ? -1 : 1);
}

/** The configuration repository is read as the settings say, under one name; whatever else it is called is the same. */
function ofRootSource(root: Kustomization): Kustomization {
  return { ...root, sourceRef: { kind: root.sourceRef.kind, ...ROOT_NAME } };
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
