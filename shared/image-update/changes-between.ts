import type { SourceTree } from '#shared/common/source-tree.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { ProposedChange } from '#shared/pull-requests/commit-trailers.ts';

import { placeKey } from './place.ts';
import { findMarkersInTree } from './plan-edits.ts';

/** The marked values in which two trees differ: what a commit changed whose message could not hold it. */
export function changesBetween(before: SourceTree, after: SourceTree): readonly ProposedChange[] {
  const changed = new Map(
    [...after].filter(([path, { bytes }]) => {
      const old = before.get(path)?.bytes;
      return old !== undefined && !Buffer.from(bytes).equals(old);
    }),
  );
  const old = new Map(
    [...changed.keys()].flatMap((path) => {
      const file = before.get(path);
      return file === undefined ? [] : [[path, file] as const];
    }),
  );
  const from = new Map(findMarkersInTree(old, '').markers.map((marker) => [placeKey(marker), marker.value]));
  return findMarkersInTree(changed, '').markers.flatMap((marker): readonly ProposedChange[] => {
    const { file, path, part, value: to } = marker;
    const was = from.get(placeKey(marker));
    if (was === undefined || was === to) return [];
    return [{ policy: formatNamespacedName(marker.policy), file, path, part, from: was, to }];
  });
}
