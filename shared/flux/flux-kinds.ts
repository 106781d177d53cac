import type { FluxKind } from './resource-key.ts';

export const KUSTOMIZATION_GROUP = 'kustomize.toolkit.fluxcd.io';

const GROUPS: Readonly<Record<FluxKind, string>> = {
  GitRepository: 'source.toolkit.fluxcd.io',
  Kustomization: KUSTOMIZATION_GROUP,
  ImageRepository: 'image.toolkit.fluxcd.io',
  ImagePolicy: 'image.toolkit.fluxcd.io',
  ImageUpdateAutomation: 'image.toolkit.fluxcd.io',
};

/** Kinds of Flux and of its neighbors that are known, by group, and not implemented. */
const NOT_IMPLEMENTED: ReadonlyMap<string, readonly string[]> = new Map([
  ['source.toolkit.fluxcd.io', ['Bucket', 'ExternalArtifact', 'HelmChart', 'HelmRepository', 'OCIRepository']],
  ['source.extensions.fluxcd.io', ['ArtifactGenerator']],
  ['helm.toolkit.fluxcd.io', ['HelmRelease']],
  ['notification.toolkit.fluxcd.io', ['Alert', 'Provider', 'Receiver']],
  ['fluxcd.controlplane.io', ['FluxInstance', 'FluxReport', 'ResourceSet', 'ResourceSetInputProvider']],
  ['tidegate.dev', ['Pipeline']],
]);

/**
 * The versions read, newest first. The older ones have the fields of `v1` with the same meaning, and a few that Flux
 * itself came to ignore or that are refused by name; Flux 2.7 and 2.8 took them out of its definitions.
 */
export const FLUX_KIND_VERSIONS: readonly string[] = ['v1', 'v1beta2', 'v1beta1'];

/**
 * Whether objects of an API group are read by Tidegate instead of being applied: those of Flux, of the Flux operator and
 * our own, of which no cluster needs to know. What others contribute has a controller of its own in the cluster.
 */
export function isFluxGroup(group: string): boolean {
  return (
    group === 'tidegate.dev' ||
    group === 'fluxcd.controlplane.io' ||
    ((group === 'fluxcd.io' || group.endsWith('.fluxcd.io')) && !group.endsWith('.contrib.fluxcd.io'))
  );
}

/** The kind of Flux object that a group and kind name, if it is one that Tidegate implements. */
export function fluxKindOf(group: string, kind: string): FluxKind | undefined {
  return isFluxKind(kind) && GROUPS[kind] === group ? kind : undefined;
}

/** Whether a kind is known by name, though Tidegate does not implement it. */
export function isKnownKind(group: string, kind: string): boolean {
  return NOT_IMPLEMENTED.get(group)?.includes(kind) ?? false;
}

/** `GitRepository, Kustomization, …`, for messages. */
export function listFluxKinds(): string {
  return Object.keys(GROUPS).join(', ');
}

function isFluxKind(kind: string): kind is FluxKind {
  return Object.hasOwn(GROUPS, kind);
}
