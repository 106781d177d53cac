import { lockRepository } from '../change-refs.ts';
import { closePull, tellPull } from '../close-pull.ts';
import type { Core, Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, gitDirectory, nextId, timestamp } from '../core.ts';
import { diffFiles, listCommits, mergeBase } from '../git-history.ts';
import { readCommits } from '../git-objects.ts';
import { readRef, updateRefs } from '../git-refs.ts';
import { mergePull } from '../merge-pull.ts';
import { answerPage } from '../paginate.ts';
import { invalidField, notFound, Problem, unprocessable } from '../problem.ts';
import { textOf } from '../read-body.ts';
import { reopenPull } from '../reopen-pull.ts';
import { showCommit } from '../show-commit.ts';
import { showFileChange } from '../show-file-change.ts';
import { baseShaOf, showListedPull, showPull } from '../show-pull.ts';
import type { Pull, Repository } from '../state.ts';
import { untouchedPull } from '../state.ts';
import { checkLength } from '../text-bounds.ts';
import { onRepository } from './route.ts';

const READ = { pull_requests: 'read' } as const;
const WRITE = { pull_requests: 'write' } as const;

function pullOf(exchange: Exchange, repository: Repository): Pull {
  const number = Number(exchange.params['pull_number']);
  const pull = exchange.core.state.pulls.find((one) => one.repositoryId === repository.id && one.number === number);
  if (pull === undefined) throw notFound();
  return pull;
}

function branchOf(repository: Repository, head: string): string | null {
  const colon = head.indexOf(':');
  if (colon === -1) return head;
  return head.slice(0, colon).toLowerCase() === repository.owner.toLowerCase() ? head.slice(colon + 1) : null;
}

