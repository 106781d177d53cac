/** The kinds of Flux object that Tidegate reads instead of applying. */
export type FluxKind = 'GitRepository' | 'Kustomization' | 'ImageRepository' | 'ImagePolicy' | 'ImageUpdateAutomation';

/** Namespace and name of a Flux object. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** `flux-system/podinfo`. */
export function formatNamespacedName(id: NamespacedName): string {
  return `${id.namespace}/${id.name}`;
}

/** One source of one cluster's Flux objects; the root source of every cluster is `GitRepository flux-system/flux-system`. */
export interface SourceKey extends NamespacedName {
  readonly cluster: string;
  readonly kind: 'GitRepository';
}

/** `production/GitRepository/flux-system/podinfo`. */
export function formatSourceKey(source: SourceKey): string {
  return `${source.cluster}/${source.kind}/${source.namespace}/${source.name}`;
}

/** The name under which the configuration repository itself is known in every cluster. */
export const ROOT_NAME: NamespacedName = { namespace: 'flux-system', name: 'flux-system' };
