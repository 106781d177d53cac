import type { Octokit } from '@octokit/core';
import { z } from 'zod';

import type { ChangeRequest, RepositoryId } from '#shared/ports/change-host.ts';

import { unreadableAnswer } from './unreadable-answer.ts';

const PAGE = 50;
const MAX_PAGES = 200;
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

/** Opens a reader with an empty memory. */
export function createPullRequestReader(): PullRequestReader {
  const known = new Map<string, ReadonlyMap<number, ChangeRequest>>();

  return {
    async list(octokit, repository, login) {
      const key = `${repository.owner}/${repository.name}`;
      const before = known.get(key);
      const changed = await readChanged(octokit, { repository, login }, before);
      const all = new Map([...(before ?? []), ...changed]);
      known.set(key, all);
      return [...all.values()].sort((one, other) => other.number - one.number);
    },
  };
}

async function readChanged(
  octokit: Octokit,
  { repository, login }: { readonly repository: RepositoryId; readonly login: string },
  before: ReadonlyMap<number, ChangeRequest> | undefined,
): Promise<ReadonlyMap<number, ChangeRequest>> {
  const found = new Map<number, ChangeRequest>();
  let after: string | null = null;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const answer: unknown = await octokit.graphql(LIST, { ...repository, first: PAGE, after });
    const parsed = Page.safeParse(answer);
    if (!parsed.success) throw unreadableAnswer('pull requests');
    const { pageInfo, nodes } = parsed.data.repository.pullRequests;
    const own = (nodes ?? []).filter((node) => node !== null && !node.isCrossRepository);
    const requests = own.map((node) => toChangeRequest(node as z.infer<typeof PullRequest>, login));
    for (const request of requests) found.set(request.number, request);
    // Two changes may fall into one second, so the page is known only if none of it is news.
    const isKnown = requests.every((request) => isSame(before?.get(request.number), request));
    if ((before !== undefined && isKnown) || !pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
  return found;
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
    ...(openedAs === undefined ? {} : { openedAs }),
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
