import { formatNamespacedName, type NamespacedName } from '#shared/api/resource-key.ts';

import type { ApplySetParent } from './apply-set-parent.ts';
import type { DesiredSet } from './desired-state.ts';
import type { PruneSet } from './plan-prune.ts';

/**
 * Finds, for a Kustomization that is gone, the one from which it came, directly or through others that are gone, when that is
 * still there and suddenly renders nothing: then nobody took the Kustomization out of Git, but somebody emptied a folder, or
 * broke what lists its files. Where the inventory does not say from which one it came, any that renders nothing may be it.
 */
export function findEmptied(
  sets: readonly DesiredSet[],
  gone: readonly ApplySetParent[],
): (parent: ApplySetParent) => Pick<PruneSet, 'emptied'> {
  const present = new Map(sets.map((set) => [formatNamespacedName(set.id), set]));
  const declarers = new Map(gone.map((parent) => [formatNamespacedName(parent.kustomization), parent.declaredBy]));
  const empty = sets.find(rendersNothing)?.id;
  return ({ declaredBy }) => {
    if (empty === undefined) {
      return {};
    }
    const met = new Set<string>();
    let above: NamespacedName | undefined = declaredBy;
    while (above !== undefined && !met.has(formatNamespacedName(above))) {
      const name = formatNamespacedName(above);
      const set = present.get(name);
      if (set !== undefined) {
        return rendersNothing(set) ? { emptied: set.id } : {};
      }
      met.add(name);
      above = declarers.get(name);
    }
    return { emptied: empty };
  };
}

function rendersNothing({ render, children }: DesiredSet): boolean {
  return render.kind === 'rendered' && render.objects.length === 0 && children.length === 0;
}
