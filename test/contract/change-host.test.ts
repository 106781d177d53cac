import { afterAll, beforeAll, expect, it } from 'vitest';

import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';

import { describeChangeHost } from './change-host.contract.ts';
import { startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';

let running: GitHubForTests;

beforeAll(async () => {
  running = await startGitHubForTests();
});

afterAll(async () => {
  await running.github.close();
});

const WRITES = {
  tree: { method: 'POST', path: /\/git\/trees$/u },
  commit: { method: 'POST', path: /\/git\/commits$/u },
  ref: { method: 'POST', path: /graphql$/u },
  open: { method: 'POST', path: /\/pulls$/u },
  update: { method: 'PATCH', path: /\/pulls\//u },
} as const;

describeChangeHost(async () => {
  const { github, client } = running;
  const repository = await running.createRepository({ 'app.yaml': 'tag: v1\n' });
  const fullName = `${repository.owner}/${repository.name}`;
  return {
    host: createGitHubChangeHost(client),
    repository,
    readFile: async (branch, file) => (await github.readFile(fullName, branch, file)) ?? undefined,
    commitAsPerson: (branch, file, text) =>
      github.commitFiles(fullName, branch, { [file]: text }, `Edit ${file}`, 'alice'),
    merge: async (number) => {
      await github.mergePull(fullName, number, 'alice');
    },
    loseAnswer: (write) => {
      github.faults.add({ ...WRITES[write], times: 1, fault: 'lose-answer' });
    },
    openRequests: () => Promise.resolve(github.pulls(fullName).filter(({ state }) => state === 'open').length),
  };
});

it('never leaves what GitHub describes', () => {
  expect(running.github.violations).toEqual([]);
  expect(running.github.unknownRoutes).toEqual([]);
});
