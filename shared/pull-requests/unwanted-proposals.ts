import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { tryResolveCheckout, type ClusterImages } from '#shared/image-update/automations-to-run.ts';
import { isSameRepository, type CheckoutSettings } from '#shared/image-update/resolve-checkout.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import { findCondition } from '#shared/records/conditions.ts';

import { automationOwner, ownerOf, type Proposal } from './proposals.ts';
import type { WithdrawReason } from './withdraw-reason.ts';

/** Says why no Flux object wants a proposal in this repository, or undefined while one does. */
export type WhyUnwanted = (
  proposal: Pick<Proposal, 'memory' | 'request'>,
  repository: RepositoryId,
) => Unwanted | undefined;

export type Unwanted =
  | { readonly reason: Exclude<WithdrawReason, 'repository-changed'> }
  /** Where its automation proposes now, unless the host knows the two names for one repository. */
  | { readonly reason: 'repository-changed'; readonly proposesIn: RepositoryId };

/** Why a Flux object cannot be read; one that failed for another reason and is not there any more is gone. */
const UNREAD: ReadonlySet<string> = new Set(['InvalidSpec', 'UnsupportedKind']);

/**
 * Finds out whose proposals nobody wants any more. Doubt never withdraws: while an automation cannot be read, it may be the one
 * that a proposal of its namespace is from, under the same name or another; and so may every one of a cluster whose
 * Flux objects are not known.
 */
export function findUnwanted(
  clusters: readonly ClusterImages[],
  settings: CheckoutSettings & { readonly clusters: readonly string[] },
): WhyUnwanted {
  const known = new Set(clusters.map(({ fluxObjects }) => fluxObjects.cluster));
  const owners = new Map<string, OwnedAutomation>();
  const pushedTo = new Set<string>();
  const doubtful = new Set<string>();
  for (const { fluxObjects, statuses } of clusters) {
    for (const automation of fluxObjects.imageUpdateAutomations) {
      const owner = automationOwner(fluxObjects.cluster, automation);
      owners.set(owner, { automation, proposesIn: tryResolveCheckout(fluxObjects, automation, settings)?.repository });
      if (automation.pushBranch !== undefined) pushedTo.add(automation.pushBranch);
    }
    for (const { object, conditions } of statuses) {
      const { status, reason = '' } = findCondition(conditions, 'Stalled') ?? {};
      const isUnread = object.kind === 'ImageUpdateAutomation' && status === 'True' && UNREAD.has(reason);
      if (isUnread && !owners.has(automationOwner(fluxObjects.cluster, object))) {
        doubtful.add(`${fluxObjects.cluster}/${object.namespace}`);
      }
    }
  }
  return (proposal, repository) => {
    const { cluster } = proposal.memory;
    if (!settings.clusters.includes(cluster)) return { reason: 'cluster-is-gone' };
    // A branch that is pushed to is somebody's wish, and so is the pull request that people or their workflows open from it.
    if (pushedTo.has(proposal.request.head.branch)) return undefined;
    const owner = ownerOf(proposal);
    const owned = owners.get(owner);
    if (owned !== undefined) return whyUnwantedHere(owned, repository);
    const isDoubtful = doubtful.has(owner.slice(0, owner.lastIndexOf('/')));
    return known.has(cluster) && !isDoubtful ? { reason: 'automation-is-gone' } : undefined;
  };
}

interface OwnedAutomation {
  readonly automation: ImageUpdateAutomation;
  /** Undefined while it cannot be told. */
  readonly proposesIn: RepositoryId | undefined;
}

function whyUnwantedHere({ automation, proposesIn }: OwnedAutomation, repository: RepositoryId): Unwanted | undefined {
  if (automation.pushBranch !== undefined) return { reason: 'automation-pushes' };
  if (proposesIn === undefined || isSameRepository(proposesIn, repository)) return undefined;
  return { reason: 'repository-changed', proposesIn };
}
