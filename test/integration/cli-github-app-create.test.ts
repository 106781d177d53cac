import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { AppKey } from '#shared/adapters/github/app-key.ts';
import { parseAppKey } from '#shared/adapters/github/app-key.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import type { RunningGitHub } from '#stand-ins/github/start-github.ts';
import { startGitHub } from '#stand-ins/github/start-github.ts';

import { startReceiver } from './github-fixture.ts';
import { until } from './open-serve.ts';
import { openPage, registerOnGitHub, submitForm } from './register-app-by-hand.ts';
import type { StartedCommand } from './start-command.ts';
import { outcomeOf, startCommand } from './start-command.ts';

const HOOK = 'https://hooks.example.com/webhook';

let github: RunningGitHub;
const started: StartedCommand[] = [];

beforeAll(async () => {
  github = await startGitHub();
  github.createUser({ login: 'alice' });
  await github.createRepository({ owner: 'acme', name: 'fleet-infra', files: { 'a.yaml': 'a: 1\n' } });
});

afterEach(async () => {
  for (const command of started.splice(0)) {
    command.kill('SIGKILL');
    await command.exit;
  }
});

afterAll(async () => {
  await github.close();
});

const LAPTOP = 'name: laptop, path: ./clusters/laptop, kubeconfig: { context: kind-dev }';
const EKS =
  'name: prod, path: ./clusters/prod, eks: { name: prod, region: eu-west-1, endpoint: "https://a.example.com", certificateAuthority: AAAA }';

function write(options: { readonly github?: string; readonly cluster?: string } = {}): string {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-github-app-')), 'tidegate.yaml');
  writeFileSync(file, settings(options));
  return file;
}

function settings({ github: credentials = 'github: {}', cluster = LAPTOP } = {}): string {
  return `# acme\nconfigRepository: { url: "${github.url}/acme/fleet-infra" }\n${credentials}   # the App\nclusters: [ { ${cluster} } ]\n`;
}

function create(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const command = startCommand(['github-app', 'create', '--no-browser', '--config', file, ...args], env);
  started.push(command);
  return command;
}

async function addressOf(command: StartedCommand): Promise<string> {
  const pattern = /^ {2}(http:\/\/127\.0\.0\.1:\d+\/)$/mu;
  await until('the address', () => pattern.test(command.output()), 20_000);
  return pattern.exec(command.output())?.[1] ?? '';
}

/** The App that a command has made, as GitHub knows it when it is asked with the App's own key. */
async function askAsApp({ appId, privateKey }: AppKey) {
  const octokit = new Octokit({ baseUrl: github.apiUrl, authStrategy: createAppAuth, auth: { appId, privateKey } });
  return {
    app: (await octokit.request('GET /app')).data,
    hook: (await octokit.request('GET /app/hook/config')).data,
  };
}

function readKey(file: string): AppKey {
  const secret = readFileSync(join(dirname(file), 'secrets/tidegate/github/private-key'), 'utf8');
  return parseAppKey(secret, { name: 'key', appId: undefined });
}

function readAppId(file: string): number {
  const parsed = parseSettings(readFileSync(file, 'utf8'), file);
  return parsed.outcome === 'valid' ? (parsed.settings.github.appId ?? 0) : 0;
}

