import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { LocatedMarker } from '#shared/edit/find-policy-markers.ts';
import type { MarkedPart } from '#shared/edit/policy-marker.ts';
import { tryParseImageReference, type ImageReference } from '#shared/image/image-reference.ts';
import type { TagOrder } from '#shared/image/tag-order.ts';

import type { ProposedChange } from './commit-trailers.ts';
import { imageKey, placeKey } from './place.ts';
import type { Proposal } from './proposals.ts';

/** A version that people decided against, by closing its pull request or by reverting it. */
export interface RefusedVersion {
  readonly image: Partial<ImageReference>;
  readonly because: 'closed' | 'reverted';
  readonly changeRequest: number;
}

/** What is asked of a refusal: the image that a policy wants somewhere. */
export interface WantedImage {
  readonly image: ImageReference;
  /** Whether nothing but the image's name would change. */
  readonly onlyName: boolean;
  readonly order: TagOrder;
  /** When a tag was pushed, where the registry knows it. */
  readonly pushedAt: (tag: string) => number | undefined;
}

/** Finds the versions that were refused at the places that hold one image. */
export type FindRefused = (markers: readonly LocatedMarker[], order: TagOrder) => readonly RefusedVersion[];

/**
 * Indexes what people decided against, by place and value:
 * - what a pull request of ours held that was closed without a merge, unless we withdrew it;
 * - what a merged one brought while the base now holds something older in its place: a revert. Where the order does not
 *   tell, everything after what stands there now in the chain of merges.
 * Names of instructions count for nothing. A place that is gone from its file is known by the policy that it was marked with.
 */
export function indexRefusedVersions(proposals: readonly Proposal[], markers: readonly LocatedMarker[]): FindRefused {
  const present = new Set(markers.map(placeKey));
  const byPlace = new Map<string, Decided[]>();
  for (const decided of inOrderOfDecision(proposals)) {
    const { change } = decided;
    const key = present.has(placeKey(change)) ? placeKey(change) : lostKey(change.file, change.part, change.policy);
    const there = byPlace.get(key);
    if (there === undefined) byPlace.set(key, [decided]);
    else there.push(decided);
  }
  return (group, order) => {
    const found = group.flatMap((marker) => {
      const lost = lostKey(marker.file, marker.part, formatNamespacedName(marker.policy));
      const decided = [...(byPlace.get(placeKey(marker)) ?? []), ...(byPlace.get(lost) ?? [])];
      return [
        ...decided.filter(({ proposal }) => proposal.request.state === 'closed').map((one) => refused(one, 'closed')),
        ...reverted(
          decided.filter(({ proposal }) => proposal.request.state === 'merged'),
          marker,
          order,
        ).map((one) => refused(one, 'reverted')),
      ];
    });
    return [...new Map(found.map((one) => [JSON.stringify([one.changeRequest, one.image]), one])).values()];
  };
}

/**
 * The refusal that an image falls under: the version itself, or one that the policy's order places above it or, where the order
 * does not tell, that was pushed after it. What the policy would no longer choose refuses only itself.
 */
export function refusalOf(
  { image, onlyName, order, pushedAt }: WantedImage,
  refusedVersions: readonly RefusedVersion[],
): RefusedVersion | undefined {
  return refusedVersions.find(({ image: version }) => {
    if (version.tag === undefined) {
      return version.digest === undefined ? onlyName && version.name === image.name : version.digest === image.digest;
    }
    if (version.tag === image.tag) return isSameContent(version, image);
    if (image.tag === undefined || !order.allows(version.tag)) return false;
    const difference = order.compare(image.tag, version.tag);
    if (difference !== undefined) return difference <= 0;
    const wantedAt = pushedAt(image.tag);
    const refusedAt = pushedAt(version.tag);
    return wantedAt !== undefined && refusedAt !== undefined && wantedAt <= refusedAt;
  });
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

interface Decided {
  readonly proposal: Proposal;
  readonly change: ProposedChange;
  /** What all changes of the proposal to this image came to. */
  readonly image: Partial<ImageReference>;
}

function inOrderOfDecision(proposals: readonly Proposal[]): readonly Decided[] {
  return proposals
    .filter(({ request, takenBack, memory }) => {
      return request.state !== 'open' && !takenBack && memory.withdrawn === undefined;
    })
    .sort((one, other) => {
      const difference = (one.request.closedAt ?? '').localeCompare(other.request.closedAt ?? '');
      return difference === 0 ? one.request.number - other.request.number : difference;
    })
    .flatMap((proposal) => {
      const images = new Map<string, Partial<ImageReference>>();
      for (const change of proposal.changes) {
        images.set(imageKey(change), { ...images.get(imageKey(change)), ...imageOfValue(change.part, change.to) });
      }
      return proposal.changes.map((change) => ({ proposal, change, image: images.get(imageKey(change)) ?? {} }));
    });
}

function imageOfValue(part: MarkedPart, value: string): Partial<ImageReference> {
  return part === 'image' ? (tryParseImageReference(value) ?? {}) : { [part]: value };
}

function lostKey(file: string, part: MarkedPart, policy: string): string {
  return JSON.stringify([file, part, policy, 'lost']);
}

function refused({ proposal, image }: Decided, because: RefusedVersion['because']): RefusedVersion {
  return { image, because, changeRequest: proposal.request.number };
}

/** The merged changes of one place, oldest first, that what stands there now takes back. */
function reverted(merged: readonly Decided[], marker: LocatedMarker, order: TagOrder): readonly Decided[] {
  const after = merged.findLastIndex(({ change }) => change.from === marker.value || change.to === marker.value);
  const known = merged[after];
  const inChain = known === undefined ? [] : merged.slice(known.change.to === marker.value ? after + 1 : after);
  return merged.filter((one) => {
    const now = tagOfValue(marker.part, marker.value);
    const then = tagOfValue(one.change.part, one.change.to);
    const difference = now === undefined || then === undefined ? undefined : order.compare(now, then);
    return difference === undefined || difference === 0 ? inChain.includes(one) : difference < 0;
  });
}

/** Another digest under the same tag is another image, where both are known. */
function isSameContent(version: Partial<ImageReference>, image: ImageReference): boolean {
  return version.digest === undefined || image.digest === undefined || version.digest === image.digest;
}
