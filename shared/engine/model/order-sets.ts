import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import type { DesiredSet } from './apply-request.ts';

/** Sorts Kustomizations so that each comes after those it depends on, by name where that leaves a choice; members of a cycle come last. */
export function orderSets(sets: readonly DesiredSet[]): readonly DesiredSet[] {
  const waiting = new Map(
    sets.map((set) => [formatNamespacedName(set.id), set] as const).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  const ordered: DesiredSet[] = [];
  for (let free = nextFree(waiting); free !== undefined; free = nextFree(waiting)) {
    waiting.delete(formatNamespacedName(free.id));
    ordered.push(free);
  }
  return [...ordered, ...waiting.values()];
}

function nextFree(waiting: ReadonlyMap<string, DesiredSet>): DesiredSet | undefined {
  for (const set of waiting.values()) {
    if (!set.settings.dependsOn.some((dependency) => waiting.has(formatNamespacedName(dependency)))) return set;
  }
  return undefined;
}
