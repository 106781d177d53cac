import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';

import { describeCommitStatuses, type CommitStatusesUnderTest } from './commit-statuses.contract.ts';
import { EMULATE_LACKS } from './emulate-lacks.ts';
import { openRepositoryByToken, repositoryOnGitHubDotCom } from './github-dot-com.ts';
import { startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';
import { openPlaceOverRest } from './place-over-rest.ts';
import { startEmulate, type RunningEmulate } from './start-emulate.ts';

let running: GitHubForTests;
let emulate: RunningEmulate;
let token: string;

beforeAll(async () => {
  running = await startGitHubForTests();
  emulate = await startEmulate();
  await running.github.createRepository({ owner: 'alice', name: 'fleet', files: { 'README.md': 'x' }, private: true });
  token = running.github.createToken({ login: 'alice' });
});

afterAll(async () => {
  await running.github.close();
  await emulate.close();
});

async function startOverRest(
  us: GitHubClient,
  person: GitHubClient,
  repository: RepositoryId,
): Promise<CommitStatusesUnderTest> {
  const place = await openPlaceOverRest(await person.forRepository(repository, {}), repository);
  return {
    statuses: createGitHubCommitStatuses(us),
    repository,
    commit: place.start,
    written: () => place.statuses(place.start),
  };
}

describeCommitStatuses('our GitHub, as its App', async () => {
  const repository = await running.createRepository({ 'a.yaml': 'a: 1\n' });
  const fullName = `${repository.owner}/${repository.name}`;
  const commit = (await running.github.head(fullName, 'main')) ?? '';
  return {
    statuses: createGitHubCommitStatuses(running.client),
    repository,
    commit,
    written: () =>
      Promise.resolve(
        running.github.statuses(fullName, commit).map(({ context, state, description, targetUrl }) => {
          return { context, state, description: description ?? '', targetUrl: targetUrl ?? '' };
        }),
      ),
  };
});

describeCommitStatuses("our GitHub, as a token's user", async () => {
  const { client, repository } = openRepositoryByToken(running.github.apiUrl, token, 'alice/fleet');
  return startOverRest(client, client, repository);
});

describeCommitStatuses('emulate', () => startOverRest(emulate.client, emulate.person, emulate.repository), {
  lacks: EMULATE_LACKS.commitStatuses,
});

const lent = repositoryOnGitHubDotCom(process.env);
if (lent !== undefined) {
  const { client, repository } = lent;
  describeCommitStatuses('github.com', () => startOverRest(client, client, repository), { timeoutMs: 300_000 });
}

describe('an answer of GitHub', () => {
  const status = { context: 'x', state: 'error', description: '' } as const;
  const lookUp = 'GET /repos/{owner}/{repo}/installation';

  it('that refuses is asked for once, however many retries there are', async () => {
    const { github, client } = running;
    github.counters.reset();

    const set = createGitHubCommitStatuses(client).set({ owner: 'acme', name: 'none' }, 'a'.repeat(40), status);

    await expect(set).rejects.toMatchObject({ disposition: 'stall' });
    expect(github.counters.count(lookUp)).toBe(1);
  });

  it('that says GitHub is unwell is asked for again', async () => {
    const { github, client } = running;
    const repository = await running.createRepository({ 'a.yaml': 'a: 1\n' });
    const name = `${repository.owner}/${repository.name}`;
    const commit = await github.commitFiles(name, 'main', { 'a.yaml': 'a: 2\n' }, 'Change', 'alice');
    const fault = github.faults.add({ path: '/repos/{owner}/{repo}/statuses/{sha}', fault: { status: 502 }, times: 1 });

    await createGitHubCommitStatuses(client).set(repository, commit, status);

    expect(fault.hits()).toBe(1);
    expect(github.statuses(name, commit)).toHaveLength(1);
  });
});
