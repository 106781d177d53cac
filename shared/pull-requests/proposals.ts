import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
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

/**
 * What a pull request that we opened says of itself in our last commit on it; undefined where it holds none. A commit of ours
 * gets into others as well, by a cherry-pick or a promotion, and anybody can write one that looks like ours.
 */
export function readProposal(request: ChangeRequest, commits: readonly HostedCommit[]): UnreadProposal | undefined {
  if (request.openedAs === undefined) return undefined;
  const commit = commits.findLast(({ message }) => parseTrailers(message) !== undefined);
  const memory = commit === undefined ? undefined : parseTrailers(commit.message);
  if (commit === undefined || memory === undefined) return undefined;
  // An App opens no other pull requests; the user of a token does, and where a promotion comes from tells it apart.
  const isFromItsBranch = memory.branch === undefined || memory.branch === request.head.branch;
  if (request.openedAs === 'user' && !isFromItsBranch) return undefined;
  return { request, commit, memory, takenBack: isTakenBack(request) };
}

/** `<cluster>/<namespace>/<automation>`. */
export function automationOwner(cluster: string, automation: NamespacedName): string {
  return `${cluster}/${formatNamespacedName(automation)}`;
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
