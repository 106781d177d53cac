import { isFluxGroup } from '#shared/flux/flux-kinds.ts';
import { parseApiVersion, type KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

/** What a render holds: Tidegate's own Flux objects, what is applied, and Flux's own installation, which is left out. */
export interface SplitObjects {
  readonly fluxObjects: readonly KubernetesObject[];
  readonly objects: readonly KubernetesObject[];
  readonly fluxComponents: readonly KubernetesObject[];
}

/** Splits rendered objects by who they are for. */
export function splitFluxObjects(rendered: readonly KubernetesObject[]): SplitObjects {
  const split = {
    fluxObjects: new Array<KubernetesObject>(),
    objects: new Array<KubernetesObject>(),
    fluxComponents: new Array<KubernetesObject>(),
  };
  for (const object of rendered) {
    if (isFluxComponent(object)) {
      split.fluxComponents.push(object);
    } else if (isFluxGroup(parseApiVersion(object.apiVersion).group)) {
      split.fluxObjects.push(object);
    } else {
      split.objects.push(object);
    }
  }
  return split;
}

/**
 * An object is part of Flux's installation when
 * - it carries both labels that `flux bootstrap` puts on all it generates: part of `flux`, an instance named as its namespace;
 *   what Flux reads is none of it, whatever labels it carries;
 * - or it is the definition of one of Flux's own kinds, however it came into the repository;
 * - or it asks the Flux operator for such an installation.
 */
export function isFluxComponent(object: KubernetesObject): boolean {
  const { labels, name } = object.metadata;
  const { group } = parseApiVersion(object.apiVersion);
  if (isFluxGroup(group)) return group === 'fluxcd.controlplane.io' && object.kind === 'FluxInstance';
  const isLabeled =
    labels?.['app.kubernetes.io/part-of'] === 'flux' && labels['app.kubernetes.io/instance'] !== undefined;
  return isLabeled || (object.kind === 'CustomResourceDefinition' && definesFluxKind(name));
}

/** Whether a definition, named `<plural>.<group>`, is of a kind that Flux's own controllers read. */
function definesFluxKind(name: string): boolean {
  const group = name.slice(name.indexOf('.') + 1);
  return group !== 'tidegate.dev' && group !== 'fluxcd.controlplane.io' && isFluxGroup(group);
}
