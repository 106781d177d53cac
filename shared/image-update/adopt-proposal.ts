import type { SourceTree } from '#shared/common/source-tree.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { automationOwner, ownerOf, type Proposal } from '#shared/pull-requests/proposals.ts';
import { isConditionTrue } from '#shared/records/conditions.ts';

import { tryResolveCheckout, usesPolicy, type ClusterImages } from './automations-to-run.ts';
import { placeKey } from './place.ts';
import { findMarkersInTree, isBelow } from './plan-edits.ts';
import type { Checkout, CheckoutSettings } from './resolve-checkout.ts';

/** An automation that goes on with what was proposed under another name: what it writes, and where. */
export interface Adopter {
  readonly cluster: string;
  readonly automation: ImageUpdateAutomation;
  /** Undefined while its source is not there: it may be any. */
  readonly checkout: Checkout | undefined;
  /** `<namespace>/<name>` of the policies that it uses, or may use once they can be read. */
  readonly policies: ReadonlySet<string>;
}

/** What a base holds of marked values. */
export interface MarkedPlaces {
  /** Names of the policies that the places are marked with, by `placeKey`. */
  readonly policies: ReadonlyMap<string, string>;
  /** Files in which something is wrong, so that a place may be there unseen. */
  readonly unreadable: ReadonlySet<string>;
}

export function findMarkedPlaces(files: SourceTree): MarkedPlaces {
  const { markers, problems } = findMarkersInTree(files, '');
  return {
    policies: new Map(markers.map((marker) => [placeKey(marker), formatNamespacedName(marker.policy)])),
    unreadable: new Set(problems.map(({ file }) => file)),
  };
}

/** An automation as it adopts; whether it is suspended, or fails at the moment, is no matter. */
export function adopterOf(
  { fluxObjects, statuses }: ClusterImages,
  automation: ImageUpdateAutomation,
  settings: CheckoutSettings,
): Adopter {
  const { cluster, imagePolicies } = fluxObjects;
  const used = imagePolicies.filter((policy) => usesPolicy(automation, policy));
  const unread = statuses.filter(({ object, conditions }) => {
    const isPolicy = object.kind === 'ImagePolicy' && object.namespace === automation.namespace;
    return isPolicy && isConditionTrue(conditions, 'Stalled');
  });
  return {
    cluster,
    automation,
    checkout: tryResolveCheckout(fluxObjects, automation, settings),
    policies: new Set([...used, ...unread.map(({ object }) => object)].map(formatNamespacedName)),
  };
}

/**
 * Whether a proposal whose automation is gone is what this one would propose now: each of its changes is to a file below the
 * path that it updates, at a place that is marked with a policy that it uses. So a renamed automation goes on with its pull
 * request, and no other takes it over.
 */
export function isAdoptable({ memory, request, changes }: Proposal, adopter: Adopter, places: MarkedPlaces): boolean {
  const { cluster, automation, checkout, policies } = adopter;
  if (memory.cluster !== cluster || memory.withdrawn !== undefined || automation.pushBranch !== undefined) return false;
  if (checkout !== undefined && request.base !== checkout.base) return false;
  const isThere = changes.some(({ file, ...place }) => {
    return places.unreadable.has(file) || places.policies.has(placeKey({ file, ...place }));
  });
  return (
    isThere &&
    changes.every((change) => {
      // A place that is not to be found is known by the policy that it was marked with.
      const policy = places.policies.get(placeKey(change)) ?? change.policy;
      return isBelow(change.file, automation.updatePath) && policies.has(policy);
    })
  );
}

/** Every automation that may adopt. */
export function adoptersOf(clusters: readonly ClusterImages[], settings: CheckoutSettings): readonly Adopter[] {
  return clusters.flatMap((cluster) =>
    cluster.fluxObjects.imageUpdateAutomations
      .filter(({ pushBranch }) => pushBranch === undefined)
      .map((automation) => adopterOf(cluster, automation, settings)),
  );
}

/** Those of the adopters that have no open proposal of their own: whoever has one adopts no other. */
export function withoutOwn(adopters: readonly Adopter[], proposals: readonly Proposal[]): readonly Adopter[] {
  const open = proposals.filter(({ request }) => request.state === 'open');
  const owners = new Set(open.map((proposal) => JSON.stringify([ownerOf(proposal), proposal.request.base])));
  return adopters.filter(({ cluster, automation, checkout }) => {
    const owner = automationOwner(cluster, automation);
    return checkout === undefined || !owners.has(JSON.stringify([owner, checkout.base]));
  });
}
