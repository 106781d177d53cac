import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { formatAppKey } from '#shared/adapters/github/app-key.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';

import { describeAppTokens } from './app-tokens.contract.ts';
import { collectingLogger, startGitHubForTests, type GitHubForTests } from './github-for-tests.ts';
import { startEmulate, type RunningEmulate } from './start-emulate.ts';

let running: GitHubForTests;
let emulate: RunningEmulate;

beforeAll(async () => {
  running = await startGitHubForTests();
  emulate = await startEmulate();
});

afterAll(async () => {
  await running.github.close();
  await emulate.close();
});

describeAppTokens('our GitHub', async () => {
  const [one, other] = [await running.createRepository({ a: '1' }), await running.createRepository({ a: '1' })];
  return { client: running.client, one, other };
});

describeAppTokens('emulate', () => {
  const { client, repository, otherRepository } = emulate;
  return Promise.resolve({ client, one: repository, other: otherRepository });
});

describe('credentials of a source', () => {
  it.each([
    ['gitlab.example', 'username: me\npassword: s3cret\n', { username: 'me', password: 's3cret' }],
    ['gitea.example', '{"bearerToken":"s3cret"}', { username: 'x-access-token', password: 's3cret' }],
  ])('on %s come from the secret that it names', async (host, text, expected) => {
    const credentials = sourceCredentials({ 'tidegate/one/ns/git': text });

    const found = await credentials.forSource({
      cluster: 'one',
      url: `https://${host}/a/b`,
      secret: { namespace: 'ns', name: 'git' },
    });

    expect(found).toEqual(expected);
  });

  it('stall when the secret is missing or holds something else, and say its name but nothing of it', async () => {
    const request = { cluster: 'one', url: 'https://gitlab.example/a/b', secret: { namespace: 'ns', name: 'git' } };

    await expect(sourceCredentials({}).forSource(request)).rejects.toMatchObject({
      code: 'AuthenticationFailed',
      disposition: 'stall',
      message: expect.stringContaining('"tidegate/one/ns/git" is missing'),
    });
    const failure = await sourceCredentials({ 'tidegate/one/ns/git': 'identity: canary-51f0' })
      .forSource(request)
      .catch(String);
    expect(failure).toContain('bearerToken');
    expect(failure).not.toContain('canary');
  });

  it('are a token where the App is installed, and none where it is not', async () => {
    const { owner, name } = await running.createRepository({ a: '1' });
    await running.github.createRepository({ owner: 'alice', name: 'public', files: { a: '1' } });
    const credentials = sourceCredentials({});

    const own = await credentials.forSource({ cluster: 'one', url: `${running.github.url}/${owner}/${name}.git` });
    const foreign = await credentials.forSource({ cluster: 'one', url: `${running.github.url}/alice/public` });
    const elsewhere = await credentials.forSource({ cluster: 'one', url: 'https://gitlab.example/a/b' });

    expect(own?.username).toBe('x-access-token');
    expect([foreign, elsewhere]).toEqual([undefined, undefined]);
  });
});

describe('the App of the secret', () => {
  it('is taken from the secret as it is now, id and key, so that another App needs no new process', async () => {
    const { github } = running;
    const one = github.createApp({ slug: 'one', permissions: { contents: 'write', metadata: 'read' } });
    const other = github.createApp({ slug: 'other', permissions: { contents: 'read', metadata: 'read' } });
    for (const app of ['one', 'other']) github.install({ app, account: 'acme' });
    const repository = await running.createRepository({ a: '1' });
    const stored = { value: 'not a key' };
    const client = createGitHubClient({
      clock: systemClock,
      settings: { apiUrl: github.apiUrl, privateKeySecret: 'key' },
      secrets: { read: () => Promise.resolve(stored.value) },
      version: '0.0.0-test',
      log: collectingLogger(),
      retries: 0,
    });

    await expect(client.login()).rejects.toThrow('secret "key" holds no key of a GitHub App');
    stored.value = formatAppKey({ appId: one.id, privateKey: one.privateKey });
    expect(await client.login()).toBe('one[bot]');
    await client.tokenFor(repository, { contents: 'write' });
    stored.value = formatAppKey({ appId: other.id, privateKey: other.privateKey });
    const token = await client.tokenFor(repository, { contents: 'read' });

    expect(token?.token).toMatch(/^ghs_/u);
    expect(await client.login()).toBe('other[bot]');
    await expect(client.tokenFor(repository, { contents: 'write' })).rejects.toMatchObject({ disposition: 'stall' });
  });
});

describe('a personal token', () => {
  it('commits as its user, and its secrets are in no log line and no error', async () => {
    const token = running.github.createToken({ login: 'alice' });
    const lines: string[] = [];
    const client = createGitHubClient({
      clock: systemClock,
      settings: { apiUrl: running.github.apiUrl, tokenSecret: 'token' },
      secrets: { read: () => Promise.resolve(`${token}\n`) },
      version: '0.0.0-test',
      log: collectingLogger(lines),
      retries: 0,
    });
    const host = createGitHubChangeHost(client);
    await running.github.createRepository({ owner: 'alice', name: 'fleet', files: { a: '1' } });
    const repository = { owner: 'alice', name: 'fleet' };
    const parent = (await host.readBranch(repository, 'main')) ?? '';

    const content = Buffer.from('2');
    const oid = await host.createCommit(repository, {
      parents: [parent],
      message: 'm',
      files: [{ path: 'a', content }],
    });
    const comparison = await host.compare(repository, { base: parent, head: oid });
    running.github.faults.add({ path: /graphql$/u, times: 1, fault: { status: 500 } });
    const failure: unknown = await host.listChangeRequests(repository).catch((e: unknown) => e);

    expect(comparison?.commits.map(({ ours }) => ours)).toEqual([true]);
    expect(failure).toMatchObject({ disposition: 'retry' });
    expect(`${String(failure)}${JSON.stringify(failure)}${lines.join('\n')}`).not.toContain(token);
  });
});

describe('a rate limit', () => {
  it('is waited for when it is short', async () => {
    const repository = await running.createRepository({ a: '1' });
    const limited = running.github.faults.add({
      path: /\/git\/ref\//u,
      times: 1,
      fault: {
        status: 403,
        headers: { 'retry-after': '1' },
        body: { message: 'You have exceeded a secondary rate limit. Please wait.' },
      },
    });
    const host = createGitHubChangeHost(running.pacedClient);

    expect(await host.readBranch(repository, 'main')).toMatch(/^[0-9a-f]{40}$/u);
    expect(limited.hits()).toBe(1);
  });
});

function sourceCredentials(secrets: Readonly<Record<string, string>>) {
  return createGitHubSourceCredentials({
    client: running.client,
    secrets: { read: (name) => Promise.resolve(secrets[name]) },
    apiUrl: running.github.apiUrl,
  });
}
