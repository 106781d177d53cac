import type { Octokit } from '@octokit/core';

import { defined } from '#shared/common/defined.ts';
import { dispositionOf, type TidegateError } from '#shared/common/tidegate-error.ts';
import type {
  BranchCommit,
  BranchMove,
  ChangedFile,
  ChangeHost,
  HostedCommit,
  RepositoryId,
  WrittenChangeRequest,
} from '#shared/ports/change-host.ts';

import { isGraphqlError, readAnswer } from './github-answer.ts';
import type { GitHubClient, GitHubPermissions } from './github-client.ts';
import { judgeAnswer } from './judge-answer.ts';
import { createPullRequestReader } from './pull-request-reader.ts';
import { statusOf, toTidegateError } from './to-tidegate-error.ts';
import { unreadableAnswer } from './unreadable-answer.ts';

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
  readonly merged_at: string | null;
}

interface ListedCommit {
  readonly sha: string;
  readonly commit: {
    readonly message: string;
    readonly author: { readonly email?: string | null } | null;
    readonly committer: { readonly email?: string | null } | null;
  };
  readonly author: unknown;
  readonly committer: unknown;
  readonly parents: readonly { readonly sha: string }[];
}

/**
 * Proposes changes on GitHub. Commits are made through the API, so GitHub signs those of an App; refs move by
 * compare-and-swap on the server. A write whose answer was lost is looked up before it counts as failed.
 */
export function createGitHubChangeHost(client: GitHubClient): ChangeHost {
  const nodeIds = new Map<string, string>();
  const pulls = createPullRequestReader();

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
      throw toTidegateError(error, `${repository.owner}/${repository.name}: ${what}`, { permissions });
    }
  }

  async function identify(repository: RepositoryId): Promise<string> {
    const id = await request(repository, READ, 'repository', async (octokit, where) => {
      return (await octokit.request('GET /repos/{owner}/{repo}', where)).data.node_id;
    });
    nodeIds.set(keyOf(repository), id);
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

  /** The open one of a branch into a base, however many there were before. */
  function findOpen(
    repository: RepositoryId,
    { head, base }: { readonly head: string; readonly base: string },
  ): Promise<Pull | undefined> {
    return request(repository, READ, `pull requests from ${head}`, async (octokit, where) => {
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls', {
        ...where,
        state: 'open',
        head: `${where.owner}:${head}`,
        base,
        per_page: PAGE,
      });
      // GitHub ignores a head that it cannot read, and then lists everything; and the owner may have forks of their own.
      return data.find((pull) => pull.head.ref === head && pull.head.repo?.id === pull.base.repo.id);
    });
  }

  return {
    identify,

    readBranch,

    listChangeRequests(repository) {
      return request(repository, READ, 'pull requests', async (octokit) => {
        return pulls.list(octokit, repository, await client.login());
      });
    },

    listCommits(repository, number) {
      return request(repository, READ, `commits of #${number}`, async (octokit, where) => {
        const commits: HostedCommit[] = [];
        for (let page = 1; page <= MAX_PAGES; page += 1) {
          const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}/commits', {
            ...where,
            pull_number: number,
            per_page: PAGE,
            page,
          });
          commits.push(...data.map(toHostedCommit));
          if (data.length < PAGE) break;
        }
        return commits;
      });
    },

    readChangeRequest(repository, number) {
      return request(repository, READ, `pull request #${number}`, async (octokit, where) => {
        const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
          ...where,
          pull_number: number,
        });
        if (data.number !== number) throw unreadableAnswer('pull request');
        return { ...toWritten(data), behind: data.mergeable_state === 'behind' };
      });
    },

    readCommit(repository, oid) {
      return request(repository, READ, `commit ${oid}`, async (octokit, where) => {
        const { data } = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}', { ...where, ref: oid });
        return toBranchCommit(data, await client.login());
      });
    },

    compare(repository, { base, head }) {
      return request(repository, READ, `commits of ${head}`, async (octokit, where) => {
        const login = await client.login();
        const commits: BranchCommit[] = [];
        const files: ChangedFile[] = [];
        try {
          for (let page = 1; ; page += 1) {
            const { data } = await octokit.request('GET /repos/{owner}/{repo}/compare/{basehead}', {
              ...where,
              basehead: `${base}...${head}`,
              per_page: PAGE,
              page,
            });
            commits.push(...data.commits.map((commit) => toBranchCommit(commit, login)));
            // Files come with the first page only.
            if (page === 1) files.push(...(data.files ?? []).map(toChangedFile));
            const isLast = data.commits.length < PAGE || commits.length >= data.total_commits || page === MAX_PAGES;
            if (isLast) return { mergeBase: readOid(data.merge_base_commit.sha), commits, files };
          }
        } catch (error) {
          // Two histories without a common ancestor, as after a base was made anew.
          if (statusOf(error) === 404) return undefined;
          throw error;
        }
      });
    },

    async mergeIntoBranch(repository, { branch, oid, message }) {
      return request(repository, WRITE_CONTENTS, `merge into ${branch}`, async (octokit, where) => {
        try {
          const { status }: { readonly status: number } = await octokit.request('POST /repos/{owner}/{repo}/merges', {
            ...where,
            base: branch,
            head: oid,
            commit_message: message,
          });
          return status === 204 ? 'nothing-to-merge' : 'merged';
        } catch (error) {
          if (statusOf(error) === 409) return 'conflict';
          throw error;
        }
      });
    },

    createCommit(repository, { parents, message, files }) {
      return request(repository, WRITE_CONTENTS, 'commit', async (octokit, where) => {
        const base = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
          ...where,
          commit_sha: parents.at(-1) ?? parents[0],
        });
        const tree: TreeEntry[] = [];
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
        const commit = await octokit.request('POST /repos/{owner}/{repo}/git/commits', {
          ...where,
          message,
          tree:
            tree.length === 0 ? readOid(base.data.tree.sha) : await writeTree(octokit, where, base.data.tree.sha, tree),
          parents: [...parents],
        });
        return readOid(commit.data.sha);
      });
    },

    async moveBranch(repository, { branch, from, to }) {
      if (from === to) return { outcome: 'moved' };
      const repositoryId = await (nodeIds.get(keyOf(repository)) ?? identify(repository));
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
        if (typeof answer !== 'object' || answer === null || !('updateRefs' in answer)) {
          throw unreadableAnswer('branch');
        }
        return { outcome: 'moved' };
      } catch (error) {
        // A repository of the same name may have taken its place.
        nodeIds.delete(keyOf(repository));
        const failure = toTidegateError(error, `${repository.owner}/${repository.name}: branch ${branch}`, {
          permissions: WRITE_CONTENTS,
        });
        // Whoever may not write, or not now, has changed nothing.
        if (failure.disposition === 'wait' || failure.code === 'AuthenticationFailed') throw failure;
        const now = await readBranch(repository, branch);
        if (now === to) return { outcome: 'moved' };
        if (now !== from) return { outcome: 'conflict' };
        return refusalOf(error, failure);
      }
    },

    async openChangeRequest(repository, wanted) {
      try {
        return await request(repository, WRITE_PULLS, `pull request from ${wanted.head}`, async (octokit, where) => {
          const { data } = await octokit.request('POST /repos/{owner}/{repo}/pulls', { ...where, ...wanted });
          return { number: data.number, url: data.html_url };
        });
      } catch (error) {
        if (dispositionOf(error) === 'wait') throw error;
        // Refused because there is one, or the answer to a request that did open it was lost.
        const open = await findOpen(repository, wanted);
        if (open === undefined) throw error;
        return { number: open.number, url: open.html_url };
      }
    },

    updateChangeRequest(repository, number, change) {
      return request(repository, WRITE_PULLS, `pull request #${number}`, async (octokit, where) => {
        const { data } = await octokit.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
          ...where,
          pull_number: number,
          ...change,
        });
        if (data.number !== number) throw unreadableAnswer('pull request');
        return toWritten(data);
      });
    },

    comment(repository, number, body) {
      return request(repository, WRITE_PULLS, `comment on #${number}`, async (octokit, where) => {
        await octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...where,
          issue_number: number,
          body,
        });
      });
    },
  };
}

