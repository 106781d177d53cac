import type { Octokit } from '@octokit/core';

import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { ChangeHost, ChangeRequest, RepositoryId } from '#shared/ports/change-host.ts';

import type { GitHubClient, GitHubPermissions } from './github-client.ts';
import { statusOf, toTidegateError } from './to-tidegate-error.ts';

const NO_OID = '0'.repeat(40);
const PAGE = 100;
const MAX_PAGES = 20;
const READ: GitHubPermissions = { contents: 'read', pull_requests: 'read' };
const WRITE_CONTENTS: GitHubPermissions = { contents: 'write' };
const WRITE_PULLS: GitHubPermissions = { contents: 'read', pull_requests: 'write' };
/** Committer of what GitHub itself signs. */
const GITHUB_COMMITTER = 'web-flow';

const UPDATE_REFS = `mutation ($repositoryId: ID!, $refUpdates: [RefUpdate!]!) {
  updateRefs(input: { repositoryId: $repositoryId, refUpdates: $refUpdates }) { clientMutationId }
}`;

interface Pull {
  readonly number: number;
  readonly html_url: string;
  readonly state: string;
  readonly title: string;
  readonly body: string | null;
  /** `repo` is null when the fork that it was is deleted. */
  readonly head: { readonly ref: string; readonly sha: string; readonly repo: { readonly id: number | bigint } | null };
  readonly base: { readonly ref: string; readonly repo: { readonly id: number | bigint } };
  readonly merged_at: string | null;
  readonly merge_commit_sha: string | null;
  readonly updated_at: string;
}

/**
 * Proposes changes on GitHub. Commits are made through the API, so GitHub signs those of an App; refs move by
 * compare-and-swap on the server. A write whose answer was lost is looked up before it counts as failed.
 */
export function createGitHubChangeHost(client: GitHubClient): ChangeHost {
  const nodeIds = new Map<string, string>();

  async function request<T>(
    repository: RepositoryId,
    permissions: GitHubPermissions,
    what: string,
    run: (octokit: Octokit, where: { owner: string; repo: string }) => Promise<T>,
  ): Promise<T> {
    try {
      const octokit = await client.forRepository(repository, permissions);
      return await run(octokit, { owner: repository.owner, repo: repository.name });
    } catch (error) {
      throw toTidegateError(error, `${repository.owner}/${repository.name}: ${what}`);
    }
  }

  async function nodeIdOf(repository: RepositoryId): Promise<string> {
    const key = keyOf(repository);
    const known = nodeIds.get(key);
    if (known !== undefined) return known;
    const id = await request(repository, READ, 'repository', async (octokit, where) => {
      return (await octokit.request('GET /repos/{owner}/{repo}', where)).data.node_id;
    });
    nodeIds.set(key, id);
    return id;
  }

  function readBranch(repository: RepositoryId, branch: string): Promise<string | undefined> {
    return request(repository, READ, `branch ${branch}`, async (octokit, where) => {
      try {
        const { data } = await octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', {
          ...where,
          ref: `heads/${branch}`,
        });
        return readOid(data.object.sha);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  function listChangeRequests(
    repository: RepositoryId,
    filter: { readonly head: string; readonly base: string },
    state: 'all' | 'open' = 'all',
  ): Promise<readonly ChangeRequest[]> {
    return request(repository, READ, `pull requests from ${filter.head}`, async (octokit, where) => {
      const found: ChangeRequest[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls', {
          ...where,
          state,
          head: `${where.owner}:${filter.head}`,
          base: filter.base,
          sort: 'created',
          direction: 'desc',
          per_page: PAGE,
          page,
        });
        // GitHub ignores a head that it cannot read, and then lists everything; and the owner may have forks of their own.
        const own = data.filter(({ head, base }) => head.ref === filter.head && head.repo?.id === base.repo.id);
        found.push(...own.map(toChangeRequest));
        if (data.length < PAGE) break;
      }
      return found;
    });
  }

  return {
    readBranch,

    listChangeRequests: (repository, filter) => listChangeRequests(repository, filter),

    listCommits(repository, { base, head }) {
      return request(repository, READ, `commits of ${head}`, async (octokit, where) => {
        const login = await client.login();
        const commits: { oid: string; message: string; ours: boolean }[] = [];
        for (let page = 1; page <= MAX_PAGES; page += 1) {
          const { data } = await octokit.request('GET /repos/{owner}/{repo}/compare/{basehead}', {
            ...where,
            basehead: `${base}...${head}`,
            per_page: PAGE,
            page,
          });
          commits.push(
            ...data.commits.map(({ sha, commit, author, committer }) => ({
              oid: sha,
              message: commit.message,
              ours:
                loginOf(author) === login &&
                (committer === null
                  ? commit.committer?.email === commit.author?.email
                  : [login, GITHUB_COMMITTER].includes(loginOf(committer) ?? '')),
            })),
          );
          if (data.commits.length < PAGE || commits.length >= data.total_commits) break;
        }
        return commits;
      });
    },

    createCommit(repository, { parent, message, files }) {
      return request(repository, WRITE_CONTENTS, 'commit', async (octokit, where) => {
        const base = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
          ...where,
          commit_sha: parent,
        });
        const tree = [];
        for (const file of files) {
          const entry = {
            path: file.path,
            mode: file.executable === true ? '100755' : '100644',
            type: 'blob',
          } as const;
          const text = asText(file.content);
          // Text travels inside the tree; anything else needs a blob of its own.
          if (text === undefined) {
            const content = Buffer.from(file.content).toString('base64');
            const blob = await octokit.request('POST /repos/{owner}/{repo}/git/blobs', {
              ...where,
              content,
              encoding: 'base64',
            });
            tree.push({ ...entry, sha: readOid(blob.data.sha) });
          } else {
            tree.push({ ...entry, content: text });
          }
        }
        const written = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
          ...where,
          base_tree: base.data.tree.sha,
          tree,
        });
        const commit = await octokit.request('POST /repos/{owner}/{repo}/git/commits', {
          ...where,
          message,
          tree: readOid(written.data.sha),
          parents: [parent],
        });
        return readOid(commit.data.sha);
      });
    },

    async moveBranch(repository, { branch, from, to }) {
      if (from === to) return 'moved';
      const repositoryId = await nodeIdOf(repository);
      const update = {
        name: `refs/heads/${branch}`,
        beforeOid: from ?? NO_OID,
        afterOid: to ?? NO_OID,
        // Allows a branch to be made anew from the base; beforeOid still has to hold.
        force: true,
      };
      try {
        const octokit = await client.forRepository(repository, WRITE_CONTENTS);
        const answer: unknown = await octokit.graphql(UPDATE_REFS, { repositoryId, refUpdates: [update] });
        if (typeof answer !== 'object' || answer === null || !('updateRefs' in answer)) throw unreadable('branch');
        return 'moved';
      } catch (error) {
        // A repository of the same name may have taken its place.
        nodeIds.delete(keyOf(repository));
        const now = await readBranch(repository, branch);
        if (now === to) return 'moved';
        if (now !== from) return 'conflict';
        throw refusedMove(error, repository, branch);
      }
    },

    async openChangeRequest(repository, wanted) {
      try {
        return await request(repository, WRITE_PULLS, `pull request from ${wanted.head}`, async (octokit, where) => {
          return toChangeRequest(
            (await octokit.request('POST /repos/{owner}/{repo}/pulls', { ...where, ...wanted })).data,
          );
        });
      } catch (error) {
        // Refused because there is one, or the answer to a request that did open it was lost.
        const [open] = await listChangeRequests(repository, wanted, 'open');
        if (open === undefined) throw error;
        return open;
      }
    },

    updateChangeRequest(repository, number, change) {
      return request(repository, WRITE_PULLS, `pull request #${number}`, async (octokit, where) => {
        const { data } = await octokit.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
          ...where,
          pull_number: number,
          ...change,
        });
        if (data.number !== number) throw unreadable('pull request');
      });
    },
  };
}

