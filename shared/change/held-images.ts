import type { LocatedMarker } from '#shared/edit/find-policy-markers.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { MarkedPart } from '#shared/edit/policy-marker.ts';
import { tryParseImageReference } from '#shared/image/image-reference.ts';
import type { TagOrder } from '#shared/image/tag-order.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';

import { parseChangeBlock, type BlockChange, type ChangeBlock } from './change-block.ts';

/** A version that people decided against, by closing its pull request or by reverting it. */
export interface HeldImage {
  readonly tag?: string;
  readonly digest?: string;
  readonly because: 'closed' | 'reverted';
  readonly changeRequest: number;
}

/**
 * The versions of one policy that are not to be proposed again:
 * - what a pull request of ours proposed that was closed without a merge, unless we closed it ourselves;
 * - what a merged one brought while the base now holds something older in its place: a revert.
 */
export function heldImages(
  policy: string,
  order: TagOrder,
  changeRequests: readonly ChangeRequest[],
  markers: readonly LocatedMarker[],
  owner: Pick<ChangeBlock, 'cluster' | 'automation'>,
): readonly HeldImage[] {
  const current = markers.filter((marker) => formatNamespacedName(marker.policy) === policy);
  return changeRequests.flatMap((request): readonly HeldImage[] => {
    if (request.state === 'open') return [];
    const block = parseChangeBlock(request.body, owner);
    const changes = block?.changes.filter((change) => change.policy === policy) ?? [];
    const image = imageOf(changes);
    if (block === undefined || image === undefined) return [];
    if (request.state === 'closed') {
      return block.state === 'superseded' ? [] : [{ ...image, because: 'closed', changeRequest: request.number }];
    }
    return wasReverted(changes, current, order)
      ? [{ ...image, because: 'reverted', changeRequest: request.number }]
      : [];
  });
}

/** Whether a candidate is among the held ones. Where digests are written, another digest under the same tag is another image. */
export function isHeld(
  held: readonly HeldImage[],
  candidate: { readonly tag: string; readonly digest?: string },
): boolean {
  return held.some((image) =>
    image.digest !== undefined && candidate.digest !== undefined
      ? image.digest === candidate.digest
      : image.tag === candidate.tag,
  );
}

/** The tag in a marked value, where that part holds one. */
export function tagOfValue(part: MarkedPart, value: string): string | undefined {
  switch (part) {
    case 'tag':
      return value;
    case 'image':
      return tryParseImageReference(value)?.tag;
    case 'name':
    case 'digest':
      return undefined;
  }
}

function digestOfValue(part: MarkedPart, value: string): string | undefined {
  if (part === 'digest') return value;
  return part === 'image' ? tryParseImageReference(value)?.digest : undefined;
}

function imageOf(changes: readonly BlockChange[]): { tag?: string; digest?: string } | undefined {
  const tag = changes.map(({ part, to }) => tagOfValue(part, to)).find((value) => value !== undefined);
  const digest = changes.map(({ part, to }) => digestOfValue(part, to)).find((value) => value !== undefined);
  if (tag === undefined && digest === undefined) return undefined;
  return { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function wasReverted(changes: readonly BlockChange[], current: readonly LocatedMarker[], order: TagOrder): boolean {
  return changes.some((change) => {
    const here = current.filter((marker) => marker.file === change.file && marker.path === change.path);
    // The value may have moved to another file since; then every place of the policy speaks for it.
    const places = here.length > 0 ? here : current.filter((marker) => marker.part === change.part);
    return places.length > 0 && places.every((marker) => isOlder(marker, change, order));
  });
}

function isOlder(marker: LocatedMarker, change: BlockChange, order: TagOrder): boolean {
  const now = tagOfValue(marker.part, marker.value);
  const then = tagOfValue(change.part, change.to);
  const difference = now === undefined || then === undefined ? undefined : order.compare(now, then);
  if (difference === undefined || difference === 0) {
    return marker.value !== change.to && marker.value === change.from;
  }
  return difference < 0;
}
