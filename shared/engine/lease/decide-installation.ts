import { defined } from '#shared/common/defined.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import { ADOPT_INSTALLATION_ANNOTATION, TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

import { installationOf } from '../inventory/apply-set-id.ts';
import type { ApplySetParent } from '../inventory/apply-set-parent.ts';
import {
  installationLeaseName,
  SINCE_CREATION,
  type InstallationLease,
  type NameHolder,
} from './installation-lease.ts';
import {
  describePlace,
  makeIdentity,
  samePlace,
  UNKNOWN_IDENTITY,
  type ConfigurationPlace,
  type Installation,
} from './installation.ts';

/** Who asks for a cluster. */
export interface InstallationClaim {
  /** What the settings call the cluster. */
  readonly cluster: string;
  readonly name: string;
  readonly place: ConfigurationPlace;
  /** What its own journal says that it was; absent when the journal is new or lost. */
  readonly remembered?: Installation;
  /** That the memory is of the cluster that had this name before: who it was stays, what it applied lies elsewhere. */
  readonly isReplaced?: boolean;
  /** Whether its own journal knows that it worked on a Kustomization. */
  readonly knows: (kustomization: NamespacedName) => boolean;
}

/** What the cluster says of installations. */
export interface ObservedInstallations {
  /** The lease of the claimed name. */
  readonly lease: InstallationLease | undefined;
  /** All parents in the cluster; looked at only where the lease does not decide. */
  readonly parents: readonly ApplySetParent[];
  /** The lease of another name under which the claimant may be known; looked at as the parents are. */
  readonly elsewhere?: InstallationLease;
}

export type InstallationDecision =
  | {
      readonly outcome: 'held';
      readonly installation: Installation;
      /** How it came to hold the name; `known` is the usual. */
      readonly how: 'known' | 'new' | 'restored' | 'moved' | 'adopted';
      /** What is to be written first, if the lease does not say it yet. */
      readonly write?: NameHolder;
    }
  | {
      readonly outcome: 'refused';
      readonly message: string;
      /** The lease of the one that is there, where it got lost: a person needs it to say who may adopt. */
      readonly write?: NameHolder;
    };

/**
 * Decides whether an installation may work on a cluster under its name. It may, when the lease of the name says so and
 * agrees with its journal or its place; when there is no lease, when the inventory does; when there is neither, it is the
 * first. Whoever wants what is another's is refused, unless a person said on the lease that it may have it.
 */
export function decideInstallation(claim: InstallationClaim, observed: ObservedInstallations): InstallationDecision {
  const { lease } = observed;
  return lease !== undefined && leaseDecides(lease) ? decideByLease(claim, lease) : decideByInventory(claim, observed);
}

/** Whether the lease alone decides, as it does in nearly every run. */
export function leaseDecides(lease: InstallationLease | undefined): boolean {
  return lease !== undefined && lease.identity !== '' && lease.identity !== UNKNOWN_IDENTITY;
}

/** Another name under which the claimant has an inventory: whose lease has to be looked at. */
export function nameElsewhere(claim: InstallationClaim, parents: readonly ApplySetParent[]): string | undefined {
  const own = parents.find(
    ({ kustomization, owner }) =>
      owner !== undefined &&
      installationOf(kustomization) !== claim.name &&
      (owner.identity === claim.remembered?.identity || samePlace(owner.place, claim.place)),
  );
  return own === undefined ? undefined : installationOf(own.kustomization);
}

function decideByLease(claim: InstallationClaim, lease: InstallationLease): InstallationDecision {
  const { remembered, place } = claim;
  const { identity, adopted } = lease;
  if (samePlace(lease.place, place)) return hold(claim, lease, 'known', lease);
  if (lease.adopter === ownIdentity(claim)) {
    return hold(claim, { identity: lease.adopter, adopted: [...adopted, identity] }, 'adopted', lease);
  }
  return remembered?.identity === identity && hasOnlyMovedItself(claim, lease)
    ? hold(claim, lease, 'moved', lease)
    : refuse(claim, lease);
}

