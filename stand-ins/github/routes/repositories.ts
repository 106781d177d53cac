import type { Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, gitDirectory } from '../core.ts';
import { diffFiles, listCommits, mergeBase } from '../git-history.ts';
import { readCommit, readCommits, readObject } from '../git-objects.ts';
import { listRefs, readRef } from '../git-refs.ts';
import type { TreeEntry } from '../git-trees.ts';
import { listTree } from '../git-trees.ts';
import { mergeBranch } from '../merge-pull.ts';
import { answerPage, linkHeader, pageOf } from '../paginate.ts';
import { notFound, Problem, unprocessable } from '../problem.ts';
import { textOf } from '../read-body.ts';
import { laterBranch, movedTo } from '../rename.ts';
import { showCommit } from '../show-commit.ts';
import { showFileChange } from '../show-file-change.ts';
import { showFullRepository } from '../show-repository.ts';
import type { Repository } from '../state.ts';
import { onRepository } from './route.ts';

const READ = { contents: 'read' } as const;

async function commitOf(exchange: Exchange, repository: Repository, revision: string) {
  const directory = gitDirectory(exchange.core, repository);
  const branch = await readRef(directory, `refs/heads/${revision}`);
  // Only names and hashes: git's own expressions (HEAD~1, :/text) are no part of the API.
  if (branch === null && /[~^:@{}\\ ]/.test(revision)) return null;
  return await readCommit(directory, branch?.sha ?? revision);
}

async function showBranch(exchange: Exchange, repository: Repository) {
  const name = exchange.params['branch'] ?? '';
  const ref = await readRef(gitDirectory(exchange.core, repository), `refs/heads/${name}`);
  const commit = ref === null ? null : await readCommit(gitDirectory(exchange.core, repository), ref.sha);
  if (commit === null) {
    const later = laterBranch(repository, name);
    if (later === null) throw new Problem(404, 'Branch not found');
    throw movedTo(exchange.core, repository, 'GET', `/branches/${encodeURIComponent(later)}`);
  }
  const url = `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}/branches/${encodeURIComponent(name)}`;
  return {
    status: 200,
    body: {
      name,
      commit: showCommit(exchange.core, repository, commit),
      _links: { self: url, html: `${exchange.core.url}/${repository.owner}/${repository.name}/tree/${name}` },
      protected: false,
      protection: { enabled: false, required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] } },
      protection_url: `${url}/protection`,
    },
  };
}

async function compareCommits(exchange: Exchange, repository: Repository) {
  const { core } = exchange;
  const directory = gitDirectory(core, repository);
  const [baseName = '', headName = ''] = (exchange.params['basehead'] ?? '').split('...');
  const withoutOwner = (name: string): string => name.replace(new RegExp(`^${repository.owner}:`, 'i'), '');
  const base = await commitOf(exchange, repository, withoutOwner(baseName));
  const head = await commitOf(exchange, repository, withoutOwner(headName));
  if (base === null || head === null || core.lag.hides(repository.id, head.sha)) throw notFound();
  const from = await mergeBase(directory, base.sha, head.sha);
  const common = from === null ? null : await readCommit(directory, from);
  if (common === null) throw new Problem(404, `No common ancestor between ${baseName} and ${headName}.`);
  const ahead = (await listCommits(directory, head.sha, [base.sha])).toReversed();
  const behind = await listCommits(directory, base.sha, [head.sha]);
  const { page, perPage } = exchange.query.has('per_page') ? pageOf(exchange.query) : { page: 1, perPage: 250 };
  const commits = await readCommits(directory, ahead.slice((page - 1) * perPage, page * perPage));
  const files = await diffFiles(directory, common.sha, head.sha, true);
  const html = `${core.url}/${repository.owner}/${repository.name}/compare/${baseName}...${headName}`;
  return {
    status: 200,
    headers: exchange.query.has('per_page') ? linkHeader(exchange, ahead.length) : {},
    body: {
      url: exchange.url.href,
      html_url: html,
      permalink_url: html,
      diff_url: `${html}.diff`,
      patch_url: `${html}.patch`,
      base_commit: showCommit(core, repository, base),
      merge_base_commit: showCommit(core, repository, common),
      status:
        ahead.length > 0 ? (behind.length > 0 ? 'diverged' : 'ahead') : behind.length > 0 ? 'behind' : 'identical',
      ahead_by: ahead.length,
      behind_by: behind.length,
      total_commits: ahead.length,
      commits: commits.map((commit) => showCommit(core, repository, commit)),
      files: files.slice(0, 300).map((file) => showFileChange(core, repository, head.sha, file)),
    },
  };
}

function showEntry(exchange: Exchange, repository: Repository, entry: TreeEntry, path: string, ref: string) {
  const { core } = exchange;
  const escaped = path.split('/').map(encodeURIComponent).join('/');
  const url = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/contents/${escaped}?ref=${encodeURIComponent(ref)}`;
  const html = `${core.url}/${repository.owner}/${repository.name}/blob/${ref}/${escaped}`;
  const kind = entry.type === 'tree' ? 'tree' : 'blob';
  const git = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/git/${kind}s/${entry.sha}`;
  const type = entry.type === 'tree' ? 'dir' : entry.type === 'commit' ? 'submodule' : 'file';
  return {
    name: path.split('/').at(-1) ?? path,
    path,
    sha: entry.sha,
    size: entry.size ?? 0,
    type,
    url,
    html_url: html,
    git_url: git,
    download_url: type === 'file' ? html.replace('/blob/', '/raw/') : null,
    _links: { self: url, git, html },
  };
}

