import { observeBranch } from './observe-branch.ts';
import type { Proposal } from './proposals.ts';
import { readProposals, type ProposalRepository, type ReadProposalsPorts } from './read-proposals.ts';
import type { WhyUnwanted } from './unwanted-proposals.ts';
import type { WithdrawReason } from './withdraw-reason.ts';
import { withdrawProposal } from './withdraw-proposal.ts';

/** A pull request that was withdrawn because no instruction wants it. */
export interface Withdrawn {
  readonly proposal: Proposal;
  readonly reason: WithdrawReason;
}

/** Withdraws the open pull requests of a repository that no instruction wants. One with commits of people is theirs and stays. */
export async function withdrawUnwanted(
  ports: ReadProposalsPorts,
  where: ProposalRepository,
  whyUnwanted: WhyUnwanted,
): Promise<readonly Withdrawn[]> {
  const { changeHost } = ports;
  const { proposals } = await readProposals(ports, where);
  const withdrawn: Withdrawn[] = [];
  for (const proposal of proposals) {
    const reason = proposal.request.state === 'open' ? whyUnwanted(proposal) : undefined;
    if (reason === undefined) continue;
    const { head, base } = proposal.request;
    const baseHead = await changeHost.readBranch(where.repository, base);
    if (baseHead === undefined) continue;
    const branch = await observeBranch(changeHost, where.repository, { name: head.branch, baseHead });
    // A base other than the one we made it for is a person's choice.
    const isTheirs = branch.own === undefined || (branch.own.memory.base ?? base) !== base;
    if (branch.head === undefined || isTheirs) continue;
    const outcome = await withdrawProposal(changeHost, where, { proposal, reason, branchHead: branch.head, baseHead });
    if (outcome === 'withdrawn') withdrawn.push({ proposal, reason });
  }
  return withdrawn;
}
