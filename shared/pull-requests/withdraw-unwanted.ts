import { dispositionOf } from '#shared/common/tidegate-error.ts';
import { findMarkedPlaces, isAdoptable, withoutOwn, type Adopter } from '#shared/image-update/adopt-proposal.ts';
import { isSameRepository } from '#shared/image-update/resolve-checkout.ts';
import type { ChangeHost, RepositoryId } from '#shared/ports/change-host.ts';

import { isOfInstallation } from './commit-trailers.ts';
import { observeBranch } from './observe-branch.ts';
import type { Proposal } from './proposals.ts';
import { fetchCommitTree, readProposals, type ProposalRepository, type ReadProposalsPorts } from './read-proposals.ts';
import type { WhyUnwanted } from './unwanted-proposals.ts';
import { withdrawProposal } from './withdraw-proposal.ts';
import type { WithdrawReason } from './withdraw-reason.ts';

/** A pull request that was withdrawn because no Flux object wants it. */
export interface Withdrawn {
  readonly proposal: Proposal;
  readonly reason: WithdrawReason;
  /** Why GitHub let nothing be written that tells it from a person's no. */
  readonly unmarked?: string;
}

/** What says whether a proposal is wanted: by the automation that made it, or by one that would go on with it. */
export interface Wishes {
  readonly whyUnwanted: WhyUnwanted;
  readonly adopters: () => readonly Adopter[];
  /** Whose proposals are looked at. */
  readonly installation: string;
  /** Whether this installation ever followed a cluster of this name: otherwise it is another one's. */
  readonly hasFollowed: (cluster: string) => Promise<boolean>;
}

/** What came of it. */
export interface SweepOutcome {
  readonly withdrawn: readonly Withdrawn[];
  /** How many of ours are open still. */
  readonly open: number;
}

/**
 * Withdraws the open pull requests of a repository that no Flux object wants. One with commits of people is theirs and stays, and
 * one that an automation of its cluster would go on with waits for that one's next run.
 */
export async function withdrawUnwanted(
  ports: ReadProposalsPorts,
  where: ProposalRepository,
  { whyUnwanted, adopters, installation, hasFollowed }: Wishes,
): Promise<SweepOutcome> {
  const { changeHost } = ports;
  const { proposals } = await readProposals(ports, where);
  const own = proposals.filter(
    ({ request, memory }) => request.state === 'open' && isOfInstallation(memory, installation),
  );
  const unwanted = own.flatMap((proposal) => {
    const unwanted = whyUnwanted(proposal, where.repository);
    return unwanted === undefined ? [] : [{ proposal, unwanted }];
  });
  if (unwanted.length === 0) return { withdrawn: [], open: own.length };
  const near = adopters().filter(({ checkout }) => {
    return checkout === undefined || isSameRepository(checkout.repository, where.repository);
  });
  const free = withoutOwn(near, proposals);
  const withdrawn: Withdrawn[] = [];
  for (const { proposal, unwanted: why } of unwanted) {
    const { reason } = why;
    // Doubt never withdraws: where two installations have one name, their clusters tell them apart.
    if (reason === 'cluster-is-gone' && !(await hasFollowed(proposal.memory.cluster))) continue;
    if ('proposesIn' in why && (await isOneRepository(changeHost, why.proposesIn, where.repository))) continue;
    const { head, base } = proposal.request;
    const baseHead = await changeHost.readBranch(where.repository, base);
    if (baseHead === undefined) continue;
    if (await isToBeAdopted(ports, where, { proposal, baseHead, free })) continue;
    const branch = await observeBranch(changeHost, where.repository, {
      name: head.branch,
      baseHead,
      installation,
    });
    // A base other than the one we made it for is a person's choice.
    const isTheirs = branch.own === undefined || (branch.own.memory.base ?? base) !== base;
    if (branch.head === undefined || isTheirs) continue;
    const result = await withdrawProposal(changeHost, where, { proposal, reason, branchHead: branch.head });
    if (result.outcome === 'overtaken') continue;
    const { outcome: _outcome, ...mark } = result;
    withdrawn.push({ proposal, reason, ...mark });
  }
  return { withdrawn, open: own.length - withdrawn.length };
}

async function isToBeAdopted(
  ports: ReadProposalsPorts,
  where: ProposalRepository,
  seen: { readonly proposal: Proposal; readonly baseHead: string; readonly free: readonly Adopter[] },
): Promise<boolean> {
  const { proposal, baseHead: oid } = seen;
  const adopters = seen.free.filter(({ cluster }) => cluster === proposal.memory.cluster);
  if (adopters.length === 0) return false;
  const files = await fetchCommitTree(ports, where, { oid, refName: `refs/heads/${proposal.request.base}` });
  const places = findMarkedPlaces(files);
  return adopters.some((adopter) => isAdoptable(proposal, adopter, places));
}

/** A repository that was renamed is found by both names. Where one of them is not found nothing has moved yet. */
async function isOneRepository(host: ChangeHost, one: RepositoryId, other: RepositoryId): Promise<boolean> {
  try {
    return (await host.identify(one)) === (await host.identify(other));
  } catch (error) {
    if (dispositionOf(error) === 'retry') throw error;
    return true;
  }
}
