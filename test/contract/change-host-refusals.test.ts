import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import type { ChangeHost, RepositoryId } from '#shared/ports/change-host.ts';
import type { RateLimitOptions } from '#stand-ins/github/rate-limits.ts';
import type { BranchRule } from '#stand-ins/github/state.ts';

import { startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';

const BRANCH = 'tidegate/production/flux-system/apps';
const TEXT = { title: 't', body: 'b' };

let running: GitHubForTests;
let host: ChangeHost;
let repository: RepositoryId;
let fullName: string;
let main: string;

beforeAll(async () => {
  running = await startGitHubForTests({ retries: 0 });
});

beforeEach(async () => {
  // A process of its own for each case: what one learns of a limit it does not forget.
  host = createGitHubChangeHost(createGitHubClient(running.clientOptions));
  repository = await running.createRepository({ 'app.yaml': 'tag: v1\n' });
  fullName = `${repository.owner}/${repository.name}`;
  main = (await running.github.head(fullName, 'main')) ?? '';
});

afterAll(async () => {
  await running.github.close();
});

function commit(text: string, parent = main): Promise<string> {
  const files = [{ path: 'app.yaml', content: Buffer.from(text) }];
  return host.createCommit(repository, { parents: [parent], message: text, files });
}

/** Our open pull request, with its number and the commit that it holds. */
async function propose(): Promise<{ number: number; head: string }> {
  const head = await commit('tag: v2\n');
  await host.moveBranch(repository, { branch: BRANCH, from: undefined, to: head });
  const { number } = await host.openChangeRequest(repository, { head: BRANCH, base: 'main', ...TEXT });
  return { number, head };
}

async function listed(number: number) {
  return (await host.listChangeRequests(repository)).find((request) => request.number === number);
}

describe('rules of the repository', () => {
  it.each<[BranchRule, string]>([
    [{ type: 'non_fast_forward', branches: 'tidegate/**' }, 'Cannot force-push to this branch'],
    [{ type: 'deletion', branches: '**' }, 'Cannot delete this branch'],
    [{ type: 'creation', branches: '**' }, 'Cannot create ref due to creations being restricted.'],
    [{ type: 'branch_name_pattern', branches: '**', pattern: '^feature/' }, 'Branch name must match'],
  ])('%j is a refusal in their words, and the branch stays where it is', async (rule, words) => {
    const { head } = await propose();
    const other = await commit('tag: v3\n');
    running.github.setRepository(fullName, { rules: [rule] });
    const moves = {
      non_fast_forward: { branch: BRANCH, from: head, to: other },
      deletion: { branch: BRANCH, from: head, to: undefined },
      creation: { branch: 'tidegate/new', from: undefined, to: head },
      branch_name_pattern: { branch: 'tidegate/new', from: undefined, to: head },
    };
    const move = Object.entries(moves).find(([type]) => type === rule.type)?.[1] ?? moves.creation;

    const refused = await host.moveBranch(repository, move);

    expect(refused).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(words) });
    expect(await host.readBranch(repository, move.branch)).toBe(move.from);
  });

  it('let a commit on top of what a branch has where they forbid to make it anew', async () => {
    const { head } = await propose();
    running.github.setRepository(fullName, { rules: [{ type: 'non_fast_forward', branches: '**' }] });

    const onTop = await commit('tag: v3\n', head);

    expect(await host.moveBranch(repository, { branch: BRANCH, from: head, to: onTop })).toEqual({ outcome: 'moved' });
  });

  it('say that a branch is behind only when nothing else is missing', async () => {
    const { number } = await propose();
    running.github.setRepository(fullName, {
      rules: [
        { type: 'required_status_checks', branches: 'main', contexts: [], strict: true },
        { type: 'pull_request', branches: 'main', approvals: 1 },
      ],
    });
    await running.github.commitFiles(fullName, 'main', { 'other.yaml': 'x\n' }, 'Beside', 'alice');
    expect(await host.readChangeRequest(repository, number)).toMatchObject({ state: 'open', behind: false });

    await running.github.approve(fullName, number, 'alice');

    expect(await host.readChangeRequest(repository, number)).toMatchObject({ state: 'open', behind: true });
  });
});

