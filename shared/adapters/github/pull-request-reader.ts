import type { Octokit } from '@octokit/core';
import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { ChangeRequest, RepositoryId } from '#shared/ports/change-host.ts';

import { unreadableAnswer } from './unreadable-answer.ts';

const PAGE = 50;
const MAX_PAGES = 200;
/** After so many readings that were cut off, it starts anew. */
const MAX_GAPS = 20;
/** Who may write to a repository, as GitHub says of the author of a comment. */
const WRITERS = ['OWNER', 'MEMBER', 'COLLABORATOR'];

/** Newest changes first, so that a process that has read the rest before stops at the first page that it knows. */
const LIST = `query ($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(first: $first, after: $after, orderBy: { field: UPDATED_AT, direction: DESC }) {
      pageInfo { hasNextPage endCursor }
      nodes {
        number url state title body isCrossRepository
        headRefName headRefOid baseRefName createdAt updatedAt closedAt
        author { __typename login }
        mergeCommit { oid }
        commits(last: 10) { nodes { commit { oid message parents(first: 3) { nodes { oid } } } } }
        comments(last: 10) { nodes { body createdAt authorAssociation } }
      }
    }
  }
}`;

const Nodes = <T extends z.ZodType>(node: T) => z.object({ nodes: z.array(node.nullable()).nullable() });
const PullRequest = z.object({
  number: z.number().int(),
  url: z.string(),
  state: z.enum(['OPEN', 'CLOSED', 'MERGED']),
  title: z.string(),
  body: z.string(),
  isCrossRepository: z.boolean(),
  headRefName: z.string(),
  headRefOid: z.string(),
  baseRefName: z.string(),
  author: z.object({ __typename: z.string(), login: z.string() }).nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
  closedAt: z.string().nullable(),
  mergeCommit: z.object({ oid: z.string() }).nullable(),
  commits: Nodes(
    z.object({
      commit: z.object({ oid: z.string(), message: z.string(), parents: Nodes(z.object({ oid: z.string() })) }),
    }),
  ),
  comments: Nodes(z.object({ body: z.string(), createdAt: z.string(), authorAssociation: z.string() })),
});
const Page = z.object({
  repository: z.object({
    pullRequests: z.object({
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
      nodes: z.array(PullRequest.nullable()).nullable(),
    }),
  }),
});

/** Reads the pull requests of repositories, and from the second time on only those that changed. */
export interface PullRequestReader {
  /**
   * @param login ours, as REST spells it: `tidegate[bot]` for an App.
   * @throws what Octokit throws; TidegateError `GitOperationFailed` (retry) for an answer that cannot be read.
   */
  list(octokit: Octokit, repository: RepositoryId, login: string): Promise<readonly ChangeRequest[]>;
}

/** What is known of a repository's pull requests. */
interface Listing {
  readonly requests: Map<number, ChangeRequest>;
  /** When those from forks, which are nobody's concern here, were changed: a page of them is known or news like any other. */
  readonly forks: Map<number, string>;
  /** Where reading was cut off, the newest last. */
  readonly gaps: Gap[];
}

/** What lies below a place in the list and was not read yet. */
interface Gap {
  after: string | null;
  /** Below the first page that is known everything is: so it is unless the repository was never read to its end. */
  readonly endsAtKnown: boolean;
}

/** Opens a reader with an empty memory. */
export function createPullRequestReader(): PullRequestReader {
  const known = new Map<string, Listing>();
  const turns = new Map<string, Promise<unknown>>();

  async function read(octokit: Octokit, repository: RepositoryId, login: string): Promise<readonly ChangeRequest[]> {
    const key = keyOf(repository);
    const before = known.get(key);
    const isToGoOn = before !== undefined && before.gaps.length <= MAX_GAPS;
    const listing: Listing = isToGoOn ? before : { requests: new Map(), forks: new Map(), gaps: [] };
    if (listing.gaps.at(-1)?.after !== null) listing.gaps.push({ after: null, endsAtKnown: isToGoOn });
    known.set(key, listing);
    await fillGaps(octokit, { repository, login }, listing);
    return [...listing.requests.values()].sort((one, other) => other.number - one.number);
  }

  return {
    list(octokit, repository, login) {
      // One after the other: what one has read is no news to the next, which would end there.
      const before = turns.get(keyOf(repository)) ?? Promise.resolve();
      const turn = before.catch(() => undefined).then(() => read(octokit, repository, login));
      turns.set(keyOf(repository), turn);
      return turn;
    },
  };
}

