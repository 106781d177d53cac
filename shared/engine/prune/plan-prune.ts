import { defined } from '#shared/common/defined.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import { formatObjectId, objectKey } from '#shared/kubernetes/kubernetes-object.ts';
import { PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';

import { kustomizationOf, type ApplySetName } from '../inventory/apply-set-id.ts';
import type { WhenDeleted } from '../inventory/apply-set-parent.ts';
import { rankOf } from '../model/apply-order.ts';
import type { PruneApproval, PruneGuard, WithheldPrune } from '../model/apply-request.ts';
import type { ObservedObject } from '../observe/observed-cluster.ts';
import { describeWeight } from './describe-weight.ts';
import { artifactIncomplete } from './guards/artifact-incomplete.ts';
import { beforeInstallation } from './guards/before-installation.ts';
import { controlled } from './guards/controlled.ts';
import { discoveryIncomplete } from './guards/discovery-incomplete.ts';
import { inUse } from './guards/in-use.ts';
import { leaseLost } from './guards/lease-lost.ts';
import { notApplied } from './guards/not-applied.ts';
import { notOwned } from './guards/not-owned.ts';
import { notRendered } from './guards/not-rendered.ts';
import type { PruneCandidate, PruneContext, PruneGuardCheck } from './guards/prune-candidate.ts';
import { pruneDisabled } from './guards/prune-disabled.ts';
import { shareTooLarge } from './guards/share-too-large.ts';
import { stillDesired } from './guards/still-desired.ts';
import { isAskedFor, isDerived, isWeightyKind, WEIGHTLESS, type WeighedObject, type Weight } from './weight.ts';

/** One Kustomization, or what is left of one that was deleted from Git. */
export interface PruneSet {
  readonly kustomization: ApplySetName;
  /** All that carry its label. */
  readonly members: readonly ObservedObject[];
  /** How many objects it desires, and other Kustomizations. */
  readonly desired: number;
  readonly whenGone: WhenDeleted;
  /** Whether the Kustomization itself is gone from Git. */
  readonly gone: boolean;
  /** What declared it, or declared what did, when that is still there and renders nothing any more. */
  readonly emptied?: NamespacedName;
  /** What declared it, or may have, when that is not applied as a whole. */
  readonly unapplied?: NamespacedName;
}

export type WithheldFrom = WithheldPrune & { readonly kustomization: ApplySetName };

/** What may go unless it is too much at once. */
export interface PruneSelection {
  readonly sets: readonly { readonly set: PruneSet; readonly free: readonly PruneCandidate[] }[];
  readonly withheld: readonly WithheldFrom[];
}

export interface PrunePolicy {
  readonly guard: PruneGuard;
  readonly approvals: readonly PruneApproval[];
  /** What goes with each object, by uid. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** Whether a Kustomization of this installation holds an object. */
  readonly isOurs: (object: WeighedObject) => boolean;
  readonly isDesired: (object: WeighedObject) => boolean;
}

export interface PrunePlan {
  /** In the order of deletion. */
  readonly deletions: readonly PruneCandidate[];
  /** What takes others with it: it goes after all else, when nothing that stays is in it. */
  readonly last: readonly PruneCandidate[];
  readonly withheld: readonly WithheldFrom[];
}

/**
 * An object is pruned when none of these holds it; in this order, the first that does is named.
 * That a candidate is the one we looked at, in the state we looked at, is for the server to check (uid, resourceVersion).
 */
const GUARDS: readonly (readonly [string, PruneGuardCheck])[] = [
  ['artifact-incomplete', artifactIncomplete],
  ['not-rendered', notRendered],
  ['still-desired', stillDesired],
  ['not-applied', notApplied],
  ['lease-lost', leaseLost],
  ['not-owned', notOwned],
  ['before-installation', beforeInstallation],
  ['controlled', controlled],
  ['in-use', inUse],
  ['prune-disabled', pruneDisabled],
  ['discovery-incomplete', discoveryIncomplete],
];

/** Selects the members that nobody desires and no guard holds, and names the guard of each other. */
export function selectCandidates(sets: readonly PruneSet[], context: PruneContext): PruneSelection {
  const withheld: WithheldFrom[] = [];
  const selected = sets.map((set) => {
    const free: PruneCandidate[] = [];
    for (const object of undesired(set, context)) {
      const candidate = { kustomization: set.kustomization, object, whenGone: set.whenGone };
      const held = firstGuard(candidate, context) ?? declarerGuard(set);
      if (held === undefined) {
        free.push(candidate);
      } else {
        withheld.push({ kustomization: set.kustomization, id: object.id, ...held });
      }
    }
    return { set, free };
  });
  return { sets: selected, withheld };
}

/** Decides which of them are deleted without a person, which because one approved, and what each other waits for. */
export function planPrune(selection: PruneSelection, policy: PrunePolicy): PrunePlan {
  const withheld = [...selection.withheld];
  const going: PruneCandidate[] = [];
  for (const { set, light, weighty, stuck, share } of decideAll(selection, policy)) {
    const hold = ({ object }: PruneCandidate, held: Omit<WithheldPrune, 'id'>): void => {
      withheld.push({ kustomization: set.kustomization, id: object.id, ...held });
    };
    stuck.forEach(({ candidate, ...held }) => hold(candidate, held));
    const count = (share === undefined ? 0 : light.length) + weighty.length + countContents(weighty, policy);
    const approved = isApproved(set.kustomization, count, policy.approvals);
    const asksFor = { kustomization: kustomizationOf(set.kustomization), count };
    if (approved || share === undefined) {
      going.push(...light);
    } else {
      light.forEach((candidate) => hold(candidate, { guard: 'share', message: share, asksFor }));
    }
    if (approved) {
      going.push(...weighty);
      continue;
    }
    for (const candidate of weighty) {
      const message = describeWeight(candidate.object, weightOf(candidate, policy), policy.isOurs);
      hold(candidate, { guard: 'weight', message, asksFor });
    }
  }
  going.sort((one, other) => rankOf(other.object.id.kind) - rankOf(one.object.id.kind));
  return {
    deletions: going.filter((candidate) => !goesLast(candidate, policy)),
    last: going.filter((candidate) => goesLast(candidate, policy)),
    withheld,
  };
}

interface Decision {
  readonly set: PruneSet;
  /** What goes unless the share is too large. */
  readonly light: readonly PruneCandidate[];
  /** What a person is asked for, each. */
  readonly weighty: readonly PruneCandidate[];
  /** What no approval lets go. */
  readonly stuck: readonly { readonly candidate: PruneCandidate; readonly guard: string; readonly message: string }[];
  /** Why the light ones wait for a person, too. */
  readonly share?: string;
}

function decideAll(selection: PruneSelection, policy: PrunePolicy): readonly Decision[] {
  const decisions = selection.sets.map(({ set, free }) => decide(set, free, policy));
  // Each is small; all of them together may be what is left of a folder that somebody emptied.
  const isUnasked = ({ set, light, share }: Decision): boolean =>
    set.gone &&
    light.length > 0 &&
    share === undefined &&
    !isApproved(set.kustomization, light.length, policy.approvals);
  const unasked = new Set(decisions.filter(isUnasked));
  const total = [...unasked].reduce((sum, { light }) => sum + light.length, 0);
  if (total <= policy.guard.maxObjects) return decisions;
  const share = `${unasked.size} Kustomizations are gone from Git at once and would take ${total} objects with them; up to ${policy.guard.maxObjects} go without asking`;
  return decisions.map((decision) => (unasked.has(decision) ? { ...decision, share } : decision));
}

function decide(set: PruneSet, free: readonly PruneCandidate[], policy: PrunePolicy): Decision {
  const light: PruneCandidate[] = [];
  const weighty: PruneCandidate[] = [];
  const stuck: { candidate: PruneCandidate; guard: string; message: string }[] = [];
  for (const candidate of free) {
    const weight = weightOf(candidate, policy);
    const desired = weight.contents.find(policy.isDesired);
    if (desired !== undefined) {
      const message = `${formatObjectId(desired.id)} would go with it, which is desired`;
      stuck.push({ candidate, guard: 'in-use', message });
    } else if (!isAskedFor(candidate.object, weight)) {
      light.push(candidate);
    } else if (weight.unknown === undefined) {
      weighty.push(candidate);
    } else {
      const message = `nobody knows what would go with it: ${weight.unknown}; let Tidegate look, or let Git say it: apply it once more with ${PRUNE_ANNOTATION}: enabled`;
      stuck.push({ candidate, guard: 'weight-unknown', message });
    }
  }
  const share =
    light.length === 0 ? undefined : whyShare(set, light, [...weighty, ...stuck.map((one) => one.candidate)], policy);
  return { set, light, weighty, stuck, ...defined({ share }) };
}

function whyShare(
  set: PruneSet,
  light: readonly PruneCandidate[],
  heavy: readonly PruneCandidate[],
  policy: PrunePolicy,
): string | undefined {
  const [first] = heavy;
  if (set.emptied !== undefined) {
    return `Kustomization ${formatNamespacedName(set.emptied)}, from which Kustomization ${formatNamespacedName(set.kustomization)} came, renders nothing any more; with it would go ${light.length === 1 ? '1 object' : `${light.length} objects`}`;
  }
  if (set.gone && first !== undefined) {
    return `Kustomization ${formatNamespacedName(set.kustomization)} is gone from Git, and with it would go ${formatObjectId(first.object.id)}, which is pruned only when a person says so`;
  }
  const share = { ...set, deletions: light.length, members: set.members.length };
  return shareTooLarge(share, policy.guard);
}

function goesLast({ object }: PruneCandidate, { weights }: PrunePolicy): boolean {
  return isWeightyKind(object.id) || weights.has(object.live.uid);
}

function weightOf({ object }: PruneCandidate, { weights }: PrunePolicy): Weight {
  return weights.get(object.live.uid) ?? WEIGHTLESS;
}

/** What goes with the candidates and is nobody's: it would be missed, and no Kustomization lets it go itself. */
function countContents(weighty: readonly PruneCandidate[], policy: PrunePolicy): number {
  const uids = new Set<string>();
  for (const candidate of weighty) {
    for (const object of weightOf(candidate, policy).contents) {
      if (!policy.isOurs(object) && !isDerived(object)) {
        uids.add(object.live.uid);
      }
    }
  }
  return uids.size;
}

function isApproved(id: ApplySetName, count: number, approvals: readonly PruneApproval[]): boolean {
  const name = formatNamespacedName(id);
  return approvals.some((one) => formatNamespacedName(one.kustomization) === name && one.count === count);
}

function undesired(set: PruneSet, context: PruneContext): readonly ObservedObject[] {
  return set.members.filter(
    ({ id, live }) => !context.desiredKeys.has(objectKey(id)) && live.deletionTimestamp === undefined,
  );
}

/** What is to be taken away follows what is to be applied, as it does within one Kustomization. */
function declarerGuard({ unapplied }: PruneSet): { readonly guard: string; readonly message: string } | undefined {
  return unapplied === undefined
    ? undefined
    : {
        guard: 'not-applied',
        message: `Kustomization ${formatNamespacedName(unapplied)}, from which it came, is not applied as a whole`,
      };
}

function firstGuard(
  candidate: PruneCandidate,
  context: PruneContext,
): { readonly guard: string; readonly message: string } | undefined {
  for (const [guard, check] of GUARDS) {
    const message = check(candidate, context);
    if (message !== undefined) return { guard, message };
  }
  return undefined;
}