describe('a pull request that GitHub merges by itself', () => {
  it('keeps its branch where it is while it is queued, takes words, and is found merged later', async () => {
    const { number, head } = await propose();
    running.github.setRepository(fullName, { rules: [{ type: 'merge_queue', branches: 'main' }] });
    await running.github.enqueue(fullName, number, 'alice');
    const move = { branch: BRANCH, from: head, to: await commit('tag: v3\n') };

    const refused = await host.moveBranch(repository, move);

    expect(refused).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('merge queue') });
    expect(await host.updateChangeRequest(repository, number, { body: 'waits' })).toMatchObject({ state: 'open' });
    await running.github.mergeQueued(fullName, 'main');
    expect(await listed(number)).toMatchObject({ state: 'merged', head: { oid: head }, body: 'waits' });
    expect((await listed(number))?.mergeCommit).toBe(await host.readBranch(repository, 'main'));
  });

  it('is found merged, and its branch gone, where the last approval was what it waited for', async () => {
    const { number } = await propose();
    running.github.setRepository(fullName, {
      deleteBranchOnMerge: true,
      rules: [{ type: 'pull_request', branches: 'main', approvals: 1 }],
    });
    await running.github.enableAutoMerge(fullName, number, 'alice', 'squash');
    expect(await listed(number)).toMatchObject({ state: 'open' });

    await running.github.approve(fullName, number, 'alice');

    expect(await listed(number)).toMatchObject({ state: 'merged' });
    expect(await host.readBranch(repository, BRANCH)).toBeUndefined();
    expect(await host.updateChangeRequest(repository, number, { body: 'late' })).toMatchObject({ state: 'merged' });
  });

  it('is open as before when it was made a draft', async () => {
    const { number, head } = await propose();
    await running.github.setDraft(fullName, number, true, 'alice');
    const to = await commit('tag: v3\n');

    expect(await host.moveBranch(repository, { branch: BRANCH, from: head, to })).toEqual({ outcome: 'moved' });
    expect(await host.updateChangeRequest(repository, number, { body: 'more' })).toMatchObject({ state: 'open' });
    expect(await host.readChangeRequest(repository, number)).toMatchObject({ state: 'open', behind: false });
  });
});

describe('a name that changes', () => {
  it('of the base is followed by the pull request, and the old one is no branch any more', async () => {
    const { number } = await propose();

    await running.github.renameBranch(fullName, 'main', 'trunk', 'alice');

    expect(await listed(number)).toMatchObject({ state: 'open', base: 'trunk' });
    expect(await host.readBranch(repository, 'main')).toBeUndefined();
    expect(await host.readBranch(repository, 'trunk')).toBe(main);
  });

  it('of our branch closes the pull request', async () => {
    const { number, head } = await propose();

    await running.github.renameBranch(fullName, BRANCH, 'mine', 'alice');

    expect(await listed(number)).toMatchObject({ state: 'closed', head: { branch: BRANCH, oid: head } });
    expect(await host.readBranch(repository, BRANCH)).toBeUndefined();
  });

  it('of the repository leads on, for a process that knew the old one and for one that begins with it', async () => {
    const { number, head } = await propose();

    await running.github.renameRepository(fullName, `${fullName}-moved`);
    const fresh = createGitHubChangeHost(createGitHubClient(running.clientOptions));

    for (const one of [host, fresh]) {
      expect((await one.listChangeRequests(repository)).map((request) => request.number)).toEqual([number]);
      expect(await one.readBranch(repository, BRANCH)).toBe(head);
    }
    host = fresh;
    const to = await commit('tag: v3\n');
    expect(await fresh.moveBranch(repository, { branch: BRANCH, from: head, to })).toEqual({ outcome: 'moved' });
    expect(await fresh.updateChangeRequest(repository, number, { body: 'more' })).toMatchObject({ state: 'open' });
  });
});

