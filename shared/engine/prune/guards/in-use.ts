import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

import type { PruneContext, PruneGuardCheck } from './prune-candidate.ts';

/**
 * Holds for a Namespace or a definition that would take desired objects with it, be it another installation that desires
 * them, for the Namespace of every inventory, and for an APIService without which desired objects are out of reach.
 */
export const inUse: PruneGuardCheck = ({ object: { id } }, context) => {
  if (id.kind === 'Namespace' && id.group === '') return whyNamespaceStays(id.name, context);
  if (id.kind === 'APIService' && id.group === 'apiregistration.k8s.io') {
    const group = id.name.slice(id.name.indexOf('.') + 1);
    return context.desiredGroups.has(group) ? `objects of group ${group}, which it serves, are desired` : undefined;
  }
  if (id.kind !== 'CustomResourceDefinition') return undefined;
  const other = context.foreignDefinitions.get(id.name);
  if (other !== undefined) return `objects of its kind belong to ${other}`;
  return context.desiredDefinitions.has(id.name) ? 'objects of its kind are desired' : undefined;
};

function whyNamespaceStays(name: string, context: PruneContext): string | undefined {
  if (name === TIDEGATE_NAMESPACE) return 'it holds the inventory of everything that Tidegate applied, and its leases';
  const other = context.foreignNamespaces.get(name);
  if (other !== undefined) return `objects of ${other} live in it`;
  return context.desiredNamespaces.has(name) ? 'objects that are desired live in it' : undefined;
}
