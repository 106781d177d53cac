import { defined } from '#shared/common/defined.ts';
import { formatWithdrawal } from '#shared/image-update/pull-request-text.ts';
import type { BranchMove, ChangeHost } from '#shared/ports/change-host.ts';

import { formatTrailers } from './commit-trailers.ts';
import { explainRefusal } from './explain-refusal.ts';
import type { Proposal } from './proposals.ts';
import type { ProposalRepository } from './read-proposals.ts';
import { sayOnOpen } from './say-on-open.ts';
import type { WithdrawReason } from './withdraw-reason.ts';

/** A move of a branch that a rule of the repository forbids. */
export type RefusedMove = Extract<BranchMove, { readonly outcome: 'refused' }>;

/** What is to be withdrawn, from where it was seen. */
export interface Withdrawal {
  readonly proposal: Proposal;
  readonly reason: WithdrawReason;
  readonly branchHead: string;
}

/** What came of it; `unmarked` is why GitHub lets nothing be written that tells a withdrawal from a person's no. */
export type WithdrawOutcome =
  { readonly outcome: 'withdrawn'; readonly unmarked?: string } | { readonly outcome: 'overtaken' };

/**
 * Withdraws a pull request of ours. First Git is told, by an empty commit on its branch: without it, a closed pull request reads
 * as a person's no, whatever its text says. Then people are told, and only then is it closed. The branch may stay: a rule
 * may forbid that it is deleted. Where rules forbid the commit as well, it is closed all the same, and says what that means.
 */
export async function withdrawProposal(
  host: ChangeHost,
  where: Pick<ProposalRepository, 'repository'>,
  withdrawal: Withdrawal,
): Promise<WithdrawOutcome> {
  const { proposal, reason } = withdrawal;
  const { request, memory } = proposal;
  const marked = await markWithdrawn(host, where, withdrawal);
  if (marked.outcome === 'conflict') return { outcome: 'overtaken' };
  const unmarked = marked.outcome === 'refused' ? marked.reason : undefined;
  const words = formatWithdrawal(reason, { memory, base: request.base }, unmarked);
  const said = await sayOnOpen(host, where.repository, request.number, { section: words.section });
  if (said === 'said') {
    await host.comment(where.repository, request.number, words.sentence);
    await host.updateChangeRequest(where.repository, request.number, { state: 'closed' });
  }
  const { branch } = request.head;
  if (marked.outcome === 'moved') await host.moveBranch(where.repository, { branch, from: marked.oid, to: undefined });
  if (said !== 'said') return { outcome: 'overtaken' };
  return { outcome: 'withdrawn', ...defined({ unmarked }) };
}

/** The empty commit: with what the base holds, or where a rule forbids merges, with what the branch holds. */
async function markWithdrawn(
  host: ChangeHost,
  { repository }: Pick<ProposalRepository, 'repository'>,
  { proposal, reason, branchHead }: Withdrawal,
): Promise<BranchMove & { readonly oid: string }> {
  const { request, commit, memory } = proposal;
  const { branch } = request.head;
  // What nobody wants any more may still be merged by somebody: it then brings nothing, whatever base is wanted now.
  const baseHead = (await host.readBranch(repository, request.base)) ?? commit.parents.at(-1) ?? branchHead;
  const { changes: _changes, content: _content, ...owner } = memory;
  const trailers = formatTrailers({ ...owner, withdrawn: reason, author: authorOf(proposal) });
  const { sentence } = formatWithdrawal(reason, { memory, base: request.base });
  const message = `Withdraw #${request.number}\n\n${sentence}\n\n${trailers}\n`;
  const mark = async (parents: readonly [string, ...string[]]): Promise<BranchMove & { readonly oid: string }> => {
    const oid = await host.createCommit(repository, { parents, message, files: [] });
    const moved = await host.moveBranch(repository, { branch, from: branchHead, to: oid });
    return { ...moved, oid };
  };
  const merged = await mark([branchHead, baseHead]);
  if (merged.outcome === 'refused' && merged.rule === 'queued') {
    // What waits in a merge queue is let go or merged, and then looked at again.
    throw explainRefusal({ repository, mode: 'pull-request' }, { ...merged, branch });
  }
  return merged.outcome === 'refused' ? mark([branchHead]) : merged;
}

function authorOf({ commit }: Proposal): string {
  const line = commit.message.split('\n').findLast((text) => text.startsWith('Co-authored-by: '));
  return line?.slice('Co-authored-by: '.length) ?? 'tidegate <tidegate@users.noreply.github.com>';
}