describe('tidegate github-app create', () => {
  it('registers an App with exactly its permissions and keeps key, webhook secret and id', async () => {
    const file = write();
    const command = create(file, ['--organization', 'acme', '--webhook-url', HOOK]);

    const sentBack = await registerOnGitHub(await addressOf(command));
    const last = await openPage(sentBack.url);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    expect(last).toMatchObject({ status: 200, html: expect.stringContaining('Go on in the terminal') });
    const folder = join(dirname(file), 'secrets/tidegate/github');
    const { appId, privateKey } = readKey(file);
    const webhookSecret = readFileSync(join(folder, 'webhook-secret'), 'utf8');
    const { app, hook } = await askAsApp({ appId, privateKey });
    expect(app).toMatchObject({
      id: appId,
      name: 'Tidegate acme',
      owner: { login: 'acme' },
      permissions: { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' },
      events: ['push', 'pull_request'],
    });
    expect(Object.keys(app?.permissions ?? {})).toHaveLength(4);
    expect(hook).toMatchObject({ url: HOOK, content_type: 'json', insecure_ssl: '0' });
    expect(readFileSync(file, 'utf8')).toBe(settings());
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(command.output()).toContain(`/apps/tidegate-acme/installations/new`);
    const said = command.output() + command.errors() + last.html;
    expect(said).not.toContain(webhookSecret);
    expect(said).not.toContain('PRIVATE KEY');
    for (const line of privateKey.split('\n').filter((text) => text.length > 20)) expect(said).not.toContain(line);
  });

  it('gets webhooks signed with the secret that it kept, once the App is installed', async () => {
    const receiver = await startReceiver();
    const file = write();
    const command = create(file, ['--webhook-url', receiver.url]);
    const form = await submitForm(await openPage(await addressOf(command)));
    const sentBack = await submitForm(form, { name: 'Own Name' });
    await openPage(sentBack.url);
    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    expect(command.output()).toContain('The App will belong to your own account');

    github.install({ app: 'own-name', account: 'acme' });
    await github.commitFiles('acme/fleet-infra', 'main', { 'b.yaml': 'b: 1\n' }, 'Add b', 'alice');
    await github.settle();

    const { createHmac } = await import('node:crypto');
    const secret = readFileSync(join(dirname(file), 'secrets/tidegate/github/webhook-secret'), 'utf8');
    const push = receiver.received.find(({ headers }) => headers['x-github-event'] === 'push');
    expect(push?.headers['content-type']).toBe('application/json');
    expect(push?.headers['x-hub-signature-256']).toBe(
      `sha256=${createHmac('sha256', secret)
        .update(push?.body ?? '')
        .digest('hex')}`,
    );
    await receiver.close();
  });

  it('registers an App whose webhook reaches nobody when there is no address yet', async () => {
    const file = write();
    const command = create(file, ['--organization', 'no-address']);

    await openPage((await registerOnGitHub(await addressOf(command))).url);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    expect(command.output()).toContain('Its webhook has no address yet');
    const { hook } = await askAsApp(readKey(file));
    expect(new URL(hook.url ?? '').hostname).toMatch(/\.invalid$/u);
  });

  it('opens the address in the browser that the environment names', async () => {
    const file = write();
    const folder = dirname(file);
    const browser = join(folder, 'browser');
    writeFileSync(browser, `#!/bin/sh\necho "$1" > ${folder}/opened\n`);
    chmodSync(browser, 0o755);
    const command = startCommand(['github-app', 'create', '--config', file], { BROWSER: browser });
    started.push(command);

    const address = await addressOf(command);
    await until(
      'the browser',
      () => existsSync(join(folder, 'opened')) && readFileSync(join(folder, 'opened')).length > 0,
    );

    expect(readFileSync(join(folder, 'opened'), 'utf8')).toBe(`${address}\n`);
  });

  it('refuses an answer with another state, and takes the right one afterwards', async () => {
    const file = write();
    const command = create(file, ['--organization', 'csrf']);
    const address = await addressOf(command);
    const sentBack = await registerOnGitHub(address);
    const forged = new URL(sentBack.url);
    forged.searchParams.set('state', 'x'.repeat(43));
    const [without, empty] = [new URL(sentBack.url), new URL(sentBack.url)];
    without.searchParams.delete('state');
    empty.searchParams.set('code', '');

    const answers = await Promise.all([forged, without, empty].map(async (url) => (await openPage(url.href)).status));

    expect(answers).toEqual([400, 400, 400]);
    expect(command.errors()).toContain('refused an answer with another state');
    expect(existsSync(join(dirname(file), 'secrets'))).toBe(false);
    await openPage(sentBack.url);
    expect(await outcomeOf(command)).toMatchObject({ exitCode: 0 });
  });

  it('answers only who asks for it by its address, and only for its own pages', async () => {
    const command = create(write());
    const address = new URL(await addressOf(command));
    const foreign = await new Promise<number | undefined>((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: address.port, path: '/', headers: { host: 'evil.example.com' } });
      call.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
      call.end();
    });

    expect(foreign).toBe(421);
    expect((await openPage(new URL('/other', address).href)).status).toBe(404);
    expect((await fetch(address, { method: 'POST' })).status).toBe(405);
    expect((await fetch(address)).headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when it is stopped by %s', async (signal) => {
    const file = write();
    const command = create(file);
    const address = await addressOf(command);

    command.kill(signal);

    expect(await command.exit).toBe(1);
    expect(command.errors()).toBe('tidegate: stopped; nothing was written\n');
    expect(readdirSync(dirname(file))).toEqual(['tidegate.yaml']);
    expect(readFileSync(file, 'utf8')).toBe(settings());
    await expect(fetch(address)).rejects.toThrow('fetch failed');
  });

  it('finishes first when it is stopped while GitHub hands the App over, as the key is given once', async () => {
    const file = write();
    const command = create(file, ['--organization', 'midway']);
    const sentBack = await registerOnGitHub(await addressOf(command));
    const path = '/app-manifests/{code}/conversions';
    const asked = github.counters.count(`POST ${path}`);
    github.faults.add({ method: 'POST', path, times: 1, fault: { delayMs: 1_000 } });

    await openPage(sentBack.url);
    await until('the exchange', () => github.counters.count(`POST ${path}`) > asked);
    command.kill('SIGINT');

    expect(await outcomeOf(command)).toEqual({
      exitCode: 0,
      errors: 'tidegate: the App is there; its secrets are put in place first\n',
    });
    expect(readKey(file).appId).toBeGreaterThan(0);
  });

  it('says in one line that GitHub sent nothing back in time', async () => {
    const file = write();
    const command = create(file, ['--organization', 'acme', '--timeout', '0.01']);

    expect(await command.exit).toBe(1);
    expect(command.errors()).toBe(
      `tidegate: GitHub sent nothing back within 0.01 minutes; nothing was written; run the command again, and first delete the App if it is listed on ${github.url}/organizations/acme/settings/apps\n`,
    );
    expect(readdirSync(dirname(file))).toEqual(['tidegate.yaml']);
  });

  it('writes nothing when the code is not one of GitHub, and says what to look for', async () => {
    const file = write();
    const command = create(file, ['--organization', 'no-code']);
    const sentBack = new URL((await registerOnGitHub(await addressOf(command))).url);
    sentBack.searchParams.set('code', 'f00');

    await openPage(sentBack.href);

    expect(await command.exit).toBe(1);
    expect(command.errors()).toContain('GitHub answered 404');
    expect(command.errors()).toContain(
      `delete the App on ${github.url}/organizations/no-code/settings/apps if it is there`,
    );
    expect(readdirSync(dirname(file))).toEqual(['tidegate.yaml']);
  });

  it('tries again when GitHub fails for a moment', async () => {
    const file = write();
    const command = create(file, ['--organization', 'again', '--webhook-url', HOOK]);
    const sentBack = await registerOnGitHub(await addressOf(command));
    github.faults.add({ method: 'POST', path: '/app-manifests/{code}/conversions', times: 1, fault: { status: 502 } });

    await openPage(sentBack.url);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    expect(readKey(file).appId).toBeGreaterThan(0);
  });

  it('keeps the App and says what is left to do when the address of its webhook cannot be set', async () => {
    const file = write();
    const command = create(file, ['--organization', 'hookless', '--webhook-url', HOOK]);
    const sentBack = await registerOnGitHub(await addressOf(command));
    github.faults.add({ method: 'PATCH', path: '/app/hook/config', times: 1, fault: { status: 422 } });
    const before = github.counters.count('PATCH /app/hook/config');

    await openPage(sentBack.url);

    expect(await command.exit).toBe(1);
    expect(command.errors()).toContain(
      `write ${HOOK} into Webhook URL on ${github.url}/organizations/hookless/settings/apps/`,
    );
    expect(github.counters.count('PATCH /app/hook/config')).toBe(before + 1);
    expect(readKey(file).appId).toBeGreaterThan(0);
  });

  it('keeps what somebody wrote into the settings meanwhile', async () => {
    const file = write({ github: 'github: { appId: 1 }' });
    const command = create(file, ['--organization', 'meanwhile', '--replace']);
    const sentBack = await registerOnGitHub(await addressOf(command));
    writeFileSync(file, `${settings({ github: 'github: { appId: 1 }' })}serve: { port: 1 } # new\n`);

    await openPage(sentBack.url);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    const { appId } = readKey(file);
    expect(readFileSync(file, 'utf8')).toBe(
      `${settings({ github: `github: { appId: ${appId} }` })}serve: { port: 1 } # new\n`,
    );
  });

  it('puts an App in the place of another one only when told to', async () => {
    const file = write({ github: 'github: { appId: 1 }' });
    mkdirSync(join(dirname(file), 'secrets/tidegate/github'), { recursive: true });
    writeFileSync(join(dirname(file), 'secrets/tidegate/github/private-key'), 'old');

    const refused = create(file);
    expect(await refused.exit).toBe(2);
    expect(refused.errors()).toContain('github.appId is 1 already; give --replace');

    const command = create(file, ['--organization', 'replaced', '--replace']);
    await openPage((await registerOnGitHub(await addressOf(command))).url);
    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    expect(readAppId(file)).toBeGreaterThan(1);
    expect(readKey(file).appId).toBe(readAppId(file));
    expect(command.output()).toContain('Then restart tidegate serve');
  });

  it.each([
    ['a key that is there', [], 'private-key is there already; move it away, or give --replace', 1],
    ['a wrong organization', ['--organization', 'a/b'], '--organization: found "a/b"', 2],
    [
      'a webhook in the clear',
      ['--webhook-url', 'http://hooks.example.com/webhook'],
      '--webhook-url: allowed: the https://',
      2,
    ],
    ['a wait without end', ['--timeout', '0'], 'allowed: more than 0', 2],
    ['Secrets Manager without a region', ['--secrets', 'secrets-manager'], 'no cluster has eks', 1],
  ] as const)('asks GitHub nothing with %s', async (_, args, message, exitCode) => {
    const file = write();
    mkdirSync(join(dirname(file), 'secrets/tidegate/github'), { recursive: true });
    writeFileSync(join(dirname(file), 'secrets/tidegate/github/private-key'), 'old');

    const command = create(file, args);

    expect(await command.exit).toBe(exitCode);
    expect(command.errors()).toContain(message);
    expect(command.output()).not.toContain('http://127.0.0.1');
    expect(readFileSync(file, 'utf8')).toBe(settings());
  });

  it.each([
    ['a token', { github: 'github: { tokenSecret: t }' }, 'github.tokenSecret is set; take it out'],
    [
      'another mistake',
      { cluster: 'name: x, path: ./x' },
      'clusters[0]: found neither; allowed: exactly one of kubeconfig and eks',
    ],
  ])('refuses settings with %s', async (_, wrong, message) => {
    const command = create(write(wrong));

    expect(await command.exit).toBe(2);
    expect(command.errors()).toContain(message);
    expect(command.errors().split('\n')).toHaveLength(2);
  });

  it('prints each step to do by hand, and does nothing', async () => {
    const file = write({ cluster: EKS, github: 'github: { appId: 1 }' });

    const command = create(file, ['--print-steps', '--organization', 'acme', '--webhook-url', HOOK]);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    for (const text of [
      `1. Open ${github.url}/organizations/acme/settings/apps/new\n`,
      `Webhook URL: ${HOOK}\n`,
      'Contents: Read and write\n     Pull requests: Read and write\n     Commit statuses: Read and write\n     Metadata: Read-only\n',
      'Push, Pull request',
      '--region eu-west-1 --secret-id tidegate/github/private-key',
      "node -p 'JSON.stringify({ appId: <App ID>",
      '--secret-string file://key.json',
      `Take github.appId out of ${file}`,
    ]) {
      expect(command.output()).toContain(text);
    }
    expect(readFileSync(file, 'utf8')).toBe(settings({ cluster: EKS, github: 'github: { appId: 1 }' }));
  });

  it('explains itself with examples', async () => {
    const command = startCommand(['github-app', 'create', '--help']);

    expect(await command.exit).toBe(0);
    expect(command.output()).toContain('tidegate github-app create --organization acme');
  });

  it('was answered as GitHub would answer', () => {
    expect(github.violations).toEqual([]);
  });
});