function decideByInventory(
  claim: InstallationClaim,
  { lease, parents, elsewhere }: ObservedInstallations,
): InstallationDecision {
  const { remembered, name, isReplaced = false } = claim;
  const own = ownIdentity(claim);
  const adopted = [...(lease?.adopted ?? []), ...(remembered?.adopted ?? [])];
  const underName = parents.filter(({ kustomization }) => installationOf(kustomization) === name);
  if (lease?.adopter === own) {
    const before = underName.map(({ owner }) => owner?.identity ?? UNKNOWN_IDENTITY);
    return hold(claim, { identity: own, adopted: [...adopted, ...before] }, 'adopted', lease);
  }
  const owners = underName.flatMap(({ owner }) => owner ?? []);
  const known = owners.find((owner) => owner.identity === remembered?.identity && hasOnlyMovedItself(claim, owner));
  const same = known ?? owners.find((owner) => samePlace(owner.place, claim.place));
  if (same !== undefined) {
    return hold(
      claim,
      { identity: same.identity, adopted, since: (isReplaced ? same : (remembered ?? same)).since },
      'restored',
      lease,
    );
  }
  const [other] = owners;
  if (other !== undefined) return refuse(claim, other, { name, ...other, adopted: [] });
  if (underName.length > 0) {
    // A version that knew no installations made them, and only the journal says whether it was this one.
    const isOurs =
      !isReplaced && underName.some((parent) => parent.cluster === claim.cluster && claim.knows(parent.kustomization));
    const unknown: NameHolder = { name, identity: UNKNOWN_IDENTITY, adopted: [] };
    return isOurs
      ? hold(claim, { identity: own, adopted }, 'restored', lease)
      : refuse(claim, unknown, lease?.identity === UNKNOWN_IDENTITY ? undefined : unknown);
  }
  if (elsewhere !== undefined && (elsewhere.identity === own || samePlace(elsewhere.place, claim.place))) {
    return {
      outcome: 'refused',
      message: `cluster ${claim.cluster} knows this installation under the name ${elsewhere.name}, and what it applied belongs to that name; say \`installation: ${elsewhere.name}\` in tidegate.yaml`,
    };
  }
  // What lies there already, it did not apply, unless its journal says that it was here before.
  const since = remembered === undefined || isReplaced ? SINCE_CREATION : remembered.since;
  return hold(claim, { identity: own, adopted, since }, 'new', lease);
}

interface Held {
  readonly identity: string;
  readonly adopted: readonly string[];
  readonly since?: string | undefined;
}

function ownIdentity({ remembered, place }: InstallationClaim): string {
  return remembered?.identity ?? makeIdentity(place);
}

/** The settings were changed since the last run of this installation, and nobody used its identity elsewhere in between. */
function hasOnlyMovedItself({ remembered, place }: InstallationClaim, seen: Pick<NameHolder, 'place'>): boolean {
  return seen.place === undefined || samePlace(seen.place, place) || samePlace(seen.place, remembered?.place);
}

function hold(
  { name, place }: InstallationClaim,
  { identity, adopted, since }: Held,
  how: (InstallationDecision & { outcome: 'held' })['how'],
  lease: InstallationLease | undefined,
): InstallationDecision {
  const others = [...new Set(adopted)].filter((one) => one !== identity);
  const installation = { name, identity, place, adopted: others, ...defined({ since }) };
  const isSaid = lease?.identity === identity && samePlace(lease.place, place) && lease.adopter !== identity;
  return { outcome: 'held', installation, how, ...(isSaid ? {} : { write: installation }) };
}

function refuse(claim: InstallationClaim, other: Pick<NameHolder, 'place'>, write?: NameHolder): InstallationDecision {
  const { cluster, name, place } = claim;
  const isSibling = other.place !== undefined && samePlace({ ...other.place, path: place.path }, place);
  return {
    outcome: 'refused',
    message: [
      `cluster ${cluster} belongs to another installation, of ${describePlace(other.place)}`,
      `this one, of ${describePlace(place)}, changes nothing there`,
      ...(isSibling ? ['one API server can be only one cluster of a tidegate.yaml'] : []),
      'to work beside it, give this one a name of its own: `installation: <name>` in tidegate.yaml',
      `to take its place and all that it applied, stop the other one, then say so: \`kubectl --namespace ${TIDEGATE_NAMESPACE} annotate --overwrite lease/${installationLeaseName(name)} ${ADOPT_INSTALLATION_ANNOTATION}=${ownIdentity(claim)}\``,
    ].join('; '),
    ...defined({ write }),
  };
}
