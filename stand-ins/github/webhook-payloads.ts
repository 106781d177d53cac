import type { Core } from './core.ts';
import { findAccount, nodeId } from './core.ts';
import { diffFiles, isAncestor, listCommits } from './git-history.ts';
import type { Commit } from './git-objects.ts';
import { readCommit, readCommits } from './git-objects.ts';
import { showAccount, showLogin } from './show-account.ts';
import { accountOf } from './show-commit.ts';
import { showRepository } from './show-repository.ts';
import type { Account, Repository } from './state.ts';

const ZERO = '0'.repeat(40);
const MAX_COMMITS = 2048;

/** The change of one ref that a push is told for. */
export type RefChange = { readonly name: string; readonly before: string | null; readonly after: string | null };

/** What every event of a repository carries. */
export function showContext(core: Core, repository: Repository, sender: Account): Record<string, unknown> {
  const owner = findAccount(core, repository.owner);
  return {
    repository: showRepository(core, repository),
    sender: showAccount(core, sender),
    ...(owner?.type === 'Organization' ? { organization: { ...showAccount(core, owner), description: null } } : {}),
  };
}

async function showPushed(core: Core, directory: string, html: string, commit: Commit): Promise<unknown> {
  const files = await diffFiles(directory, commit.parents[0] ?? null, commit.sha);
  const names = (wanted: readonly string[]): string[] =>
    files.filter((file) => wanted.includes(file.status)).map((file) => file.path);
  const person = (who: Commit['author']): Record<string, unknown> => {
    const account = accountOf(core, who);
    return { name: who.name, email: who.email, date: who.date, ...(account ? { username: account.login } : {}) };
  };
  const moved = files.flatMap((file) => (file.status === 'renamed' && file.previousPath ? [file.previousPath] : []));
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message.trimEnd(),
    timestamp: commit.committer.date,
    url: `${html}/commit/${commit.sha}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: names(['added', 'renamed', 'copied']),
    removed: [...names(['removed']), ...moved],
    modified: names(['modified', 'changed']),
  };
}

/** The payload of a `push` event; `known` are the commits that the repository had before. */
export async function describePush(
  core: Core,
  repository: Repository,
  directory: string,
  sender: Account,
  change: RefChange,
  known: readonly string[],
): Promise<Record<string, unknown>> {
  const { name, before, after } = change;
  const html = `${core.url}/${repository.owner}/${repository.name}`;
  const head = after === null ? null : await readCommit(directory, after);
  const excluded = before === null ? known : [before];
  const listed = head === null ? [] : await listCommits(directory, head.sha, excluded, { max: MAX_COMMITS });
  const isTag = name.startsWith('refs/tags/');
  const commits = isTag ? [] : await readCommits(directory, listed.toReversed());
  const shown = await Promise.all(commits.map((commit) => showPushed(core, directory, html, commit)));
  const context = showContext(core, repository, sender);
  const seconds = (date: string): number => Math.floor(Date.parse(date) / 1000);
  const range =
    before === null ? (after ?? '').slice(0, 12) : `${before.slice(0, 12)}...${(after ?? ZERO).slice(0, 12)}`;
  return {
    ref: name,
    before: before ?? ZERO,
    after: after ?? ZERO,
    ...context,
    repository: {
      ...showRepository(core, repository),
      created_at: seconds(repository.createdAt),
      pushed_at: seconds(repository.pushedAt),
      master_branch: repository.defaultBranch,
      stargazers: 0,
      owner: { name: repository.owner, email: null, ...showLogin(core, repository.owner) },
    },
    pusher: { name: sender.login, email: sender.email },
    created: before === null,
    deleted: after === null,
    forced: before !== null && after !== null && !(await isAncestor(directory, before, after)),
    base_ref: null,
    compare: `${html}/compare/${range}`,
    commits: shown,
    head_commit: head === null ? null : (shown.at(-1) ?? (await showPushed(core, directory, html, head))),
  };
}

/** How an event names the installation that it is sent for. */
export function showInstallationLink(id: number): Record<string, unknown> {
  return { id, node_id: nodeId('IntegrationInstallation', id) };
}