describe('tidegate github-app create with Secrets Manager', () => {
  const [KEY, SECRET] = ['tidegate/github/private-key', 'tidegate/github/webhook-secret'];
  let moto: RunningMoto;
  let client: SecretsManagerClient;

  beforeAll(async () => {
    moto = await startMoto();
    client = new SecretsManagerClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  });

  afterEach(async () => {
    for (const SecretId of [KEY, SECRET]) {
      await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })).catch(() => {});
    }
  });

  afterAll(async () => {
    client.destroy();
    await moto.stop();
  });

  /** As the stack leaves them: the key without a value, the webhook secret filled with chance. */
  async function deploySecrets(): Promise<void> {
    await client.send(new CreateSecretCommand({ Name: KEY }));
    await client.send(new CreateSecretCommand({ Name: SECRET, SecretString: 'chance' }));
  }

  async function read(SecretId: string): Promise<string> {
    return (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? '';
  }

  it('fills the secrets that the stack has made, in the region of its cluster', async () => {
    await deploySecrets();
    const file = write({ cluster: EKS });
    const command = create(file, ['--organization', 'in-aws', '--webhook-url', HOOK], {
      ...moto.env,
      AWS_REGION: 'us-east-1',
    });

    await openPage((await registerOnGitHub(await addressOf(command))).url);

    expect(await outcomeOf(command)).toEqual({ exitCode: 0, errors: '' });
    const { app, hook } = await askAsApp(parseAppKey(await read(KEY), { name: KEY, appId: undefined }));
    expect(app?.name).toBe('Tidegate in-aws');
    expect(hook.url).toBe(HOOK);
    expect(await read(SECRET)).toMatch(/^[0-9a-f]{40}$/u);
    expect(command.output()).toContain('Secrets Manager in eu-west-1');
    expect(command.output() + command.errors()).not.toContain(await read(SECRET));
    expect(readdirSync(dirname(file))).toEqual(['tidegate.yaml']);
  });

  it('asks GitHub nothing before the stack is deployed, or when the key is there', async () => {
    const before = create(write({ cluster: EKS }), [], moto.env);
    expect(await before.exit).toBe(1);
    expect(before.errors()).toContain('Secrets Manager in eu-west-1 does not have it; deploy the stack there first');

    await client.send(new CreateSecretCommand({ Name: KEY, SecretString: 'ours' }));
    const after = create(write({ cluster: EKS }), [], moto.env);
    expect(await after.exit).toBe(1);
    expect(after.errors()).toContain('has a value for it already; give --replace');
    expect(before.output() + after.output()).toBe('');
  });

  it('says what to do when the key cannot be kept, and names no App in the settings', async () => {
    await deploySecrets();
    const file = write({ cluster: EKS });
    const command = create(file, ['--organization', 'lost'], moto.env);
    const sentBack = await registerOnGitHub(await addressOf(command));
    await moto.injectFault({
      operation: 'PutSecretValue',
      status: 400,
      code: 'AccessDeniedException',
      message: 'not authorized',
      times: 1,
    });

    await openPage(sentBack.url);

    expect(await command.exit).toBe(1);
    expect(command.errors()).toContain(
      'use credentials with secretsmanager:PutSecretValue on it; its key is lost: delete the App on',
    );
    expect(readFileSync(file, 'utf8')).toBe(settings({ cluster: EKS }));
  });
});
