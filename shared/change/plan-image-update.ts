import { formatNamespacedName } from '#shared/api/resource-key.ts';
import { findMarkersInTree, planEdits, type FileEdit, type ImageChange } from '#shared/edit/plan-edits.ts';
import type { Problem } from '#shared/errors/problem.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';

import { parseChangeBlock, replaceSection, type ChangeBlock } from './change-block.ts';
import { chooseImage, chooseValues } from './choose-values.ts';
import { heldImages, type HeldImage } from './held-images.ts';
import type { BranchCommit, ObservedAutomation } from './observe-automation.ts';
import {
  formatBody,
  formatCommitMessage,
  formatTitle,
  hasAutomationTrailer,
  messageHolds,
} from './pull-request-text.ts';

/** A commit to be made, and the branch that is to point to it. */
export interface PlannedCommit {
  readonly parent: string;
  readonly message: string;
  readonly files: readonly FileEdit[];
  readonly branch: string;
  /** Where the branch was observed; undefined when there is none. */
  readonly branchFrom: string | undefined;
}

export interface PlannedText {
  readonly title: string;
  readonly body: string;
}

/** What is to be done for one automation. */
export type ImageUpdate =
  /** Nothing to propose, nothing open. */
  | { readonly action: 'none' }
  /** Somebody else's commit is on our branch: it is theirs now. */
  | { readonly action: 'leave'; readonly branch: string; readonly changeRequest?: ChangeRequest }
  /** Our open pull request has become pointless. */
  | {
      readonly action: 'withdraw';
      readonly changeRequest: ChangeRequest;
      readonly body: string;
      readonly branchHead: string;
    }
  /** The pull request says and holds exactly this already. */
  | { readonly action: 'keep'; readonly changeRequest: ChangeRequest }
  /** Commit, branch, pull request: those of them that are not right yet. */
  | {
      readonly action: 'propose';
      readonly commit?: PlannedCommit;
      readonly text: PlannedText;
      readonly changeRequest?: ChangeRequest;
    }
  /** Commit to a branch and no more, as `push.branch` asks. */
  | { readonly action: 'push'; readonly commit: PlannedCommit };

export interface ImageUpdatePlan {
  readonly update: ImageUpdate;
  readonly changes: readonly ImageChange[];
  readonly held: readonly (HeldImage & { readonly policy: string })[];
  readonly problems: readonly Problem[];
}

/** Decides what one run of an automation does. It never undoes what a person did: their commits, their closed pull requests, their reverts. */
export function planImageUpdate(observed: ObservedAutomation): ImageUpdatePlan {
  const { cluster, automation, checkout, files, changeRequests } = observed;
  const owner = { cluster, automation: formatNamespacedName(automation) };
  const found = findMarkersInTree(files, automation.updatePath);
  const perPolicy = observed.candidates.map((candidates) => {
    const policy = formatNamespacedName(candidates.policy);
    const held = heldImages(policy, candidates.order, changeRequests, found.markers, owner);
    const image = chooseImage(candidates, held);
    const wanted = image === undefined ? [] : chooseValues(candidates, image, found.markers);
    return { wanted, held: held.map((heldImage) => ({ ...heldImage, policy })) };
  });
  const edited = planEdits(
    files,
    perPolicy.flatMap(({ wanted }) => wanted),
  );
  const { changes, edits } = edited;
  const problems = [...found.problems, ...edited.problems];
  return {
    update:
      checkout.mode === 'push'
        ? planPush(observed, changes, edits)
        : planProposal(observed, { changes, edits, problems, owner }),
    changes,
    held: perPolicy.flatMap(({ held }) => held),
    problems,
  };
}

function planPush(
  observed: ObservedAutomation,
  changes: readonly ImageChange[],
  edits: readonly FileEdit[],
): ImageUpdate {
  if (edits.length === 0) return { action: 'none' };
  const { checkout } = observed;
  if (isForeign(observed)) return { action: 'leave', branch: checkout.branch };
  if (isExactly(observed, edits)) return { action: 'none' };
  return { action: 'push', commit: commitOf(observed, changes, edits) };
}

