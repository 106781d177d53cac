import type { ChangeRequest, HostedCommit } from '#shared/ports/change-host.ts';

import { parseTrailers, type CommitMemory, type ProposedChange } from './commit-trailers.ts';

/** A pull request of ours: what its newest commit of ours says and holds. */
export interface Proposal {
  readonly request: ChangeRequest;
  readonly commit: HostedCommit;
  readonly memory: CommitMemory;
  readonly changes: readonly ProposedChange[];
  /** Somebody asked for its versions to be proposed again. */
  readonly takenBack: boolean;
}

/** A pull request of ours whose changes may have to be read from its commit's tree. */
export type UnreadProposal = Omit<Proposal, 'changes'>;

/** What a person writes on a line of their own to take a no back. */
export const TAKE_BACK_COMMAND = '/tidegate propose';

/** The pull requests that hold a commit of ours. Their branches' names count for nothing: instructions get renamed. */
export function findProposals(requests: readonly ChangeRequest[]): readonly UnreadProposal[] {
  return requests.flatMap((request): readonly UnreadProposal[] => {
    const commit = request.commits.findLast(({ message }) => parseTrailers(message) !== undefined);
    const memory = commit === undefined ? undefined : parseTrailers(commit.message);
    if (commit === undefined || memory === undefined) return [];
    return [{ request, commit, memory, takenBack: isTakenBack(request) }];
  });
}

/** `<cluster>/<namespace>/<automation>` of whose proposal it is. */
export function ownerOf({ memory }: Pick<Proposal, 'memory'>): string {
  return `${memory.cluster}/${memory.automation}`;
}

/** A comment counts for the no that came before it. */
function isTakenBack({ comments, closedAt }: ChangeRequest): boolean {
  return comments.some(
    ({ text, at }) =>
      (closedAt === undefined || at >= closedAt) &&
      text.split(/\r?\n/u).some((line) => line.trim().toLowerCase() === TAKE_BACK_COMMAND),
  );
}
