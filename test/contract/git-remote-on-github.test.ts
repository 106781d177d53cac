import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import type { GitCredentials } from '#shared/ports/git-remote.ts';
import { startGitHub, type RunningGitHub } from '#stand-ins/github/start-github.ts';

const remote = createIsomorphicGitRemote({ version: '0.0.0-test' });
let github: RunningGitHub;
let credentials: GitCredentials;
let head: string;

beforeAll(async () => {
  github = await startGitHub();
  github.createUser({ login: 'acme' });
  await github.createRepository({ owner: 'acme', name: 'fleet', private: true, files: { 'app.yaml': 'kind: App\n' } });
  credentials = { username: 'x-access-token', password: github.createToken({ login: 'acme' }) };
  head = (await github.head('acme/fleet', 'main')) ?? '';
});

beforeEach(() => {
  github.faults.clear();
});

afterAll(async () => {
  await github.close();
});

function read(access: { readonly credentials?: GitCredentials }): Promise<SourceTree> {
  const limits = { files: 100, bytes: 1_000_000 };
  const url = `${github.url}/acme/fleet.git`;
  return remote.fetchTree({ url, ...access, oid: head, refName: 'refs/heads/main', timeoutMs: 10_000, limits });
}

describe('a private repository on GitHub', () => {
  it('is read with a token', async () => {
    const url = `${github.url}/acme/fleet`;
    expect(await remote.listRefs({ url, credentials, timeoutMs: 10_000 })).toContainEqual({
      name: 'refs/heads/main',
      oid: head,
    });
    expect([...(await read({ credentials })).keys()]).toEqual(['app.yaml']);
  });

  it('is not read without one, or with a wrong one', async () => {
    await expect(read({})).rejects.toMatchObject({ code: 'AuthenticationFailed', disposition: 'stall' });
    const wrong = { username: 'x-access-token', password: 'ghp_wrong' };
    await expect(read({ credentials: wrong })).rejects.toMatchObject({ disposition: 'stall' });
  });

  it.each([['truncate' as const], ['reset' as const], ['lose-answer' as const], [{ status: 502 }]])(
    'is read again after an answer is spoilt by %j',
    async (fault) => {
      for (const path of ['/acme/fleet.git/info/refs', '/acme/fleet.git/git-upload-pack']) {
        github.faults.add({ path, times: 1, fault });
        await expect(read({ credentials })).rejects.toMatchObject({
          code: 'GitOperationFailed',
          disposition: 'retry',
        });
        expect([...(await read({ credentials })).keys()]).toEqual(['app.yaml']);
      }
    },
  );
});
