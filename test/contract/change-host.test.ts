import { afterAll, beforeAll, expect, it } from 'vitest';

import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';

import { describeChangeHost, describeLostAnswers, type FaultyChangeHost } from './change-host.contract.ts';
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

const WRITES = {
  tree: { method: 'POST', path: /\/git\/trees$/u },
  commit: { method: 'POST', path: /\/git\/commits$/u },
  ref: { method: 'POST', path: /graphql$/u },
  open: { method: 'POST', path: /\/pulls$/u },
  update: { method: 'PATCH', path: /\/pulls\//u },
} as const;

/** Looks at the git repository itself, where the others have to believe the API. */
async function startOnStandIn(): Promise<FaultyChangeHost> {
  const { github, client } = running;
  const host = createGitHubChangeHost(client);
  const repository = await running.createRepository({ 'app.yaml': 'tag: v1\n' });
  const fullName = `${repository.owner}/${repository.name}`;
  return {
    host,
    repository,
    base: 'main',
    change: 'tidegate/production/flux-system/apps',
    readFile: async (branch, file) => (await github.readFile(fullName, branch, file)) ?? undefined,
    commitAsPerson: (branch, file, text) =>
      github.commitFiles(fullName, branch, { [file]: text }, `Edit ${file}`, 'alice'),
    pointBranch: async (branch, to) => {
      const from = await host.readBranch(repository, branch);
      expect(await host.moveBranch(repository, { branch, from, to })).toEqual({ outcome: 'moved' });
    },
    deleteBranch: async (branch) => {
      const from = await host.readBranch(repository, branch);
      expect(await host.moveBranch(repository, { branch, from, to: undefined })).toEqual({ outcome: 'moved' });
    },
    reopen: (number) => github.reopenPull(fullName, number, 'alice'),
    merge: async (number) => {
      await github.mergePull(fullName, number, 'alice');
    },
    openRequests: () => Promise.resolve(github.pulls(fullName).filter(({ state }) => state === 'open').length),
    loseAnswer: (write) => {
      github.faults.add({ ...WRITES[write], times: 1, fault: 'lose-answer' });
    },
  };
}

describeChangeHost('our GitHub, as its App', startOnStandIn);
describeLostAnswers('our GitHub, as its App', startOnStandIn);

// The way github.com is tested, tested itself.
describeChangeHost("our GitHub, as a token's user", async () => {
  const { client, repository } = openRepositoryByToken(running.github.apiUrl, token, 'alice/fleet');
  const place = await openPlaceOverRest(await client.forRepository(repository, {}), repository);
  return { ...place, host: createGitHubChangeHost(client) };
});

describeChangeHost(
  'emulate',
  async () => {
    const { client, person, repository } = emulate;
    const place = await openPlaceOverRest(await person.forRepository(repository, {}), repository);
    return { ...place, host: createGitHubChangeHost(client) };
  },
  { lacks: EMULATE_LACKS.changeHost },
);

const lent = repositoryOnGitHubDotCom(process.env);
if (lent !== undefined) {
  const { client, repository } = lent;
  describeChangeHost(
    'github.com',
    async () => {
      const place = await openPlaceOverRest(await client.forRepository(repository, {}), repository);
      return { ...place, host: createGitHubChangeHost(client), settleMs: 20_000 };
    },
    // GitHub asks for a pause of a second or three between writes.
    { timeoutMs: 300_000 },
  );
}

it('never leaves what GitHub describes', () => {
  expect(running.github.violations).toEqual([]);
  expect(running.github.unknownRoutes).toEqual([]);
});
