import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { tryParseImageReference, type ImageReference } from '#shared/images/image-reference.ts';
import type { TagOrder } from '#shared/images/tag-order.ts';
import type { ProposedChange } from '#shared/pull-requests/commit-trailers.ts';
import type { Proposal } from '#shared/pull-requests/proposals.ts';

import type { LocatedMarker } from './find-policy-markers.ts';
import { imageKey, placeKey, policyPlaceKey } from './place.ts';
import type { MarkedPart } from './policy-marker.ts';

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

/** Finds the versions that were refused at the places that hold one image of a policy. */
export type FindRefused = (
  markers: readonly LocatedMarker[],
  policy: { readonly order: TagOrder; readonly image: string },
) => readonly RefusedVersion[];

/**
 * Indexes what people decided against, by place and value:
 * - what a pull request of ours held that was closed without a merge, unless we withdrew it, or proposed it again since
 *   because somebody took the no back;
 * - what a merged one brought while the base now holds something older in its place: a revert. Where the order does not
 *   tell, everything after what stands there now in the chain of merges.
 *
 * A path counts indexes of lists, so it tells apart the places of one policy and no more: where the policy is written
 * elsewhere in the file now, its place has moved; where the policy is gone altogether, it was renamed, and the path holds.
 * @param policies every policy that there is.
 */
export function indexRefusedVersions(
  proposals: readonly Proposal[],
  markers: readonly LocatedMarker[],
  policies: ReadonlySet<string>,
): FindRefused {
  const present = new Set(
    markers.map((marker) => policyPlaceKey({ ...marker, policy: formatNamespacedName(marker.policy) })),
  );
  const existing = new Set([...policies, ...markers.map(({ policy }) => formatNamespacedName(policy))]);
  const byPlace = Map.groupBy(inOrderOfDecision(proposals), ({ change }) => {
    if (present.has(policyPlaceKey(change))) return policyPlaceKey(change);
    return existing.has(change.policy) ? movedKey(change) : placeKey(change);
  });
  const places = Map.groupBy(markers, (marker) => movedKey({ ...marker, policy: formatNamespacedName(marker.policy) }));
  return (group, { order, image }) => {
    const found = group.flatMap((marker) => {
      const place = { ...marker, policy: formatNamespacedName(marker.policy) };
      const here = byPlace.get(policyPlaceKey(place)) ?? [];
      const moved = byPlace.get(movedKey(place)) ?? [];
      const renamed = (byPlace.get(placeKey(place)) ?? []).filter(({ change }) => (change.image ?? image) === image);
      // Of several places nobody knows which one it was that a merge was reverted in.
      const isOnly = places.get(movedKey(place))?.length === 1;
      const decided = [...here, ...moved, ...renamed].sort((one, other) => one.turn - other.turn);
      const merged = decided.filter(
        (one) => one.proposal.request.state === 'merged' && (isOnly || !moved.includes(one)),
      );
      return [
        ...decided.filter(({ proposal }) => proposal.request.state === 'closed').map((one) => refused(one, 'closed')),
        ...reverted(merged, marker, order).map((one) => refused(one, 'reverted')),
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
  /** Counts decisions, from the oldest. */
  readonly turn: number;
}

function inOrderOfDecision(proposals: readonly Proposal[]): readonly Decided[] {
  const isProposedSince = indexLastProposed(proposals);
  return proposals
    .filter(({ request, takenBack, memory }) => {
      return request.state !== 'open' && !takenBack && memory.withdrawn === undefined;
    })
    .sort((one, other) => {
      const difference = (one.request.closedAt ?? '').localeCompare(other.request.closedAt ?? '');
      return difference === 0 ? one.request.number - other.request.number : difference;
    })
    .flatMap((proposal, turn) => {
      const images = new Map<string, Partial<ImageReference>>();
      const keyOf = (change: ProposedChange): string => `${change.policy} ${imageKey(change)}`;
      for (const change of proposal.changes) {
        images.set(keyOf(change), { ...images.get(keyOf(change)), ...imageOfValue(change.part, change.to) });
      }
      return proposal.changes
        .filter((change) => proposal.request.state === 'merged' || !isProposedSince(change, proposal.request))
        .map((change) => ({ proposal, change, turn, image: images.get(keyOf(change)) ?? {} }));
    });
}

/**
 * Tells whether the same value was proposed for the same place after a no: somebody took it back then, in words that may be
 * gone since.
 */
function indexLastProposed(
  proposals: readonly Proposal[],
): (change: ProposedChange, request: Proposal['request']) => boolean {
  const keysOf = (change: ProposedChange): readonly string[] => [
    JSON.stringify([movedKey(change), change.to]),
    JSON.stringify([placeKey(change), change.to]),
  ];
  const last = new Map<string, string>();
  for (const { request, changes } of proposals) {
    for (const key of changes.flatMap(keysOf)) {
      if (request.createdAt > (last.get(key) ?? '')) last.set(key, request.createdAt);
    }
  }
  return (change, { closedAt = '' }) => keysOf(change).some((key) => (last.get(key) ?? '') > closedAt);
}

function imageOfValue(part: MarkedPart, value: string): Partial<ImageReference> {
  return part === 'image' ? (tryParseImageReference(value) ?? {}) : { [part]: value };
}

function movedKey({ file, part, policy }: Pick<ProposedChange, 'file' | 'part' | 'policy'>): string {
  return JSON.stringify([file, part, policy, 'moved']);
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