function toChangeRequest(pull: Pull): ChangeRequest {
  const merged = pull.merged_at !== null;
  return {
    number: pull.number,
    url: pull.html_url,
    state: merged ? 'merged' : pull.state === 'open' ? 'open' : 'closed',
    title: pull.title,
    body: pull.body ?? '',
    head: { branch: pull.head.ref, oid: pull.head.sha },
    base: pull.base.ref,
    updatedAt: pull.updated_at,
    ...(merged && pull.merge_commit_sha !== null ? { mergeCommit: pull.merge_commit_sha } : {}),
  };
}

function keyOf(repository: RepositoryId): string {
  return `${repository.owner}/${repository.name}`;
}

/** An object id, which is all that stands between a commit made and a branch deleted. */
function readOid(value: unknown): string {
  if (typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(value)) return value;
  throw unreadable('object id');
}

/** Octokit hands out an answer that was cut off, or the page of a proxy, as text, and calls it a success. */
function unreadable(what: string): TidegateError {
  return new TidegateError('GitOperationFailed', `GitHub's answer cannot be read: it holds no ${what}`, {
    disposition: 'retry',
  });
}

/** GitHub said no and the branch is where it was: a rule of the repository, which a person has to change. No answer: try again. */
function refusedMove(error: unknown, repository: RepositoryId, branch: string): TidegateError {
  const subject = `${repository.owner}/${repository.name}: branch ${branch}`;
  const answered = error instanceof Error && error.name === 'GraphqlResponseError';
  if (!answered) return toTidegateError(error, subject);
  if (JSON.stringify(Reflect.get(error, 'errors')).includes('"RATE_LIMITED"')) {
    return new TidegateError('RateLimited', `${subject}: GitHub's limit is used up`, {
      disposition: 'retry',
      subject,
      cause: error,
    });
  }
  return new TidegateError('GitOperationFailed', `${subject} was not moved: ${error.message.slice(0, 300)}`, {
    disposition: 'stall',
    subject,
    cause: error,
  });
}

function loginOf(account: unknown): string | undefined {
  if (typeof account !== 'object' || account === null) return undefined;
  const login: unknown = Reflect.get(account, 'login');
  return typeof login === 'string' ? login : undefined;
}

function asText(content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
