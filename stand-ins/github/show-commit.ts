import type { Core } from './core.ts';
import { apiUrl, nodeId } from './core.ts';
import type { Commit, Person } from './git-objects.ts';
import { showAccount } from './show-account.ts';
import type { Account, Repository } from './state.ts';

function verification(core: Core, commit: Commit): Record<string, unknown> {
  const verifiedAt = core.state.verifiedCommits[commit.sha];
  if (verifiedAt === undefined) {
    return { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };
  }
  return { verified: true, reason: 'valid', signature: null, payload: null, verified_at: verifiedAt };
}

/** The account that a commit's e-mail address belongs to. */
export function accountOf(core: Core, person: Person): Account | undefined {
  return core.state.accounts.find((one) => one.email === person.email);
}

/** A commit as the git data endpoints answer it. */
export function showGitCommit(core: Core, repository: Repository, commit: Commit): Record<string, unknown> {
  const api = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/git`;
  const html = `${core.url}/${repository.owner}/${repository.name}/commit`;
  return {
    sha: commit.sha,
    node_id: nodeId('Commit', commit.sha),
    url: `${api}/commits/${commit.sha}`,
    html_url: `${html}/${commit.sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: commit.tree, url: `${api}/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}`, html_url: `${html}/${sha}` })),
    verification: verification(core, commit),
  };
}

/** A commit as all other endpoints answer it. */
export function showCommit(core: Core, repository: Repository, commit: Commit): Record<string, unknown> {
  const api = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}`;
  const html = `${core.url}/${repository.owner}/${repository.name}/commit`;
  const author = accountOf(core, commit.author);
  const committer = accountOf(core, commit.committer);
  return {
    sha: commit.sha,
    node_id: nodeId('Commit', commit.sha),
    commit: {
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      url: `${api}/git/commits/${commit.sha}`,
      comment_count: 0,
      verification: verification(core, commit),
    },
    url: `${api}/commits/${commit.sha}`,
    html_url: `${html}/${commit.sha}`,
    comments_url: `${api}/commits/${commit.sha}/comments`,
    author: author === undefined ? null : showAccount(core, author),
    committer: committer === undefined ? null : showAccount(core, committer),
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}`, html_url: `${html}/${sha}` })),
  };
}
