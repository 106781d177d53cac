import type { ImagePolicy } from '#shared/api/image-policy.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { WantedValue } from '#shared/edit/edit-file.ts';
import type { LocatedMarker } from '#shared/edit/find-policy-markers.ts';
import { partOfImage } from '#shared/edit/plan-edits.ts';
import { isDigest, tryParseImageReference, type ImageReference } from '#shared/image/image-reference.ts';
import { selectTag } from '#shared/image/select-tag.ts';
import type { TagOrder } from '#shared/image/tag-order.ts';
import type { ImageTag } from '#shared/ports/image-registry.ts';

import { isHeld, tagOfValue, type HeldImage } from './held-images.ts';

/** A policy with everything its choice is made from. */
export interface PolicyCandidates {
  readonly policy: ImagePolicy;
  /** Image without tag or digest. */
  readonly image: string;
  readonly order: TagOrder;
  readonly tags: readonly ImageTag[];
}

/** The image that a policy asks for, leaving out what people decided against. */
export function chooseImage(candidates: PolicyCandidates, held: readonly HeldImage[]): ImageReference | undefined {
  const allowed = candidates.tags.filter((tag) => !isHeld(held, reflect(candidates, tag)));
  const newest = selectTag(candidates.order, allowed);
  return newest === undefined ? undefined : { name: candidates.image, ...reflect(candidates, newest) };
}

/**
 * What the markers of one policy shall say. A value changes when
 * - its tag is older than the chosen one, or has no place in the policy's order;
 * - the tag stays and the name, or by the policy the digest, is another.
 * It never goes back to an older tag, and equal versions spelled differently (`v1.0.0`, `1.0.0`) stay as they are.
 */
export function chooseValues(
  candidates: PolicyCandidates,
  image: ImageReference,
  markers: readonly LocatedMarker[],
): readonly WantedValue[] {
  const own = markers.filter(
    (marker) => formatNamespacedName(marker.policy) === formatNamespacedName(candidates.policy),
  );
  return own.flatMap((marker) => {
    const to = partOfImage(marker.part, image);
    return to !== undefined && to !== marker.value && mayChange(candidates, image, marker, own) ? [{ marker, to }] : [];
  });
}

function mayChange(
  candidates: PolicyCandidates,
  image: ImageReference,
  marker: LocatedMarker,
  own: readonly LocatedMarker[],
): boolean {
  switch (marker.part) {
    case 'tag':
      return isNewer(candidates.order, image, marker.value);
    case 'image': {
      const current = tryParseImageReference(marker.value);
      if (current?.tag === undefined || current.tag !== image.tag)
        return isNewer(candidates.order, image, current?.tag);
      return current.name !== image.name || !keepsDigest(candidates, current.digest);
    }
    case 'name':
    case 'digest': {
      // These parts follow the tag that stands beside them.
      const tags = siblingTags(marker, own);
      if (tags.some((tag) => tag !== image.tag && !isNewer(candidates.order, image, tag))) return false;
      if (marker.part === 'name' || tags.some((tag) => tag !== image.tag)) return true;
      return !keepsDigest(candidates, marker.value);
    }
  }
}

function isNewer(order: TagOrder, image: ImageReference, current: string | undefined): boolean {
  if (current === undefined || image.tag === undefined) return true;
  const difference = order.compare(image.tag, current);
  return difference === undefined || difference > 0;
}

function keepsDigest(candidates: PolicyCandidates, current: string | undefined): boolean {
  const present = current !== undefined && isDigest(current);
  return candidates.policy.digestReflectionPolicy === 'IfNotPresent' && present;
}

function siblingTags(marker: LocatedMarker, own: readonly LocatedMarker[]): readonly string[] {
  const parent = parentOf(marker.path);
  return own
    .filter((other) => other.file === marker.file && parentOf(other.path) === parent)
    .flatMap((other) => tagOfValue(other.part, other.value) ?? []);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0));
}

function reflect(candidates: PolicyCandidates, tag: ImageTag): { readonly tag: string; readonly digest?: string } {
  const digest = candidates.policy.digestReflectionPolicy !== 'Never' && isDigest(tag.digest) ? tag.digest : undefined;
  return { tag: tag.tag, ...(digest === undefined ? {} : { digest }) };
}