type Where = { readonly owner: string; readonly repo: string };
type TreeEntry = { readonly path: string; readonly mode: '100644' | '100755'; readonly type: 'blob' } & (
  { readonly sha: string } | { readonly content: string }
);

async function writeTree(octokit: Octokit, where: Where, base: string, tree: readonly TreeEntry[]): Promise<string> {
  const { data } = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
    ...where,
    base_tree: base,
    tree: [...tree],
  });
  return readOid(data.sha);
}

function toWritten({ state, merged_at, title, body }: Pull): WrittenChangeRequest {
  const isMerged = merged_at !== null;
  return { state: isMerged ? 'merged' : state === 'open' ? 'open' : 'closed', title, body: body ?? '' };
}

function toHostedCommit({ sha, commit, parents }: ListedCommit): HostedCommit {
  return { oid: sha, message: commit.message, parents: parents.map((parent) => parent.sha) };
}

function toBranchCommit(listed: ListedCommit, login: string): BranchCommit {
  const { commit, author, committer } = listed;
  const byHost = loginOf(committer) === GITHUB_COMMITTER;
  return {
    ...toHostedCommit(listed),
    byHost,
    ours:
      loginOf(author) === login &&
      (committer === null ? commit.committer?.email === commit.author?.email : byHost || loginOf(committer) === login),
  };
}

/** The lines of a patch without the places that they are at, which move with the lines around them. */
function toChangedFile(file: {
  readonly filename: string;
  readonly sha: string | null;
  readonly patch?: string;
}): ChangedFile {
  const lines = file.patch?.split('\n').filter((line) => /^[+-]/u.test(line));
  return { path: file.filename, oid: file.sha ?? '', ...defined({ lines }) };
}

function keyOf(repository: RepositoryId): string {
  return `${repository.owner}/${repository.name}`;
}

/** An object id, which is all that stands between a commit made and a branch deleted. */
function readOid(value: unknown): string {
  if (typeof value === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(value)) return value;
  throw unreadableAnswer('object id');
}

/** GitHub said no and the branch is where it was: a rule of the repository, in its words. No answer: try again. */
function refusalOf(error: unknown, failure: TidegateError): BranchMove {
  const answer = readAnswer(error);
  const judgment = judgeAnswer(answer, 0);
  const reason = answer.words.slice(0, 300);
  if (judgment.kind === 'rule') return { outcome: 'refused', rule: judgment.rule, reason };
  const isRefusal = isGraphqlError(error) && judgment.kind !== 'archived' && failure.disposition === 'stall';
  if (isRefusal) return { outcome: 'refused', rule: 'other', reason };
  throw failure;
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
