import type { ChangeHost, ChangeRequest } from '#shared/ports/change-host.ts';
import { explainRefusal } from '#shared/pull-requests/explain-refusal.ts';
import { sayOnOpen } from '#shared/pull-requests/say-on-open.ts';
import { withdrawProposal } from '#shared/pull-requests/withdraw-proposal.ts';
import type { WithdrawReason } from '#shared/pull-requests/withdraw-reason.ts';

import type { ImageUpdate, PlannedCommit } from './plan-image-update.ts';
import { formatUpdateBranchMessage } from './pull-request-text.ts';
import type { Checkout } from './resolve-checkout.ts';

/** What came of an update. */
export type ImageUpdateResult =
  | { readonly outcome: 'nothing-to-do' }
  | {
      readonly outcome: 'left-alone';
      readonly because: 'foreign-commits' | 'retargeted' | 'no-branch-left' | 'conflict';
      readonly branch: string;
      readonly changeRequest?: ChangeRequest;
    }
  | { readonly outcome: 'already-proposed'; readonly changeRequest: ChangeRequest }
  | {
      readonly outcome: 'proposed';
      readonly changeRequest: Pick<ChangeRequest, 'number' | 'url'>;
      readonly opened: boolean;
      readonly commit?: string;
    }
  | {
      readonly outcome: 'withdrawn';
      readonly changeRequest: ChangeRequest;
      readonly reason: WithdrawReason;
      readonly unmarked?: string;
    }
  | { readonly outcome: 'pushed'; readonly branch: string; readonly commit: string }
  /** The branch to push to has got the base's commits; what is to be pushed is planned anew. */
  | { readonly outcome: 'branch-updated'; readonly branch: string }
  /** Somebody acted after it was observed; the next run looks again. */
  | { readonly outcome: 'overtaken'; readonly branch: string };

/**
 * Carries out a plan: commit, then branch, then pull request. Ended between any two of these, it leaves a commit on no branch
 * or a branch without a pull request, which the next run's plan finds and finishes.
 */
export async function executeImageUpdate(
  host: ChangeHost,
  checkout: Checkout,
  update: ImageUpdate,
): Promise<ImageUpdateResult> {
  const { repository } = checkout;
  switch (update.action) {
    case 'none':
      return { outcome: 'nothing-to-do' };
    case 'leave': {
      const { action: _action, ...left } = update;
      return { outcome: 'left-alone', ...left };
    }
    case 'keep':
      return { outcome: 'already-proposed', changeRequest: update.changeRequest };
    case 'withdraw': {
      const { proposal, reason } = update;
      const result = await withdrawProposal(host, checkout, update);
      return result.outcome === 'withdrawn'
        ? { ...result, changeRequest: proposal.request, reason }
        : { ...result, branch: proposal.request.head.branch };
    }
    case 'update-branch': {
      const { branch, baseHead: oid } = update;
      const message = formatUpdateBranchMessage(checkout);
      const merged = await host.mergeIntoBranch(repository, { branch, oid, message });
      return merged === 'conflict'
        ? { outcome: 'left-alone', because: 'conflict', branch }
        : { outcome: 'branch-updated', branch };
    }
    case 'push': {
      const commit = await writeCommit(host, checkout, update.commit);
      return commit === undefined
        ? { outcome: 'overtaken', branch: update.commit.branch }
        : { outcome: 'pushed', branch: update.commit.branch, commit };
    }
    case 'propose':
      return propose(host, checkout, update);
  }
}

async function propose(
  host: ChangeHost,
  checkout: Checkout,
  update: Extract<ImageUpdate, { readonly action: 'propose' }>,
): Promise<ImageUpdateResult> {
  const { repository, base } = checkout;
  const { branch, text, changeRequest } = update;
  const commit = update.commit === undefined ? undefined : await writeCommit(host, checkout, update.commit);
  if (update.commit !== undefined && commit === undefined) return { outcome: 'overtaken', branch };
  const written = commit === undefined ? {} : { commit };
  if (changeRequest === undefined) {
    const { title = '', section: body } = text;
    const opened = await host.openChangeRequest(repository, { head: branch, base, title, body });
    return { outcome: 'proposed', changeRequest: opened, opened: true, ...written };
  }
  const says = await sayOnOpen(host, repository, changeRequest.number, text);
  return says === 'said'
    ? { outcome: 'proposed', changeRequest, opened: false, ...written }
    : { outcome: 'overtaken', branch };
}

/** @returns the commit that the branch points to now; undefined when somebody moved it. */
async function writeCommit(host: ChangeHost, checkout: Checkout, planned: PlannedCommit): Promise<string | undefined> {
  const { branch, branchFrom, parent, message } = planned;
  const files = planned.files.map(({ file, content, executable }) => ({ path: file, content, executable }));
  const write = async (parents: readonly [string, ...string[]]) => {
    const oid = await host.createCommit(checkout.repository, { parents, message, files });
    return { oid, moved: await host.moveBranch(checkout.repository, { branch, from: branchFrom, to: oid }) };
  };
  const made = await write([parent]);
  if (made.moved.outcome === 'moved') return made.oid;
  if (made.moved.outcome !== 'refused') return undefined;
  const mayAppend = branchFrom !== undefined && branchFrom !== parent && made.moved.rule !== 'queued';
  if (!mayAppend) throw explainRefusal(checkout, { ...made.moved, branch });
  // Where a rule forbids to make a branch anew, the same content is put on top of what it has.
  const appended = await write([branchFrom, parent]);
  if (appended.moved.outcome === 'refused') throw explainRefusal(checkout, { ...appended.moved, branch });
  return appended.moved.outcome === 'moved' ? appended.oid : undefined;
}
