import { isInstructionGroup } from '#shared/api/instruction-kinds.ts';
import { parseApiVersion, type KubernetesObject } from '#shared/api/kubernetes-object.ts';

/** What a render holds: Tidegate's own instructions, what is applied, and Flux's own installation, which is left out. */
export interface SplitObjects {
  readonly instructions: readonly KubernetesObject[];
  readonly objects: readonly KubernetesObject[];
  readonly fluxComponents: readonly KubernetesObject[];
}

/** Splits rendered objects by who they are for. */
export function splitInstructions(rendered: readonly KubernetesObject[]): SplitObjects {
  const split = {
    instructions: new Array<KubernetesObject>(),
    objects: new Array<KubernetesObject>(),
    fluxComponents: new Array<KubernetesObject>(),
  };
  for (const object of rendered) {
    if (isInstructionGroup(parseApiVersion(object.apiVersion).group)) {
      split.instructions.push(object);
    } else if (isFluxComponent(object)) {
      split.fluxComponents.push(object);
    } else {
      split.objects.push(object);
    }
  }
  return split;
}

/**
 * An object is part of Flux's installation when
 * - it carries both labels that `flux bootstrap` puts on all it generates: part of `flux`, an instance named as its namespace;
 * - or it is the definition of one of Flux's own kinds, however it came into the repository.
 */
function isFluxComponent(object: KubernetesObject): boolean {
  const { labels, name } = object.metadata;
  const isLabelled =
    labels?.['app.kubernetes.io/part-of'] === 'flux' && labels['app.kubernetes.io/instance'] !== undefined;
  const isDefinition = object.kind === 'CustomResourceDefinition' && name.endsWith('.toolkit.fluxcd.io');
  return isLabelled || isDefinition;
}
