import type { Core } from './core.ts';
import { apiUrl, gitDirectory, nodeId } from './core.ts';
import { diffFiles, listCommits, mergeBase, mergeTrees } from './git-history.ts';
import { readRef } from './git-refs.ts';
import { judgeMerge } from './judge-merge.ts';
import { showLogin } from './show-account.ts';
import { showRepository } from './show-repository.ts';
import type { Label, Pull, Repository } from './state.ts';

/** A label of a pull request. */
export function showLabel(core: Core, repository: Repository, label: Label): Record<string, unknown> {
  return {
    id: label.id,
    node_id: nodeId('Label', label.id),
    url: `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    description: '',
    color: label.color,
    default: false,
  };
}

/** How the author of a pull request or comment stands to the repository. */
export function associationOf(core: Core, repository: Repository, login: string): string {
  if (login.toLowerCase() === repository.owner.toLowerCase()) return 'OWNER';
  return core.state.accounts.some((one) => one.login === login && one.type === 'Bot') ? 'NONE' : 'COLLABORATOR';
}

/** The base commit of a pull request: where its branch is now, or was when the pull request was closed. */
export async function baseShaOf(core: Core, repository: Repository, pull: Pull): Promise<string> {
  if (pull.state === 'closed') return pull.baseSha;
  return (await readRef(gitDirectory(core, repository), `refs/heads/${pull.base}`))?.sha ?? pull.baseSha;
}

function showAutoMerge(core: Core, { autoMerge, title, number }: Pull): Record<string, unknown> | null {
  if (autoMerge === null) return null;
  const { by, method } = autoMerge;
  return {
    enabled_by: showLogin(core, by),
    merge_method: method,
    commit_title: `${title} (#${number})`,
    commit_message: '',
  };
}

/** A pull request as lists answer it. */
export async function showListedPull(core: Core, repository: Repository, pull: Pull): Promise<Record<string, unknown>> {
  const api = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}`;
  const html = `${core.url}/${repository.owner}/${repository.name}/pull/${pull.number}`;
  const links = {
    self: `${api}/pulls/${pull.number}`,
    html,
    issue: `${api}/issues/${pull.number}`,
    comments: `${api}/issues/${pull.number}/comments`,
    review_comments: `${api}/pulls/${pull.number}/comments`,
    review_comment: `${api}/pulls/comments{/number}`,
    commits: `${api}/pulls/${pull.number}/commits`,
    statuses: `${api}/statuses/${pull.headSha}`,
  };
  const side = (ref: string, sha: string): Record<string, unknown> => ({
    label: `${repository.owner}:${ref}`,
    ref,
    sha,
    user: showLogin(core, repository.owner),
    repo: showRepository(core, repository),
  });
  return {
    url: links.self,
    id: pull.id,
    node_id: nodeId('PullRequest', pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: links.issue,
    commits_url: links.commits,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    comments_url: links.comments,
    statuses_url: links.statuses,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: showLogin(core, pull.user),
    body: pull.body,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeCommitSha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: pull.labels.map((label) => showLabel(core, repository, label)),
    milestone: null,
    draft: pull.draft,
    head: side(pull.head, pull.headSha),
    base: side(pull.base, await baseShaOf(core, repository, pull)),
    _links: Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    author_association: associationOf(core, repository, pull.user),
    auto_merge: showAutoMerge(core, pull),
    active_lock_reason: null,
  };
}

/** A pull request on its own page, with whether it can be merged. */
export async function showPull(core: Core, repository: Repository, pull: Pull): Promise<Record<string, unknown>> {
  const directory = gitDirectory(core, repository);
  const base = await baseShaOf(core, repository, pull);
  const from = (await mergeBase(directory, base, pull.headSha)) ?? base;
  const files = await diffFiles(directory, from, pull.headSha);
  const commits = await listCommits(directory, pull.headSha, [base]);
  const state = await judgeMerge(core, repository, pull);
  const open = pull.state === 'open';
  const isMergeable = open ? 'tree' in (await mergeTrees(directory, base, pull.headSha)) : null;
  return {
    ...(await showListedPull(core, repository, pull)),
    merged: pull.mergedAt !== null,
    mergeable: isMergeable,
    rebaseable: isMergeable,
    mergeable_state: state,
    merged_by: showLogin(core, pull.mergedBy),
    comments: core.state.comments.filter((one) => one.repositoryId === repository.id && one.number === pull.number)
      .length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: commits.length,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    changed_files: files.length,
  };
}