describe('what GitHub refuses for good', () => {
  it('in an archived repository is every write, and it says so', async () => {
    const { number, head } = await propose();
    const to = await commit('tag: v3\n');
    running.github.setRepository(fullName, { archived: true });
    const archived = { disposition: 'stall', message: expect.stringContaining('archived') };

    await expect(commit('tag: v4\n')).rejects.toMatchObject(archived);
    await expect(host.moveBranch(repository, { branch: BRANCH, from: head, to })).rejects.toMatchObject(archived);
    await expect(host.updateChangeRequest(repository, number, { body: 'x' })).rejects.toMatchObject(archived);
    expect(await listed(number)).toMatchObject({ state: 'open' });
  });

  it('while our installation is suspended is everything, and it goes on afterwards', async () => {
    await host.readBranch(repository, 'main');
    running.github.suspend('tidegate', 'acme');
    const suspended = { code: 'AuthenticationFailed', message: expect.stringContaining('suspended') };
    const fresh = createGitHubChangeHost(createGitHubClient(running.clientOptions));

    const failures = await Promise.allSettled([
      host.readBranch(repository, 'main'),
      host.listChangeRequests(repository),
      fresh.readBranch(repository, 'main'),
    ]);
    running.github.suspend('tidegate', 'acme', false);

    for (const failure of failures) expect(failure).toMatchObject({ status: 'rejected', reason: suspended });
    expect(await fresh.readBranch(repository, 'main')).toBe(main);
  });

  it('for want of a permission is said with the permission', async () => {
    const { github } = running;
    const lacking = `${repository.name}-lacking`;
    github.createUser({ login: lacking, type: 'Organization' });
    await github.createRepository({ owner: lacking, name: 'fleet', files: { 'app.yaml': 'x\n' }, private: true });
    const app = github.createApp({ slug: lacking, permissions: { contents: 'write', metadata: 'read' } });
    github.install({ app: lacking, account: lacking });
    const client = createGitHubClient({
      ...running.clientOptions,
      settings: { apiUrl: github.apiUrl, appId: app.id, privateKeySecret: 'key' },
      secrets: { read: () => Promise.resolve(app.privateKey) },
    });

    const read = createGitHubChangeHost(client).comment({ owner: lacking, name: 'fleet' }, 1, 'x');

    await expect(read).rejects.toMatchObject({ code: 'AuthenticationFailed', disposition: 'stall' });
    await expect(read).rejects.toThrow(/pull_requests: write|permissions requested are not granted/u);
  });
});

describe('a limit', () => {
  const asks: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a read', () => host.readBranch(repository, 'main')],
    ['the list of pull requests', () => host.listChangeRequests(repository)],
    ['a move of a branch', () => host.moveBranch(repository, { branch: 'new', from: undefined, to: main })],
  ];
  const styles: readonly RateLimitOptions[] = [
    { perHour: 0 },
    { perHour: 0, status: 429, graphqlType: 'RATE_LIMIT' },
    { pointsPerMinute: 0 },
    { pointsPerMinute: 0, saysRetryAfter: false },
    { pointsPerMinute: 0, status: 429, graphqlStatus: 403 },
  ];

  it.each(styles.flatMap((style) => asks.map(([what, ask]) => [style, what, ask] as const)))(
    'as %j is known as one from %s, whatever its status, and passes',
    async (style, _what, ask) => {
      await host.readBranch(repository, 'main');
      running.github.rateLimits.configure(style);

      const refused = await ask().then(
        () => 'not refused',
        (error: unknown) => error,
      );
      running.github.rateLimits.configure({
        perHour: 5000,
        pointsPerMinute: Infinity,
        status: 403,
        saysRetryAfter: true,
        graphqlStatus: 200,
        graphqlType: 'RATE_LIMITED',
      });

      expect(refused).toMatchObject({ code: 'RateLimited' });
      expect(refused).not.toMatchObject({ disposition: 'stall' });
    },
  );
});

describe('what GitHub does not know yet', () => {
  it.each([401, 403] as const)('of our token, answered with %i, is asked again', async (tokenStatus) => {
    running.github.lag.configure({ tokens: 1, tokenStatus });

    const { number } = await propose();
    running.github.lag.configure({});

    expect(await listed(number)).toMatchObject({ state: 'open' });
  });

  it('of what we wrote a moment ago is asked again, until it does', async () => {
    running.github.lag.configure({ writes: 1 });

    const { number, head } = await propose();
    const read = await host.readCommit(repository, head);
    running.github.lag.configure({});

    expect(read.oid).toBe(head);
    expect(await listed(number)).toMatchObject({ state: 'open', head: { oid: head } });
    expect(running.github.pulls(fullName)).toHaveLength(1);
  });
});

it('never leaves what GitHub describes', () => {
  expect(running.github.violations).toEqual([]);
  expect(running.github.unknownRoutes).toEqual([]);
});