async function createPull(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const directory = gitDirectory(core, repository);
  const sender = actingAccount(core, exchange.actor);
  const pull = await lockRepository(core, repository, async () => {
    const base = textOf(body, 'base') ?? '';
    const head = branchOf(repository, textOf(body, 'head') ?? '') ?? '';
    const title = textOf(body, 'title') ?? '';
    const baseSha = (await readRef(directory, `refs/heads/${base}`))?.sha;
    const headSha = (await readRef(directory, `refs/heads/${head}`))?.sha;
    if (title.trim() === '') throw invalidField('PullRequest', 'title', 'missing_field');
    checkLength('pullTitle', title);
    checkLength('pullBody', textOf(body, 'body'));
    if (headSha === undefined || core.lag.hides(repository.id, `refs/heads/${head}`)) {
      throw invalidField('PullRequest', 'head', 'invalid');
    }
    if (baseSha === undefined) throw invalidField('PullRequest', 'base', 'invalid');
    const same = core.state.pulls.find(
      (one) => one.repositoryId === repository.id && one.state === 'open' && one.head === head && one.base === base,
    );
    if (same !== undefined) {
      const message = `A pull request already exists for ${repository.owner}:${head}.`;
      throw unprocessable('Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }]);
    }
    if ((await listCommits(directory, headSha, [baseSha], { max: 1 })).length === 0) {
      const message = `No commits between ${base} and ${head}`;
      throw unprocessable('Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }]);
    }
    const now = timestamp(core);
    const number = repository.nextNumber;
    repository.nextNumber += 1;
    const made: Pull = {
      id: nextId(core),
      repositoryId: repository.id,
      number,
      user: sender.login,
      head,
      base,
      baseSha,
      headSha,
      title,
      body: textOf(body, 'body') ?? null,
      state: 'open',
      draft: body['draft'] === true,
      labels: [],
      createdAt: now,
      updatedAt: now,
      closedAt: null,
      mergedAt: null,
      mergedBy: null,
      mergeCommitSha: null,
      ...untouchedPull(),
    };
    await updateRefs(directory, [{ name: `refs/pull/${number}/head`, after: headSha }]);
    core.state.pulls.push(made);
    return made;
  });
  await tellPull(core, repository, sender, pull, 'opened');
  const url = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/pulls/${pull.number}`;
  return { status: 201, body: await showPull(core, repository, pull), headers: { location: url } };
}

async function listPulls(exchange: Exchange, repository: Repository) {
  const { core, query } = exchange;
  const state = query.get('state') ?? 'open';
  const head = query.get('head');
  const base = query.get('base');
  const sort = query.get('sort') ?? 'created';
  const ascending = (query.get('direction') ?? (sort === 'created' ? 'desc' : 'asc')) === 'asc';
  // GitHub ignores a head that is not written `owner:branch`.
  const branch = head?.includes(':') === true ? branchOf(repository, head) : undefined;
  const pulls = core.state.pulls
    .filter((one) => one.repositoryId === repository.id && (state === 'all' || one.state === state))
    .filter((one) => (branch === undefined || one.head === branch) && (base === null || one.base === base))
    .sort((one, other) =>
      sort === 'updated' && one.updatedAt !== other.updatedAt
        ? one.updatedAt.localeCompare(other.updatedAt)
        : one.number - other.number,
    );
  const ordered = ascending ? pulls : pulls.toReversed();
  return await answerPage(exchange, ordered, (pull) => showListedPull(core, repository, pull));
}

async function setState(
  exchange: Exchange,
  repository: Repository,
  pull: Pull,
  state: string | undefined,
): Promise<void> {
  const { core } = exchange;
  const sender = actingAccount(core, exchange.actor);
  if (state === undefined || state === pull.state) return;
  if (state === 'open') return await reopenPull(core, repository, sender, pull);
  closePull(core, pull, sender, await baseShaOf(core, repository, pull), null);
  await tellPull(core, repository, sender, pull, 'closed');
}

/** Refuses another base for what is closed, or where there is a twin. */
async function checkBase(core: Core, repository: Repository, pull: Pull, base: string): Promise<void> {
  if (base === pull.base) return;
  if (pull.state === 'closed') {
    const message = 'Cannot change the base branch of a closed pull request.';
    throw invalidField('PullRequest', 'base', 'invalid', message);
  }
  if ((await readRef(gitDirectory(core, repository), `refs/heads/${base}`)) === null) {
    throw invalidField('PullRequest', 'base', 'invalid');
  }
  const isTwin = (one: Pull): boolean =>
    one.repositoryId === repository.id && one.state === 'open' && one.head === pull.head && one.base === base;
  if (core.state.pulls.some(isTwin)) {
    const message = `A pull request already exists for base branch '${base}' and head branch '${pull.head}'`;
    throw invalidField('PullRequest', 'base', 'invalid', message);
  }
}

async function updatePull(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const pull = pullOf(exchange, repository);
  await lockRepository(core, repository, async () => {
    const title = textOf(body, 'title') ?? pull.title;
    const text = textOf(body, 'body') ?? pull.body;
    const base = textOf(body, 'base') ?? pull.base;
    checkLength('pullTitle', title);
    checkLength('pullBody', text);
    await checkBase(core, repository, pull, base);
    const changes = {
      ...(title === pull.title ? {} : { title: { from: pull.title } }),
      ...(text === pull.body ? {} : { body: { from: pull.body ?? '' } }),
      ...(base === pull.base ? {} : { base: { ref: { from: pull.base }, sha: { from: pull.baseSha } } }),
    };
    if (Object.keys(changes).length > 0) {
      Object.assign(pull, { title, body: text, base, updatedAt: timestamp(core) });
      await tellPull(core, repository, actingAccount(core, exchange.actor), pull, 'edited', { changes });
    }
    await setState(exchange, repository, pull, textOf(body, 'state'));
  });
  return { status: 200, body: await showPull(core, repository, pull) };
}

async function merge(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const method = textOf(body, 'merge_method') ?? 'merge';
  if (method !== 'merge' && method !== 'squash') {
    throw new Problem(405, 'Rebase merges are not allowed on this repository.');
  }
  const sha = await mergePull(core, repository, actingAccount(core, exchange.actor), pullOf(exchange, repository), {
    method,
    isBound: true,
    sha: textOf(body, 'sha'),
    title: textOf(body, 'commit_title'),
    message: textOf(body, 'commit_message'),
  });
  return { status: 200, body: { sha, merged: true, message: 'Pull Request successfully merged' } };
}

/** Pull requests. */
export const pullRoutes: readonly Route[] = [
  onRepository('POST', '/pulls', WRITE, createPull),
  onRepository('GET', '/pulls', READ, listPulls),
  onRepository('GET', '/pulls/{pull_number}', READ, async (exchange, repository) => ({
    status: 200,
    body: await showPull(exchange.core, repository, pullOf(exchange, repository)),
  })),
  onRepository('PATCH', '/pulls/{pull_number}', WRITE, updatePull),
  onRepository('PUT', '/pulls/{pull_number}/merge', { contents: 'write' }, merge),
  onRepository('GET', '/pulls/{pull_number}/merge', READ, (exchange, repository) => {
    if (pullOf(exchange, repository).mergedAt === null) throw notFound();
    return { status: 204 };
  }),
  onRepository('GET', '/pulls/{pull_number}/files', READ, async (exchange, repository) => {
    const directory = gitDirectory(exchange.core, repository);
    const pull = pullOf(exchange, repository);
    const base = await baseShaOf(exchange.core, repository, pull);
    const from = (await mergeBase(directory, base, pull.headSha)) ?? base;
    const files = await diffFiles(directory, from, pull.headSha, true);
    return await answerPage(exchange, files, (file) => showFileChange(exchange.core, repository, pull.headSha, file));
  }),
  onRepository('GET', '/pulls/{pull_number}/commits', READ, async (exchange, repository) => {
    const directory = gitDirectory(exchange.core, repository);
    const pull = pullOf(exchange, repository);
    const base = await baseShaOf(exchange.core, repository, pull);
    const commits = await readCommits(directory, (await listCommits(directory, pull.headSha, [base])).toReversed());
    return await answerPage(exchange, commits, (commit) => showCommit(exchange.core, repository, commit));
  }),
];
