import type { BranchMove, ChangeHost } from '#shared/ports/change-host.ts';

import { formatTrailers } from './commit-trailers.ts';
import type { Proposal } from './proposals.ts';
import type { ProposalRepository } from './read-proposals.ts';
import { formatWithdrawal } from './pull-request-text.ts';
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

/**
 * Withdraws a pull request of ours. First Git is told, by an empty commit on its branch: without it, a closed pull request reads
 * as a person's no, whatever its text says. Then people are told, and only then is it closed. The branch may stay: a rule
 * may forbid that it is deleted.
 */
export async function withdrawProposal(
  host: ChangeHost,
  { repository }: Pick<ProposalRepository, 'repository'>,
  { proposal, reason, branchHead }: Withdrawal,
): Promise<'withdrawn' | 'overtaken' | RefusedMove> {
  const { request, commit, memory } = proposal;
  const { branch } = request.head;
  // What nobody wants any more may still be merged by somebody: it then brings nothing, whatever base is wanted now.
  const baseHead = (await host.readBranch(repository, request.base)) ?? commit.parents.at(-1) ?? branchHead;
  const words = formatWithdrawal(reason, { memory, base: request.base });
  const { changes: _changes, content: _content, ...owner } = memory;
  const trailers = formatTrailers({ ...owner, withdrawn: reason, author: authorOf(proposal) });
  const oid = await host.createCommit(repository, {
    parents: [branchHead, baseHead],
    message: `Withdraw #${request.number}\n\n${words.sentence}\n\n${trailers}\n`,
    files: [],
  });
  const moved = await host.moveBranch(repository, { branch, from: branchHead, to: oid });
  if (moved.outcome === 'refused') return moved;
  if (moved.outcome === 'conflict') return 'overtaken';
  const said = await sayOnOpen(host, repository, request.number, { section: words.section });
  if (said === 'said') {
    await host.comment(repository, request.number, words.sentence);
    await host.updateChangeRequest(repository, request.number, { state: 'closed' });
  }
  await host.moveBranch(repository, { branch, from: oid, to: undefined });
  return said === 'said' ? 'withdrawn' : 'overtaken';
}

function authorOf({ commit }: Proposal): string {
  const line = commit.message.split('\n').findLast((text) => text.startsWith('Co-authored-by: '));
  return line?.slice('Co-authored-by: '.length) ?? 'tidegate <tidegate@users.noreply.github.com>';
}
