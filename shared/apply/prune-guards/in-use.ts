import { TIDEGATE_NAMESPACE } from '#shared/api/names.ts';

import type { PruneContext, PruneGuardCheck } from './prune-candidate.ts';

/**
 * Holds for a Namespace or a definition that would take desired objects with it, be it another installation that desires
 * them, and for the Namespace of every inventory.
 */
export const inUse: PruneGuardCheck = ({ object: { id } }, context) => {
  if (id.kind === 'Namespace' && id.group === '') {
    return whyNamespaceStays(id.name, context);
  }
  if (id.kind !== 'CustomResourceDefinition') {
    return undefined;
  }
  const other = context.foreignDefinitions.get(id.name);
  if (other !== undefined) {
    return `objects of its kind belong to ${other}`;
  }
  return context.desiredDefinitions.has(id.name) ? 'objects of its kind are desired' : undefined;
};

function whyNamespaceStays(name: string, context: PruneContext): string | undefined {
  if (name === TIDEGATE_NAMESPACE) {
    return 'it holds the inventory of everything that Tidegate applied, and its leases';
  }
  const other = context.foreignNamespaces.get(name);
  if (other !== undefined) {
    return `objects of ${other} live in it`;
  }
  return context.desiredNamespaces.has(name) ? 'objects that are desired live in it' : undefined;
}
