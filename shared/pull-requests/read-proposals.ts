import { defined } from '#shared/common/defined.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { dispositionOf } from '#shared/common/tidegate-error.ts';
import { changesBetween } from '#shared/image-update/changes-between.ts';
import type { ChangeHost, ChangeRequest, HostedCommit, RepositoryId } from '#shared/ports/change-host.ts';
import type { GitCredentials, GitRemote } from '#shared/ports/git-remote.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import { DEFAULT_SOURCE_LIMITS } from '#shared/sources/artifact.ts';

import type { ProposedChange } from './commit-trailers.ts';
import { readProposal, type Proposal, type UnreadProposal } from './proposals.ts';

/** What never changes and a process therefore reads once. */
export interface ReadCommits {
  /** What a commit changed, by its object id. */
  readonly changes: Map<string, readonly ProposedChange[]>;
  /** All commits of pull requests whose last ones are not ours, by the newest of them. */
  readonly histories: Map<string, readonly HostedCommit[]>;
  /** The last trees, by cluster, address and object id: the automations of a repository look at the same one. */
  readonly trees: Map<string, SourceTree>;
}

export interface ReadProposalsPorts {
  readonly changeHost: ChangeHost;
  readonly gitRemote: GitRemote;
  readonly sourceCredentials: SourceCredentials;
  readonly readCommits: ReadCommits;
}

/** A repository and how git reaches it. */
export interface ProposalRepository {
  readonly cluster: string;
  readonly repository: RepositoryId;
  /** HTTP(S) address without credentials. */
  readonly url: string;
}

/** Our pull requests of one repository, and all that are open there, newest first. */
export interface ReadProposals {
  readonly proposals: readonly Proposal[];
  readonly requests: readonly ChangeRequest[];
}

const FETCH_TIMEOUT_MS = 60_000;
/** As much as source-sync reads: a tree is in memory some times over while it is read, and two are kept. */
const FETCH_LIMITS = { files: 50_000, bytes: DEFAULT_SOURCE_LIMITS.bytes };
const MOST_CHANGES = 2_000;
const MOST_HISTORIES = 200;
/** As many as the host lists of each pull request. */
const LISTED_COMMITS = 10;
/** Trees may be large. */
const MOST_TREES = 2;

/** Reads our pull requests of a repository, each with the changes that its commit holds. */
export async function readProposals(ports: ReadProposalsPorts, where: ProposalRepository): Promise<ReadProposals> {
  const requests = await ports.changeHost.listChangeRequests(where.repository);
  const proposals: Proposal[] = [];
  for (const request of requests) {
    const proposal =
      readProposal(request, request.commits) ?? readProposal(request, await historyOf(ports, where, request));
    if (proposal !== undefined) {
      proposals.push({ ...proposal, changes: await changesOf(ports, where, proposal) });
    }
  }
  return { proposals, requests };
}

/** All commits of one that we opened, where ours may lie below the last ones of people. */
async function historyOf(
  { changeHost, readCommits }: ReadProposalsPorts,
  { repository }: ProposalRepository,
  { number, openedAs, commits, head }: ChangeRequest,
): Promise<readonly HostedCommit[]> {
  if (openedAs === undefined || commits.length < LISTED_COMMITS) return [];
  const known = readCommits.histories.get(head.oid);
  if (known !== undefined) return known;
  const history = await changeHost.listCommits(repository, number);
  keep(readCommits.histories, MOST_HISTORIES, head.oid, history);
  return history;
}

/** The tree of one commit of a repository. */
export async function fetchCommitTree(
  { gitRemote, sourceCredentials, readCommits }: Omit<ReadProposalsPorts, 'changeHost'>,
  { cluster, url }: Pick<ProposalRepository, 'cluster' | 'url'>,
  commit: { readonly oid: string; readonly refName: string },
): Promise<SourceTree> {
  const key = `${cluster} ${url} ${commit.oid}`;
  const read = readCommits.trees.get(key);
  if (read !== undefined) return read;
  const credentials: GitCredentials | undefined = await sourceCredentials.forSource({ cluster, url });
  const tree = await gitRemote.fetchTree({
    url,
    ...commit,
    timeoutMs: FETCH_TIMEOUT_MS,
    limits: FETCH_LIMITS,
    ...defined({ credentials }),
  });
  keep(readCommits.trees, MOST_TREES, key, tree);
  return tree;
}

/** From the commit's message, or from its tree where they were too many for a message. */
async function changesOf(
  ports: ReadProposalsPorts,
  where: ProposalRepository,
  { request, commit, memory }: UnreadProposal,
): Promise<readonly ProposedChange[]> {
  if (memory.changes !== undefined) return memory.changes;
  const known = ports.readCommits.changes.get(commit.oid);
  if (known !== undefined) return known;
  const base = commit.parents.at(-1);
  if (base === undefined) return [];
  const refName = `refs/pull/${request.number}/head`;
  const changes = await readChanges(ports, where, { base, oid: commit.oid, refName });
  keep(ports.readCommits.changes, MOST_CHANGES, commit.oid, changes);
  return changes;
}

/** None where the trees cannot be read for good: one such pull request does not stop all others. */
async function readChanges(
  ports: ReadProposalsPorts,
  where: ProposalRepository,
  { base, oid, refName }: { readonly base: string; readonly oid: string; readonly refName: string },
): Promise<readonly ProposedChange[]> {
  try {
    const before = await fetchCommitTree(ports, where, { oid: base, refName });
    const after = await fetchCommitTree(ports, where, { oid, refName });
    return changesBetween(before, after);
  } catch (error) {
    if (dispositionOf(error) === 'retry') throw error;
    return [];
  }
}

/** Keeps the newest so many. */
function keep<T>(map: Map<string, T>, most: number, key: string, value: T): void {
  for (const oldest of map.keys()) {
    if (map.size < most) break;
    map.delete(oldest);
  }
  map.set(key, value);
}
