import { defined } from '#shared/common/defined.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';

import { whenDeleted, type ApplySetParent, type WhenDeleted } from '../inventory/apply-set-parent.ts';
import type { DesiredSet } from '../model/apply-request.ts';
import type { PruneSet } from './plan-prune.ts';

/** What becomes of the objects of a Kustomization that is gone from Git, by what it came from. */
export interface GoneVerdict extends Pick<PruneSet, 'emptied' | 'unapplied'> {
  readonly whenDeleted: WhenDeleted;
  /** Whose setting keeps them, where it is not its own. */
  readonly keptBy?: NamespacedName;
}

/**
 * Judges a Kustomization that is gone by the one from which it came, directly or through others that are gone:
 * - one that does not prune, or is gone without pruning, takes nothing away from the cluster, Kustomizations included;
 * - one that suddenly renders nothing was emptied, or what lists its files is broken: nobody took the Kustomization out of Git;
 * - of one that is not applied as a whole, nothing is taken away yet.
 *
 * Where the inventory does not say from which one it came, any that renders nothing or is not applied may be it.
 */
export function judgeGone(
  sets: readonly DesiredSet[],
  gone: readonly ApplySetParent[],
  isApplied: (set: DesiredSet) => boolean,
): (parent: ApplySetParent) => GoneVerdict {
  const present = new Map(sets.map((set) => [formatNamespacedName(set.id), set]));
  const absent = new Map(gone.map((parent) => [formatNamespacedName(parent.kustomization), parent]));
  const empty = sets.find(rendersNothing)?.id;
  const unapplied = sets.find((set) => isUnapplied(set, isApplied))?.id;
  return (parent) => {
    if (parent.whenDeleted !== 'prune') return { whenDeleted: parent.whenDeleted };
    const met = new Set<string>();
    let above: NamespacedName | undefined = parent.declaredBy;
    while (above !== undefined && !met.has(formatNamespacedName(above))) {
      const name = formatNamespacedName(above);
      const set = present.get(name);
      if (set !== undefined) return judgeBy(set, isApplied);
      const former = absent.get(name);
      if (former !== undefined && former.whenDeleted !== 'prune') {
        return { whenDeleted: former.whenDeleted, keptBy: above };
      }
      met.add(name);
      above = former?.declaredBy;
    }
    return {
      whenDeleted: 'prune',
      ...defined({ emptied: empty, unapplied }),
    };
  };
}

function judgeBy(declarer: DesiredSet, isApplied: (set: DesiredSet) => boolean): GoneVerdict {
  const { id, settings, render } = declarer;
  if (isUnapplied(declarer, isApplied)) return { whenDeleted: 'prune', unapplied: id };
  const own = whenDeleted(settings, render.kind === 'suspended');
  if (own !== 'prune') return { whenDeleted: own, keptBy: id };
  return { whenDeleted: 'prune', ...(rendersNothing(declarer) ? { emptied: id } : {}) };
}

/** One that was not looked at in this run was applied before. */
function isUnapplied(set: DesiredSet, isApplied: (set: DesiredSet) => boolean): boolean {
  return set.render.kind === 'failed' || (set.render.kind === 'rendered' && !isApplied(set));
}

function rendersNothing({ render, children }: DesiredSet): boolean {
  return render.kind === 'rendered' && render.objects.length === 0 && children.length === 0;
}
