import { defined } from '#shared/common/defined.ts';
import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { isDigest, tryParseImageReference, type ImageReference } from '#shared/images/image-reference.ts';
import type { ImageTag } from '#shared/images/image-tag.ts';
import { selectTag } from '#shared/images/select-tag.ts';
import type { TagOrder } from '#shared/images/tag-order.ts';

import type { WantedValue } from './edit-file.ts';
import type { LocatedMarker } from './find-policy-markers.ts';
import { imageKey } from './place.ts';
import { partOfImage } from './plan-edits.ts';
import { refusalOf, tagOfValue, type FindRefused, type RefusedVersion } from './refused-versions.ts';

/** A policy with everything its choice is made from. */
export interface PolicyCandidates {
  readonly policy: ImagePolicy;
  /** Image without tag or digest. */
  readonly image: string;
  readonly order: TagOrder;
  readonly tags: readonly ImageTag[];
}

/** What the markers of one policy shall say, and which of them wait because people decided against the version. */
export interface ChosenValues {
  readonly wanted: readonly WantedValue[];
  readonly held: readonly HeldValue[];
  /** Places that stay because the policy orders what stands there above what it chooses. */
  readonly ahead: readonly AheadValue[];
}

/** A place whose value the policy orders above the one that it chooses. */
export interface AheadValue {
  readonly policy: ImagePolicy;
  readonly marker: LocatedMarker;
  readonly image: ImageReference;
}

/** A place that stays as it is because its newest version was refused there. */
export interface HeldValue {
  readonly policy: string;
  readonly marker: LocatedMarker;
  readonly image: ImageReference;
  readonly refused: RefusedVersion;
}

/** The image that a policy asks for. */
export function chooseImage(candidates: PolicyCandidates): ImageReference | undefined {
  const newest = selectTag(candidates.order, candidates.tags);
  return newest === undefined ? undefined : { name: candidates.image, ...reflect(candidates, newest) };
}

/**
 * What the markers of one policy, which are all that it is given, shall say. A value changes when
 * - its tag is older than the chosen one, or has no place in the policy's order;
 * - the tag stays and the name, or by the policy the digest, is another;
 * - and nobody refused that version there, or one that the order places above it.
 * It never goes back to an older tag, and equal versions spelled differently (`v1.0.0`, `1.0.0`) stay as they are. What was
 * refused is not replaced by the next older one: the place waits for something newer.
 */
export function chooseValues(
  candidates: PolicyCandidates,
  image: ImageReference,
  markers: readonly LocatedMarker[],
  findRefused: FindRefused,
): ChosenValues {
  const policy = formatNamespacedName(candidates.policy);
  const pushTimes = new Map(candidates.tags.map(({ tag, pushedAt }) => [tag, pushedAt]));
  const wanted: WantedValue[] = [];
  const held: HeldValue[] = [];
  const ahead: AheadValue[] = [];
  for (const group of Map.groupBy(markers, imageKey).values()) {
    const changes = group.flatMap((marker) => {
      const to = partOfImage(marker.part, image);
      return to !== undefined && to !== marker.value && mayChange(candidates, image, marker, group)
        ? [{ marker, to }]
        : [];
    });
    const [first] = changes;
    if (first === undefined) {
      const marker = group.find((one) => isAhead(candidates.order, image, one));
      if (marker !== undefined) ahead.push({ policy: candidates.policy, marker, image });
      continue;
    }
    const onlyName = changes.every(({ marker, to }) => isOnlyName(marker, to));
    const pushedAt = (tag: string): number | undefined => pushTimes.get(tag);
    const refused = refusalOf({ image, onlyName, order: candidates.order, pushedAt }, findRefused(group, candidates));
    if (refused === undefined) wanted.push(...changes);
    else held.push({ policy, marker: first.marker, image, refused });
  }
  return { wanted, held, ahead };
}

function mayChange(
  candidates: PolicyCandidates,
  image: ImageReference,
  marker: LocatedMarker,
  group: readonly LocatedMarker[],
): boolean {
  switch (marker.part) {
    case 'tag':
      return isNewer(candidates.order, image, marker.value);
    case 'image': {
      const current = tryParseImageReference(marker.value);
      if (current?.tag === undefined || current.tag !== image.tag) {
        return isNewer(candidates.order, image, current?.tag);
      }
      return current.name !== image.name || !keepsDigest(candidates, current.digest);
    }
    case 'name':
    case 'digest': {
      // These parts follow the tag that stands beside them.
      const tags = group.flatMap((other) => tagOfValue(other.part, other.value) ?? []);
      if (tags.some((tag) => tag !== image.tag && !isNewer(candidates.order, image, tag))) return false;
      if (marker.part === 'name' || tags.some((tag) => tag !== image.tag)) return true;
      return !keepsDigest(candidates, marker.value);
    }
  }
}

function isOnlyName({ part, value }: LocatedMarker, to: string): boolean {
  if (part === 'name') return true;
  if (part !== 'image') return false;
  const [before, after] = [tryParseImageReference(value), tryParseImageReference(to)];
  return before?.tag === after?.tag && before?.digest === after?.digest;
}

function isAhead(order: TagOrder, image: ImageReference, marker: LocatedMarker): boolean {
  const tag = tagOfValue(marker.part, marker.value);
  if (tag === undefined || image.tag === undefined || tag === image.tag) return false;
  return (order.compare(image.tag, tag) ?? 0) < 0;
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

function reflect(candidates: PolicyCandidates, tag: ImageTag): { readonly tag: string; readonly digest?: string } {
  const digest = candidates.policy.digestReflectionPolicy !== 'Never' && isDigest(tag.digest) ? tag.digest : undefined;
  return { tag: tag.tag, ...defined({ digest }) };
}