interface Wanted {
  readonly changes: readonly ImageChange[];
  readonly edits: readonly FileEdit[];
  readonly problems: readonly Problem[];
  readonly owner: Pick<ChangeBlock, 'cluster' | 'automation'>;
}

function planProposal(observed: ObservedAutomation, wanted: Wanted): ImageUpdate {
  const { changes, edits, owner } = wanted;
  const { cluster, automation, checkout, branchHead } = observed;
  const open = observed.changeRequests.find(({ state }) => state === 'open');
  if (isForeign(observed)) {
    return { action: 'leave', branch: checkout.branch, ...(open === undefined ? {} : { changeRequest: open }) };
  }
  const block = open === undefined ? undefined : parseChangeBlock(open.body, owner);
  if (open !== undefined && isUncertain(observed, wanted.problems, block))
    return { action: 'keep', changeRequest: open };
  const subject = { cluster, automation, changes, edits };
  if (edits.length === 0) {
    if (open === undefined || branchHead === undefined) return { action: 'none' };
    const before = (block?.changes ?? []).map((change) => ({ ...change, line: 0 }));
    const section = formatBody({ ...subject, changes: before }, 'superseded');
    return { action: 'withdraw', changeRequest: open, body: replaceSection(open.body, section), branchHead };
  }
  const commit = isExactly(observed, edits) ? undefined : commitOf(observed, changes, edits);
  const section = formatBody(subject);
  const text = { title: formatTitle(changes), body: open === undefined ? section : replaceSection(open.body, section) };
  // The title is a person's to word; it is ours again when the change itself is another.
  if (open !== undefined && commit === undefined && saysExactly(block, changes)) {
    return { action: 'keep', changeRequest: open };
  }
  return {
    action: 'propose',
    text,
    ...(commit === undefined ? {} : { commit }),
    ...(open === undefined ? {} : { changeRequest: open }),
  };
}

function commitOf(
  observed: ObservedAutomation,
  changes: readonly ImageChange[],
  edits: readonly FileEdit[],
): PlannedCommit {
  const { cluster, automation, checkout, baseHead, branchHead } = observed;
  return {
    parent: baseHead,
    message: formatCommitMessage({ cluster, automation, changes, edits }),
    files: edits,
    branch: checkout.branch,
    branchFrom: checkout.branch === checkout.base ? baseHead : branchHead,
  };
}

/** A commit of somebody else is at stake, unless it was merged with our last pull request and the branch merely stayed. */
function isForeign(observed: ObservedAutomation): boolean {
  const { branchHead, branchCommits, changeRequests } = observed;
  if (branchCommits.every((commit) => isOurs(commit, observed))) return false;
  return !changeRequests.some(({ state, head }) => state === 'merged' && head.oid === branchHead);
}

/** With a personal token a person commits under our name; the trailer tells us apart. */
function isOurs(commit: BranchCommit, observed: ObservedAutomation): boolean {
  return commit.ours && hasAutomationTrailer(commit.message, observed);
}

/** The branch is one commit of ours that holds these files, whatever the base gained beside them since. */
function isExactly(observed: ObservedAutomation, edits: readonly FileEdit[]): boolean {
  const [commit, ...more] = observed.branchCommits;
  return commit !== undefined && more.length === 0 && isOurs(commit, observed) && messageHolds(commit.message, edits);
}

/** Something that the pull request proposes could not be read this time: no reason to take it back. */
function isUncertain(
  observed: ObservedAutomation,
  problems: readonly Problem[],
  block: ChangeBlock | undefined,
): boolean {
  const files = new Set(problems.map(({ file }) => file));
  return (
    block?.changes.some(({ policy, file }) => observed.undecidedPolicies.includes(policy) || files.has(file)) ?? false
  );
}

function saysExactly(block: ChangeBlock | undefined, changes: readonly ImageChange[]): boolean {
  const said = block?.changes.map(({ policy, file, path, from, to }) => [policy, file, path, from, to]);
  const wanted = changes.map(({ policy, file, path, from, to }) => [policy, file, path, from, to]);
  return block?.state === 'proposed' && JSON.stringify(said) === JSON.stringify(wanted);
}
