import { mergeWhatIsReady } from '../auto-merge.ts';
import type { Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, gitDirectory, nextId, nodeId, timestamp } from '../core.ts';
import { readCommit } from '../git-objects.ts';
import { answerPage, linkHeader, pageOf } from '../paginate.ts';
import { unprocessable } from '../problem.ts';
import { textOf } from '../read-body.ts';
import { showLogin } from '../show-account.ts';
import { showRepository } from '../show-repository.ts';
import type { Repository, Status } from '../state.ts';
import { checkLength } from '../text-bounds.ts';
import { onRepository } from './route.ts';

const MAX_PER_CONTEXT = 1000;

async function commitSha(exchange: Exchange, repository: Repository, name: string): Promise<string> {
  const directory = gitDirectory(exchange.core, repository);
  const branch = /^[0-9a-f]{40}$/.test(name) ? null : await readCommit(directory, `refs/heads/${name}`);
  const commit = branch ?? (await readCommit(directory, name));
  if (commit === null) throw unprocessable(`No commit found for SHA: ${name}`);
  return commit.sha;
}

function statusesOf(exchange: Exchange, repository: Repository, sha: string): Status[] {
  const all = exchange.core.state.statuses.filter((one) => one.repositoryId === repository.id && one.sha === sha);
  return all.toReversed();
}

function showStatus(exchange: Exchange, repository: Repository, status: Status): Record<string, unknown> {
  const api = `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}`;
  return {
    url: `${api}/statuses/${status.sha}`,
    avatar_url: null,
    id: status.id,
    node_id: nodeId('StatusContext', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: status.createdAt,
    updated_at: status.createdAt,
  };
}

function showCreated(exchange: Exchange, repository: Repository, status: Status): Record<string, unknown> {
  return { ...showStatus(exchange, repository, status), creator: showLogin(exchange.core, status.creator) };
}

async function createStatus(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const sha = await commitSha(exchange, repository, exchange.params['sha'] ?? '');
  const context = textOf(body, 'context') ?? 'default';
  const description = textOf(body, 'description') ?? null;
  checkLength('statusContext', context);
  checkLength('statusDescription', description);
  const known = statusesOf(exchange, repository, sha).filter((one) => one.context === context);
  if (known.length >= MAX_PER_CONTEXT) {
    const message = 'This SHA and context has reached the maximum number of statuses.';
    throw unprocessable('Validation Failed', [{ resource: 'Status', code: 'custom', message }]);
  }
  const status: Status = {
    id: nextId(core),
    repositoryId: repository.id,
    sha,
    context,
    state: textOf(body, 'state') ?? 'pending',
    description,
    targetUrl: textOf(body, 'target_url') ?? null,
    createdAt: timestamp(core),
    creator: actingAccount(core, exchange.actor).login,
  };
  core.state.statuses.push(status);
  await mergeWhatIsReady(core, repository);
  return { status: 201, body: showCreated(exchange, repository, status) };
}

async function combineStatuses(exchange: Exchange, repository: Repository) {
  const sha = await commitSha(exchange, repository, exchange.params['ref'] ?? '');
  const all = statusesOf(exchange, repository, sha);
  const latest = all.filter((status, at) => all.findIndex((other) => other.context === status.context) === at);
  const failed = latest.some((status) => status.state === 'failure' || status.state === 'error');
  const passed = latest.length > 0 && latest.every((status) => status.state === 'success');
  const { page, perPage } = pageOf(exchange.query);
  const shown = latest.slice((page - 1) * perPage, page * perPage);
  const api = `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}/commits/${sha}`;
  return {
    status: 200,
    headers: linkHeader(exchange, latest.length),
    body: {
      state: failed ? 'failure' : passed ? 'success' : 'pending',
      statuses: shown.map((status) => showStatus(exchange, repository, status)),
      sha,
      total_count: latest.length,
      repository: showRepository(exchange.core, repository),
      commit_url: api,
      url: `${api}/status`,
    },
  };
}

/** Commit statuses. */
export const statusRoutes: readonly Route[] = [
  onRepository('POST', '/statuses/{sha}', { statuses: 'write' }, createStatus),
  onRepository('GET', '/commits/{ref}/statuses', { statuses: 'read' }, async (exchange, repository) => {
    const sha = await commitSha(exchange, repository, exchange.params['ref'] ?? '');
    const all = statusesOf(exchange, repository, sha);
    return await answerPage(exchange, all, (status) => showCreated(exchange, repository, status));
  }),
  onRepository('GET', '/commits/{ref}/status', { statuses: 'read' }, combineStatuses),
];
