/** Names that Tidegate and the cluster agree on. Changing one orphans what it marked. */
export const FIELD_MANAGER = 'tidegate';
export const TIDEGATE_NAMESPACE = 'tidegate-system';
/** Where Flux objects live that name no namespace; for Tidegate only a name, nothing has to exist there. */
export const FLUX_SYSTEM_NAMESPACE = 'flux-system';
export const APPLYSET_PART_OF_LABEL = 'applyset.kubernetes.io/part-of';
export const APPLYSET_ID_LABEL = 'applyset.kubernetes.io/id';
/** Where members are; the namespace of the parent too, which not every run may look into. */
export const APPLYSET_NAMESPACES_ANNOTATION = 'applyset.kubernetes.io/additional-namespaces';
export const APPLYSET_TOOLING_ANNOTATION = 'applyset.kubernetes.io/tooling';
export const APPLYSET_KINDS_ANNOTATION = 'applyset.kubernetes.io/contains-group-kinds';
export const APPLIED_ANNOTATION = 'tidegate.dev/applied';
export const ADOPT_ANNOTATION = 'tidegate.dev/adopt';
/** On parents, and on what an installation with a name of its own applies: the name. */
export const INSTALLATION_ANNOTATION = 'tidegate.dev/installation';
/** On the lease of an installation's name: who may take it. On an object in Git: from which installation to take it. */
export const ADOPT_INSTALLATION_ANNOTATION = 'tidegate.dev/adopt-installation';
/** `enabled`: the object may be pruned with all that goes with it, and nobody is asked. */
export const PRUNE_ANNOTATION = 'tidegate.dev/prune';
export const APPROVE_PRUNE_ANNOTATION = 'tidegate.dev/approve-prune';
export const FLUX_PRUNE_ANNOTATION = 'kustomize.toolkit.fluxcd.io/prune';
export const FLUX_FORCE_ANNOTATION = 'kustomize.toolkit.fluxcd.io/force';