function keyOf({ owner, name }: RepositoryId): string {
  return `${owner}/${name}`;
}

/** Reads from the top, then from where reading was cut off before. What was read stays when it is cut off here. */
async function fillGaps(
  octokit: Octokit,
  { repository, login }: { readonly repository: RepositoryId; readonly login: string },
  listing: Listing,
): Promise<void> {
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const gap = listing.gaps.at(-1);
    if (gap === undefined) return;
    const answer: unknown = await octokit.graphql(LIST, { ...repository, first: PAGE, after: gap.after });
    const parsed = Page.safeParse(answer);
    if (!parsed.success) throw unreadableAnswer('pull requests');
    const { pageInfo, nodes } = parsed.data.repository.pullRequests;
    // Two changes may fall into one second, so the page is known only if none of it is news.
    const isKnown = present(nodes).filter((node) => learn(listing, node, login)).length === 0;
    if ((gap.endsAtKnown && isKnown) || !pageInfo.hasNextPage) listing.gaps.pop();
    else gap.after = pageInfo.endCursor;
  }
  // What lies further back than this was decided long ago.
  listing.gaps.length = 0;
}

/** @returns whether it is news. */
function learn({ requests, forks }: Listing, node: z.infer<typeof PullRequest>, login: string): boolean {
  if (node.isCrossRepository) {
    const isNews = forks.get(node.number) !== node.updatedAt;
    forks.set(node.number, node.updatedAt);
    return isNews;
  }
  const request = toChangeRequest(node, login);
  const isNews = !isSame(requests.get(node.number), request);
  requests.set(node.number, request);
  return isNews;
}

function toChangeRequest(node: z.infer<typeof PullRequest>, login: string): ChangeRequest {
  const { number, url, title, body, createdAt, updatedAt, closedAt, mergeCommit } = node;
  const openedAs = openedByUs(node.author, login);
  return {
    number,
    url,
    title,
    body,
    createdAt,
    updatedAt,
    ...defined({ openedAs }),
    state: node.state === 'OPEN' ? 'open' : node.state === 'MERGED' ? 'merged' : 'closed',
    head: { branch: node.headRefName, oid: node.headRefOid },
    base: node.baseRefName,
    commits: present(node.commits.nodes).map(({ commit }) => ({
      oid: commit.oid,
      message: commit.message,
      parents: present(commit.parents.nodes).map(({ oid }) => oid),
    })),
    comments: present(node.comments.nodes)
      .filter(({ authorAssociation }) => WRITERS.includes(authorAssociation))
      .map(({ body: text, createdAt: at }) => ({ text, at })),
    ...(closedAt === null ? {} : { closedAt }),
    ...(mergeCommit === null ? {} : { mergeCommit: mergeCommit.oid }),
  };
}

/** GraphQL leaves out the `[bot]` that REST has in the login of an App. */
function openedByUs(author: z.infer<typeof PullRequest>['author'], login: string): ChangeRequest['openedAs'] {
  if (author === null) return undefined;
  if (author.__typename === 'Bot') return `${author.login.replace(/\[bot\]$/u, '')}[bot]` === login ? 'app' : undefined;
  return author.login === login ? 'user' : undefined;
}

function isSame(before: ChangeRequest | undefined, now: ChangeRequest): boolean {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(now);
}

function present<T>(nodes: readonly (T | null)[] | null): readonly T[] {
  return (nodes ?? []).filter((node): node is T => node !== null);
}