async function readContents(exchange: Exchange, repository: Repository) {
  const directory = gitDirectory(exchange.core, repository);
  const ref = exchange.query.get('ref') ?? repository.defaultBranch;
  const path = (exchange.params['path'] ?? '').replace(/\/+$/, '');
  const commit = await commitOf(exchange, repository, ref);
  if (commit === null) throw new Problem(404, `No commit found for the ref ${ref}`);
  const all = await listTree(directory, commit.tree, true);
  const entry = all.find((one) => one.path === path);
  if (entry?.type === 'tree' || path === '') {
    const prefix = path === '' ? '' : `${path}/`;
    const inside = all.filter((one) => one.path.startsWith(prefix) && !one.path.slice(prefix.length).includes('/'));
    return { status: 200, body: inside.map((one) => showEntry(exchange, repository, one, one.path, ref)) };
  }
  if (entry === undefined) throw notFound();
  const blob = await readObject(directory, entry.sha);
  if (blob === null) throw notFound();
  const content = `${blob.content.toString('base64').replace(/(.{60})/g, '$1\n')}\n`;
  return { status: 200, body: { ...showEntry(exchange, repository, entry, path, ref), content, encoding: 'base64' } };
}

async function listRepositoryCommits(exchange: Exchange, repository: Repository) {
  const directory = gitDirectory(exchange.core, repository);
  const start = await commitOf(exchange, repository, exchange.query.get('sha') ?? repository.defaultBranch);
  if (start === null) {
    const isEmpty = (await listRefs(directory)).length === 0;
    throw isEmpty ? new Problem(409, 'Git Repository is empty.') : notFound();
  }
  const path = exchange.query.get('path');
  const shas = await listCommits(directory, start.sha, [], path === null ? {} : { path });
  const { page, perPage } = pageOf(exchange.query);
  const commits = await readCommits(directory, shas.slice((page - 1) * perPage, page * perPage));
  return {
    status: 200,
    body: commits.map((commit) => showCommit(exchange.core, repository, commit)),
    headers: linkHeader(exchange, shas.length),
  };
}

async function merge(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const base = textOf(body, 'base') ?? '';
  const head = textOf(body, 'head') ?? '';
  const commit = await commitOf(exchange, repository, head);
  if (commit === null) throw new Problem(404, 'Head does not exist');
  const message = textOf(body, 'commit_message') ?? `Merge ${head} into ${base}`;
  const actor = actingAccount(core, exchange.actor);
  const sha = await mergeBranch(core, repository, actor, { base, head: commit.sha, message, isBound: true });
  if (sha === null) return { status: 204 };
  const made = await readCommit(gitDirectory(core, repository), sha);
  if (made === null) throw notFound();
  return { status: 201, body: showCommit(core, repository, made) };
}

/** Repositories, their branches, commits and files. */
export const repositoryRoutes: readonly Route[] = [
  onRepository('GET', '', { metadata: 'read' }, (exchange, repository) => ({
    status: 200,
    body: showFullRepository(exchange.core, repository),
  })),
  onRepository('GET', '/branches', READ, async (exchange, repository) => {
    const refs = await listRefs(gitDirectory(exchange.core, repository), ['refs/heads']);
    const url = `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}/commits`;
    return await answerPage(exchange, refs, (ref) => ({
      name: ref.name.slice('refs/heads/'.length),
      commit: { sha: ref.sha, url: `${url}/${ref.sha}` },
      protected: false,
    }));
  }),
  onRepository('GET', '/branches/{branch}', READ, showBranch),
  onRepository('POST', '/merges', { contents: 'write' }, merge),
  onRepository('GET', '/commits', READ, listRepositoryCommits),
  onRepository('GET', '/commits/{ref}', READ, async (exchange, repository) => {
    const directory = gitDirectory(exchange.core, repository);
    const commit = await commitOf(exchange, repository, exchange.params['ref'] ?? '');
    if (commit === null || exchange.core.lag.hides(repository.id, commit.sha)) {
      throw unprocessable(`No commit found for SHA: ${exchange.params['ref']}`);
    }
    const files = await diffFiles(directory, commit.parents[0] ?? null, commit.sha, true);
    const additions = files.reduce((sum, file) => sum + file.additions, 0);
    const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
    return {
      status: 200,
      body: {
        ...showCommit(exchange.core, repository, commit),
        stats: { additions, deletions, total: additions + deletions },
        files: files.slice(0, 300).map((file) => showFileChange(exchange.core, repository, commit.sha, file)),
      },
    };
  }),
  onRepository('GET', '/compare/{basehead}', READ, compareCommits),
  onRepository('GET', '/contents/{path}', READ, readContents),
];
