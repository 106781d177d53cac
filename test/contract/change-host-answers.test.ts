import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import type { ChangeHost, RepositoryId } from '#shared/ports/change-host.ts';

import { startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';

const BRANCH = 'tidegate/production/flux-system/apps';
const PAGE = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>sign in to the proxy</html>' };

let running: GitHubForTests;

beforeAll(async () => {
  running = await startGitHubForTests({ retries: 0 });
});

afterAll(async () => {
  await running.github.close();
});

describe('an answer of GitHub that is cut off, or a page of something in between', () => {
  it.each([
    ['blob', 'POST', /\/git\/blobs$/u],
    ['tree', 'POST', /\/git\/trees$/u],
    ['commit', 'POST', /\/git\/commits$/u],
    ['commit read', 'GET', /\/git\/commits\//u],
  ] as const)('never ends as a commit when it is about the %s', async (_what, method, path) => {
    for (const fault of ['truncate', PAGE] as const) {
      const { host, repository, head } = await proposed();
      running.github.faults.add({ method, path, times: 1, fault });

      const made = host.createCommit(repository, {
        parents: [head],
        message: 'm',
        files: [{ path: 'app.bin', content: Buffer.from([0, 255]) }],
      });

      await expect(made).rejects.toMatchObject({ disposition: 'retry' });
    }
  });

  it('is looked up when it is about a branch', async () => {
    const { host, repository, head } = await proposed();
    const to = await commitOn(host, repository, 'tag: v3\n');
    running.github.faults.add({ method: 'POST', path: /graphql$/u, times: 1, fault: PAGE });
    const unchanged = host.moveBranch(repository, { branch: BRANCH, from: head, to });
    await expect(unchanged).rejects.toMatchObject({ disposition: 'retry' });

    running.github.faults.add({ method: 'POST', path: /graphql$/u, times: 1, fault: 'truncate' });
    expect(await host.moveBranch(repository, { branch: BRANCH, from: head, to })).toEqual({ outcome: 'moved' });
    expect(await host.readBranch(repository, BRANCH)).toBe(to);
  });

  it('is a failure when it is about a pull request, a list or a branch that is read', async () => {
    const { host, repository, number } = await proposed();
    const failsAt = async (method: string, path: RegExp, run: () => Promise<unknown>): Promise<void> => {
      running.github.faults.add({ method, path, times: 1, fault: PAGE });
      await expect(run()).rejects.toMatchObject({ disposition: 'retry' });
    };

    await failsAt('PATCH', /\/pulls\//u, () => host.updateChangeRequest(repository, number, { body: 'b' }));
    await failsAt('GET', /\/pulls\//u, () => host.readChangeRequest(repository, number));
    await failsAt('POST', /graphql$/u, () => host.listChangeRequests(repository));
    await failsAt('GET', /\/git\/ref\//u, () => host.readBranch(repository, BRANCH));
    await failsAt('GET', /\/compare\//u, () => host.compare(repository, { base: 'main', head: BRANCH }));
  });
});

describe('the pull requests of our branch', () => {
  it('are not those that a fork opens from a branch of the same name', async () => {
    const { repository, number } = await proposed();
    const client = createGitHubClient({
      ...running.clientOptions,
      settings: { ...running.clientOptions.settings, apiUrl: await forge() },
    });

    const listed = await createGitHubChangeHost(client).listChangeRequests(repository);

    expect(listed.map((request) => request.number)).toEqual([number]);
  });
});

describe('a commit of ours that a person amended', () => {
  it('is theirs, also when GitHub knows no account for their address', async () => {
    const { host, repository, head } = await proposed();
    const octokit = await running.client.forRepository(repository, { contents: 'write' });
    const where = { owner: repository.owner, repo: repository.name };
    const ours = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
      ...where,
      commit_sha: head,
    });
    const amended = await octokit.request('POST /repos/{owner}/{repo}/git/commits', {
      ...where,
      message: ours.data.message,
      tree: ours.data.tree.sha,
      parents: ours.data.parents.map(({ sha }) => sha),
      author: ours.data.author,
      committer: { name: 'Ada', email: 'ada@laptop.invalid' },
    });

    const comparison = await host.compare(repository, { base: 'main', head: amended.data.sha });

    expect(comparison?.commits.map((commit) => commit.ours)).toEqual([false]);
  });
});

/** A repository with our open pull request. */
async function proposed(): Promise<{ host: ChangeHost; repository: RepositoryId; head: string; number: number }> {
  const host = createGitHubChangeHost(running.client);
  const repository = await running.createRepository({ 'app.yaml': 'tag: v1\n' });
  const head = await commitOn(host, repository, 'tag: v2\n');
  await host.moveBranch(repository, { branch: BRANCH, from: undefined, to: head });
  const { number } = await host.openChangeRequest(repository, { head: BRANCH, base: 'main', title: 't', body: 'b' });
  return { host, repository, head, number };
}

async function commitOn(host: ChangeHost, repository: RepositoryId, text: string): Promise<string> {
  const parent = (await host.readBranch(repository, 'main')) ?? '';
  return host.createCommit(repository, {
    parents: [parent],
    message: text,
    files: [{ path: 'app.yaml', content: Buffer.from(text) }],
  });
}

/** Stands before GitHub and adds to each list of pull requests what a fork of the same owner would show. */
async function forge(): Promise<string> {
  const api = new URL(running.github.apiUrl);
  const server = createServer((incoming, outgoing) => {
    const options = { method: incoming.method, headers: { ...incoming.headers, 'accept-encoding': 'identity' } };
    const upstream = forward(new URL(`${api.origin}${incoming.url ?? ''}`), options, (answer) => {
      void reply(answer);
    });
    async function reply(answer: IncomingMessage): Promise<void> {
      const text = await read(answer);
      outgoing.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] ?? '' });
      outgoing.end((incoming.url ?? '').endsWith('/graphql') ? withForks(text) : text);
    }
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${api.pathname.replace(/\/$/u, '')}`;
}

function withForks(text: string): string {
  const answer = JSON.parse(text) as { data: { repository: { pullRequests: { nodes: object[] } } } };
  const { nodes } = answer.data.repository.pullRequests;
  nodes.unshift({ ...nodes[0], number: 901, isCrossRepository: true });
  return JSON.stringify(answer);
}

async function read(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
