import type { PruneGuardCheck } from './prune-candidate.ts';

/** Holds for a Namespace or a definition that would take desired objects with it. */
export const inUse: PruneGuardCheck = ({ object: { id } }, { desiredNamespaces, desiredDefinitions }) => {
  if (id.kind === 'Namespace' && id.group === '' && desiredNamespaces.has(id.name)) {
    return 'objects that are desired live in it';
  }
  return id.kind === 'CustomResourceDefinition' && desiredDefinitions.has(id.name)
    ? 'objects of its kind are desired'
    : undefined;
};
