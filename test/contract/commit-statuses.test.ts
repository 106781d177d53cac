import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';

import { startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';

let running: GitHubForTests;

beforeAll(async () => {
  running = await startGitHubForTests();
});

afterAll(async () => {
  await running.github.close();
});

describe('commit statuses', () => {
  it('marks a commit, and writes nothing where the mark is there already', async () => {
    const { statuses, repository, fullName, commit } = await start();
    const status = { context: 'tidegate/a/b/c', state: 'success', description: 'Applied' } as const;

    await statuses.set(repository, commit, { ...status, state: 'pending' });
    await statuses.set(repository, commit, status);
    await statuses.set(repository, commit, status);

    const written = running.github.statuses(fullName, commit).map(({ state, context }) => `${context} ${state}`);
    expect(written.sort()).toEqual(['tidegate/a/b/c pending', 'tidegate/a/b/c success']);
  });

  it('shortens a description to what GitHub takes, without cutting a character in two', async () => {
    const { statuses, repository, fullName, commit } = await start();
    const status = { context: 'x', state: 'failure', description: '🚀'.repeat(200) } as const;

    await statuses.set(repository, commit, status);
    await statuses.set(repository, commit, status);

    const written = running.github.statuses(fullName, commit);
    expect(written).toHaveLength(1);
    expect(written[0]?.description).toBe(`${'🚀'.repeat(69)}…`);
  });

  it('stalls on a repository that we have no access to', async () => {
    const { statuses, commit } = await start();
    const status = { context: 'x', state: 'error', description: '' } as const;

    await expect(statuses.set({ owner: 'acme', name: 'none' }, commit, status)).rejects.toMatchObject({
      disposition: 'stall',
    });
  });
});

async function start() {
  const repository = await running.createRepository({ 'a.yaml': 'a: 1\n' });
  const fullName = `${repository.owner}/${repository.name}`;
  const commit = (await running.github.head(fullName, 'main')) ?? '';
  return { statuses: createGitHubCommitStatuses(running.client), repository, fullName, commit };
}
