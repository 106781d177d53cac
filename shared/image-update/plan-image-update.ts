import { defined } from '#shared/common/defined.ts';
import type { Problem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';
import { fingerprint } from '#shared/pull-requests/commit-trailers.ts';
import type { Proposal } from '#shared/pull-requests/proposals.ts';
import type { WithdrawReason } from '#shared/pull-requests/withdraw-reason.ts';

import { chooseImage, chooseValues, type AheadValue, type HeldValue } from './choose-values.ts';
import type { WantedValue } from './edit-file.ts';
import type { LocatedMarker } from './find-policy-markers.ts';
import type { ObservedAutomation, Undecided } from './observe-automation.ts';
import { imageKey, placeKey } from './place.ts';
import { findMarkersInTree, planEdits, type FileEdit, type ImageChange } from './plan-edits.ts';
import { formatCommitMessage, formatSection, formatTitle, placeSection, saysSection } from './pull-request-text.ts';
import { indexRefusedVersions, tagOfValue } from './refused-versions.ts';

/** A commit to be made, and the branch that is to point to it. */
export interface PlannedCommit {
  /** The commit whose tree it changes. */
  readonly parent: string;
  readonly message: string;
  readonly files: readonly FileEdit[];
  readonly branch: string;
  /** Where the branch was observed; undefined when there is none. */
  readonly branchFrom: string | undefined;
}

export interface PlannedText {
  /** Undefined where the title stays as a person may have worded it. */
  readonly title?: string;
  /** Our part of the body; what people wrote around it stays. */
  readonly section: string;
}

/** What is to be done for one automation. */
export type ImageUpdate =
  /** Nothing to propose, nothing open. */
  | { readonly action: 'none' }
  /** What we would write to is somebody else's now. */
  | {
      readonly action: 'leave';
      readonly because: 'foreign-commits' | 'retargeted' | 'no-branch-left';
      readonly branch: string;
      readonly changeRequest?: ChangeRequest;
    }
  /** Our open pull request has become pointless. */
  | {
      readonly action: 'withdraw';
      readonly proposal: Proposal;
      readonly reason: WithdrawReason;
      readonly branchHead: string;
    }
  /** The pull request says and holds exactly this already. */
  | { readonly action: 'keep'; readonly changeRequest: ChangeRequest }
  /** Commit, branch, pull request: those of them that are not right yet. */
  | {
      readonly action: 'propose';
      readonly branch: string;
      readonly commit?: PlannedCommit;
      readonly text: PlannedText;
      readonly changeRequest?: ChangeRequest;
    }
  /** Commit to a branch and no more, as `push.branch` asks. */
  | { readonly action: 'push'; readonly commit: PlannedCommit }
  /** The branch to push to has commits of others and lacks some of the base: those first. */
  | { readonly action: 'update-branch'; readonly branch: string; readonly baseHead: string };

export interface ImageUpdatePlan {
  readonly update: ImageUpdate;
  readonly changes: readonly ImageChange[];
  readonly edits: readonly FileEdit[];
  readonly held: readonly HeldValue[];
  readonly ahead: readonly AheadValue[];
  /** What could not be decided and therefore keeps its proposal, in words. */
  readonly doubts: readonly string[];
  readonly problems: readonly Problem[];
}

/** Decides what one run of an automation does. It never undoes what a person did: their commits, their closed pull requests, their reverts. */
export function planImageUpdate(observed: ObservedAutomation): ImageUpdatePlan {
  const { baseHead: oid, baseFiles: files, editBase, unreadable, checkout } = observed;
  if (checkout.mode === 'push' || unreadable.length === 0 || editBase.oid === oid) return planOn(observed);
  const kept = planOn(observed);
  const conflicts = kept.edits.some(({ file }) => !unreadable.includes(file) && isChanged(file, editBase.files, files));
  if (!conflicts) return kept;
  // What was made on an older base would conflict with what others changed since: those go on, without what cannot be read.
  const { edits, ...plan } = planOn({ ...observed, editBase: { oid, files }, unreadable: [] });
  if (edits.length === 0) return kept;
  return { ...plan, edits, doubts: [...plan.doubts, ...unreadable.map(describeDropped)] };
}

function isChanged(file: string, before: SourceTree, now: SourceTree): boolean {
  const [one, other] = [before.get(file)?.bytes, now.get(file)?.bytes];
  return one === undefined || other === undefined || !Buffer.from(one).equals(other);
}

function describeDropped(file: string): string {
  return `${file} cannot be read in the base; it is left out until it can, because other files of its proposal changed there`;
}

function planOn(observed: ObservedAutomation): ImageUpdatePlan {
  const { automation, editBase } = observed;
  const found = findMarkersInTree(editBase.files, automation.updatePath);
  const byPolicy = Map.groupBy(found.markers, ({ policy }) => formatNamespacedName(policy));
  const proposals = observed.open === undefined ? observed.decided : [...observed.decided, observed.open];
  const findRefused = indexRefusedVersions(proposals, found.markers, policiesOf(observed));
  const chosen = observed.candidates.map((candidates) => {
    const image = chooseImage(candidates);
    return image === undefined
      ? { wanted: [], held: [], ahead: [] }
      : chooseValues(candidates, image, byPolicy.get(formatNamespacedName(candidates.policy)) ?? [], findRefused);
  });
  const held = chosen.flatMap(({ held: values }) => values);
  const kept = keptValues(observed, found.markers);
  const edited = planEdits(editBase.files, [...chosen.flatMap(({ wanted }) => wanted), ...kept]);
  const problems = [...found.problems, ...edited.problems];
  const wanted = { changes: edited.changes, edits: edited.edits };
  return {
    update:
      observed.checkout.mode === 'push'
        ? planPush(observed, wanted)
        : planProposal(observed, wanted, { markers: found.markers, held }),
    changes: edited.changes,
    edits: edited.edits,
    held,
    ahead: chosen.flatMap(({ ahead }) => ahead),
    doubts: [...describeUndecided(observed, kept), ...observed.unreadable.map(describeUnreadable)],
    problems,
  };
}

interface Wanted {
  readonly changes: readonly ImageChange[];
  readonly edits: readonly FileEdit[];
}

/**
 * What the open pull request proposes for policies that choose nothing at the moment: no reason to take it back, unless the policy
 * forbids it now.
 */
function keptValues(observed: ObservedAutomation, markers: readonly LocatedMarker[]): readonly WantedValue[] {
  const changes = observed.open?.changes ?? [];
  const proposed = new Map(changes.map((change) => [placeKey(change), change]));
  const undecided = ({ policy }: LocatedMarker): Undecided | undefined =>
    observed.undecidedPolicies.get(formatNamespacedName(policy));
  const here = markers.filter((marker) => undecided(marker) !== undefined && proposed.has(placeKey(marker)));
  const forbidden = here.filter((marker) => {
    const tag = tagOfValue(marker.part, proposed.get(placeKey(marker))?.to ?? '');
    return tag !== undefined && undecided(marker)?.allows?.(tag) === false;
  });
  const forbiddenImages = new Set(forbidden.map(imageKey));
  return here.flatMap((marker) => {
    const change = proposed.get(placeKey(marker));
    const isKept = change?.from === marker.value && !forbiddenImages.has(imageKey(marker));
    return change !== undefined && isKept ? [{ marker, to: change.to }] : [];
  });
}

/** A policy that chooses nothing is worth a word when it fails, or when something of it is proposed. */
function describeUndecided({ undecidedPolicies }: ObservedAutomation, kept: readonly WantedValue[]): readonly string[] {
  const keeping = new Set(kept.map(({ marker }) => formatNamespacedName(marker.policy)));
  return [...undecidedPolicies].flatMap(([policy, { why, fails }]) => {
    if (keeping.has(policy)) return [`${policy} is undecided (${why}); its proposal stays as it is`];
    return fails ? [`${policy} is undecided (${why})`] : [];
  });
}

function describeUnreadable(file: string): string {
  return `${file} cannot be read in the base; its proposal stays as it is`;
}

function planPush(observed: ObservedAutomation, wanted: Wanted): ImageUpdate {
  const { checkout, branch, baseHead } = observed;
  if (checkout.branch === checkout.base) {
    return wanted.edits.length === 0
      ? { action: 'none' }
      : { action: 'push', commit: commitOf(observed, wanted, { name: checkout.branch, head: baseHead }) };
  }
  if (branch === undefined) return { action: 'none' };
  const isAppended = observed.editBase.oid !== baseHead;
  if (wanted.edits.length === 0 || (!isAppended && isExactly(observed, wanted))) return { action: 'none' };
  if (isAppended && branch.mergeBase !== baseHead) return { action: 'update-branch', branch: branch.name, baseHead };
  return { action: 'push', commit: commitOf(observed, wanted, branch) };
}

function planProposal(observed: ObservedAutomation, wanted: Wanted, seen: Seen): ImageUpdate {
  const { checkout, branch, open, misplaced, retargeted } = observed;
  if (retargeted !== undefined) {
    const { request } = retargeted;
    return { action: 'leave', because: 'retargeted', branch: request.head.branch, changeRequest: request };
  }
  if (branch === undefined) return { action: 'leave', because: 'no-branch-left', branch: checkout.branch };
  const subject = misplaced ?? open;
  if (subject !== undefined && branch.head !== undefined && branch.own === undefined) {
    return { action: 'leave', because: 'foreign-commits', branch: branch.name, changeRequest: subject.request };
  }
  if (misplaced !== undefined && branch.head !== undefined) {
    return { action: 'withdraw', proposal: misplaced, reason: 'base-changed', branchHead: branch.head };
  }
  if (wanted.edits.length === 0) {
    if (open === undefined || branch.head === undefined) return { action: 'none' };
    return {
      action: 'withdraw',
      proposal: open,
      reason: whyNothingLeft(observed, open, seen),
      branchHead: branch.head,
    };
  }
  const commit = isExactly(observed, wanted) ? undefined : commitOf(observed, wanted, branch);
  const section = formatSection({ ...observed, ...wanted });
  const ready = { branch: branch.name, ...defined({ commit }) };
  const title = formatTitle(wanted.changes);
  if (open === undefined) return { action: 'propose', ...ready, text: { title, section } };
  const { request } = open;
  const says = saysSection(request.body, section);
  if (commit === undefined && (says === 'same' || placeSection(request.body, section) === request.body)) {
    return { action: 'keep', changeRequest: request };
  }
  // The title is a person's to word; it is ours again when the change itself is another.
  const isAnother = commit !== undefined || says === 'another-change';
  const text = { section, ...(isAnother ? { title } : {}) };
  return { action: 'propose', ...ready, text, changeRequest: request };
}

/** What was found in the files, and what of it people decided against. */
interface Seen {
  readonly markers: readonly LocatedMarker[];
  readonly held: readonly HeldValue[];
}

/** Why nothing is left of what is proposed, change by change. */
function whyNothingLeft(observed: ObservedAutomation, open: Proposal, { markers, held }: Seen): WithdrawReason {
  const byPlace = new Map(markers.map((marker) => [placeKey(marker), marker]));
  const policies = policiesOf(observed);
  const refusedTags = new Set(held.map(({ marker, image }) => JSON.stringify([imageKey(marker), image.tag])));
  const reasons = new Set(
    open.changes.map((change): WithdrawReason => {
      const marker = byPlace.get(placeKey(change));
      if (marker === undefined) return 'place-is-gone';
      if (marker.value !== change.from) return 'base-is-newer';
      if (!policies.has(formatNamespacedName(marker.policy))) return 'policy-is-gone';
      const tag = tagOfValue(change.part, change.to);
      return refusedTags.has(JSON.stringify([imageKey(change), tag])) ? 'refused-elsewhere' : 'not-chosen';
    }),
  );
  const [reason = 'nothing-left', ...others] = reasons;
  return others.length === 0 ? reason : 'nothing-left';
}

function commitOf(
  observed: ObservedAutomation,
  { changes, edits }: Wanted,
  branch: { readonly name: string; readonly head?: string },
): PlannedCommit {
  return {
    parent: observed.editBase.oid,
    message: formatCommitMessage({ ...observed, changes, edits, branchName: branch.name, images: imagesOf(observed) }),
    files: edits,
    branch: branch.name,
    branchFrom: branch.head,
  };
}

function policiesOf({ candidates, undecidedPolicies }: ObservedAutomation): ReadonlySet<string> {
  return new Set([...candidates.map(({ policy }) => formatNamespacedName(policy)), ...undecidedPolicies.keys()]);
}

function imagesOf({ candidates, open }: ObservedAutomation): ReadonlyMap<string, string> {
  return new Map([
    ...(open?.changes ?? []).flatMap(({ policy, image }) => (image === undefined ? [] : [[policy, image] as const])),
    ...candidates.map(({ policy, image }) => [formatNamespacedName(policy), image] as const),
  ]);
}

/** The branch's tip is ours, on the base, and holds these files, whatever the base gained beside them since. */
function isExactly({ cluster, automation, checkout, branch, behind }: ObservedAutomation, { edits }: Wanted): boolean {
  const own = branch?.own;
  if (branch === undefined || own === undefined || behind || branch.mergeBase === undefined) return false;
  const { memory } = own;
  return (
    memory.cluster === cluster &&
    memory.automation === formatNamespacedName(automation) &&
    memory.base === checkout.base &&
    memory.withdrawn === undefined &&
    memory.content === fingerprint(edits) &&
    [...own.parents, ...branch.tipParents].includes(branch.mergeBase)
  );
}
