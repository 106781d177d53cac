import { Octokit } from '@octokit/core';

/** A pull request as a person sees it in the list. */
export interface PullSummary {
  readonly number: number;
  readonly title: string;
  readonly state: string;
  readonly branch: string;
  readonly author: string;
  readonly headSha: string;
}

/** A file of a pull request; `patch` as GitHub shows it. */
export interface PullFile {
  readonly path: string;
  readonly additions: number;
  readonly deletions: number;
  readonly patch: string;
}

/** A change that a person proposes; null takes a file away. */
export interface Proposal {
  readonly branch: string;
  readonly title: string;
  readonly files: Readonly<Record<string, string | null>>;
}

/** Somebody who works on a repository through GitHub's API. */
export interface RepositoryUser {
  /** Every pull request, open and closed, oldest first. */
  listPulls(): Promise<readonly PullSummary[]>;
  readFiles(pull: number): Promise<readonly PullFile[]>;
  /** @returns the merge commit. */
  merge(pull: number): Promise<string>;
  /** Commits to a new branch on the default branch's head and opens a pull request. */
  propose(proposal: Proposal): Promise<number>;
  /** A file as it was before a commit. */
  readBefore(commit: string, path: string): Promise<string>;
  /** The state of each context on a commit, and what it says. */
  readStatuses(commit: string): Promise<ReadonlyMap<string, { readonly state: string; readonly description: string }>>;
  readHead(): Promise<string>;
}

/** Lets the owner of a token work on a repository. */
export function actAsUser(connection: {
  readonly apiUrl: string;
  readonly token: string;
  readonly owner: string;
  readonly repo: string;
  readonly branch: string;
}): RepositoryUser {
  const { owner, repo, branch } = connection;
  const at = { owner, repo } as const;
  const octokit = new Octokit({ baseUrl: connection.apiUrl, auth: connection.token });

  const readHead = async (): Promise<string> => {
    const { data } = await octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', {
      ...at,
      ref: `heads/${branch}`,
    });
    return data.object.sha;
  };

  const writeTree = async (base: string, files: Proposal['files']): Promise<string> => {
    const tree = Object.entries(files).map(([path, content]) => {
      const entry = { path, mode: '100644', type: 'blob' } as const;
      return content === null ? { ...entry, sha: null } : { ...entry, content };
    });
    const { data } = await octokit.request('POST /repos/{owner}/{repo}/git/trees', { ...at, base_tree: base, tree });
    return data.sha;
  };

  return {
    readHead,
    listPulls: async () => {
      const query = { ...at, state: 'all', sort: 'created', direction: 'asc', per_page: 100 } as const;
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls', query);
      return data.map((pull) => ({
        number: pull.number,
        title: pull.title,
        state: pull.state,
        branch: pull.head.ref,
        author: pull.user?.login ?? '',
        headSha: pull.head.sha,
      }));
    },
    readFiles: async (pull) => {
      const wanted = { ...at, pull_number: pull, per_page: 100 };
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}/files', wanted);
      return data.map(({ filename, additions, deletions, patch = '' }) => ({
        path: filename,
        additions,
        deletions,
        patch,
      }));
    },
    merge: async (pull) => {
      const wanted = { ...at, pull_number: pull, merge_method: 'merge' } as const;
      const { data } = await octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', wanted);
      return data.sha;
    },
    propose: async (proposal) => {
      const head = await readHead();
      const tree = await writeTree(head, proposal.files);
      const commit = { ...at, message: proposal.title, tree, parents: [head] };
      const { data: made } = await octokit.request('POST /repos/{owner}/{repo}/git/commits', commit);
      const ref = { ...at, ref: `refs/heads/${proposal.branch}`, sha: made.sha };
      await octokit.request('POST /repos/{owner}/{repo}/git/refs', ref);
      const wanted = { ...at, title: proposal.title, head: proposal.branch, base: branch };
      const { data: opened } = await octokit.request('POST /repos/{owner}/{repo}/pulls', wanted);
      return opened.number;
    },
    readBefore: async (commit, path) => {
      const wanted = { ...at, commit_sha: commit };
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', wanted);
      const [parent] = data.parents;
      if (parent === undefined) throw new Error(`commit ${commit} has no parent`);
      const tree = { ...at, tree_sha: parent.sha, recursive: '1' };
      const { data: listing } = await octokit.request('GET /repos/{owner}/{repo}/git/trees/{tree_sha}', tree);
      const sha = listing.tree.find((entry) => entry.path === path)?.sha;
      if (sha === undefined) throw new Error(`${path} was not there before ${commit}`);
      const { data: blob } = await octokit.request('GET /repos/{owner}/{repo}/git/blobs/{file_sha}', {
        ...at,
        file_sha: sha,
      });
      return Buffer.from(blob.content, 'base64').toString('utf8');
    },
    readStatuses: async (commit) => {
      const wanted = { ...at, ref: commit, per_page: 100 };
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/status', wanted);
      return new Map(
        data.statuses.map((status) => [status.context, { state: status.state, description: status.description ?? '' }]),
      );
    },
  };
}
