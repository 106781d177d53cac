import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createGithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { cacheSecrets } from '#shared/adapters/secrets-manager/cache-secrets.ts';
import { createSecretsManagerSecrets } from '#shared/adapters/secrets-manager/secrets-manager-secrets.ts';
import { parseWebhookSecrets } from '#shared/webhooks/parse-webhook-secrets.ts';
import { signBody } from '#shared/webhooks/verify-signature.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { describeSecrets } from './secrets.contract.ts';

const MINUTE_MS = 60_000;
let moto: RunningMoto;
let client: SecretsManagerClient;
let made = 0;

beforeAll(async () => {
  moto = await startMoto();
  const { url: endpoint, region, credentials } = moto;
  client = new SecretsManagerClient({ endpoint, region, credentials, maxAttempts: 2 });
});

afterAll(async () => {
  client?.destroy();
  await moto?.stop();
});

async function createSecret(value?: string): Promise<string> {
  made += 1;
  const Name = `tidegate/test/secret-${made}`;
  await client.send(new CreateSecretCommand({ Name, ...(value === undefined ? {} : { SecretString: value }) }));
  return Name;
}

async function changeSecret(SecretId: string, SecretString: string): Promise<void> {
  await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
}

async function countReads(): Promise<number> {
  return (await moto.countRequests())['GetSecretValue'] ?? 0;
}

function failReads(code: string, times: number): Promise<void> {
  return moto.injectFault({ operation: 'GetSecretValue', status: 400, code, message: 'no', times });
}

const plain = (learn: (value: string) => void = () => undefined) => createSecretsManagerSecrets({ learn, client });

describeSecrets('Secrets Manager', async () => {
  made += 1;
  const unique = `tidegate/world-${made}/`;
  const source = plain();
  return {
    secrets: { read: (name) => source.read(`${unique}${name}`) },
    put: async (name, value) => {
      const Name = `${unique}${name}`;
      const SecretString = typeof value === 'string' ? value : JSON.stringify(value);
      if ((await source.read(Name)) === undefined) await client.send(new CreateSecretCommand({ Name, SecretString }));
      else await changeSecret(Name, SecretString);
    },
  };
});

describe('secrets of Secrets Manager', () => {
  it('are read by name, and are nothing when they do not exist or were never filled', async () => {
    const name = await createSecret('first line\nsecond line');

    expect(await plain().read(name)).toBe('first line\nsecond line');
    expect(await plain().read('tidegate/test/missing')).toBeUndefined();
    expect(await plain().read(await createSecret())).toBeUndefined();
  });

  it('are told to whoever keeps the logs clean, line by line and key by key', async () => {
    const learned: string[] = [];
    const name = await createSecret(JSON.stringify({ username: 'octo', password: 'hunter2-hunter2\nsecond-line' }));

    await plain((value) => learned.push(value)).read(name);

    expect(learned).toEqual(expect.arrayContaining(['hunter2-hunter2', 'second-line']));
    expect(learned).not.toContain('octo');
  });

  it.each(['', '../x', 'a//b', 'a b', 'arn:aws:secretsmanager:eu-west-1:1:secret:x', 'a'.repeat(300) + ' '])(
    'are not asked for by %j',
    async (name) => {
      const before = await countReads();
      await expect(plain().read(name)).rejects.toMatchObject({ code: 'SecretNameInvalid' });
      expect(await countReads()).toBe(before);
    },
  );

  it('come through one throttled call, and say what is wrong after more', async () => {
    const name = await createSecret('value');
    await failReads('ThrottlingException', 1);
    expect(await plain().read(name)).toBe('value');

    await failReads('ThrottlingException', 2);
    await expect(plain().read(name)).rejects.toMatchObject({ code: 'SecretUnreadable', disposition: 'retry' });
    await failReads('AccessDeniedException', 1);
    await expect(plain().read(name)).rejects.toThrow('grant secretsmanager:GetSecretValue');
  });
});

describe('the cache of secrets', () => {
  it('asks once for many readers and once in five minutes', async () => {
    let now = 0;
    const name = await createSecret('old');
    const secrets = cacheSecrets(plain(), { now: () => now });
    const before = await countReads();

    await Promise.all(Array.from({ length: 50 }, () => secrets.read(name)));
    await changeSecret(name, 'new');
    now = 5 * MINUTE_MS - 1;
    expect(await secrets.read(name)).toBe('old');
    expect(await countReads()).toBe(before + 1);

    now = 5 * MINUTE_MS;
    expect(await secrets.read(name)).toBe('new');
    expect(await countReads()).toBe(before + 2);
  });

  it('serves the last value while Secrets Manager does not answer, for an hour', async () => {
    let now = 0;
    const name = await createSecret('value');
    const secrets = cacheSecrets(plain(), { now: () => now });
    await secrets.read(name);
    await failReads('AccessDeniedException', 3);
    const before = await countReads();

    now = 6 * MINUTE_MS;
    expect(await secrets.read(name)).toBe('value');
    now += 29_000;
    expect(await secrets.read(name)).toBe('value');
    expect(await countReads()).toBe(before + 1);
    now += 1_000;
    expect(await secrets.read(name)).toBe('value');
    expect(await countReads()).toBe(before + 2);

    now = 61 * MINUTE_MS;
    await expect(secrets.read(name)).rejects.toMatchObject({ code: 'SecretUnreadable' });
    expect(await secrets.read(name)).toBe('value');
  });

  it('asks again at once for the first value that does not do, however lately it was read, and then pauses', async () => {
    let now = 0;
    const name = await createSecret('old');
    const secrets = cacheSecrets(plain(), { now: () => now });
    await secrets.read(name);
    await changeSecret(name, 'new');
    const before = await countReads();

    now = 1;
    expect(await secrets.read(name, { renewed: true })).toBe('new');
    await changeSecret(name, 'newest');
    now = 30_000;
    expect(await secrets.read(name, { renewed: true })).toBe('new');
    expect(await countReads()).toBe(before + 1);
    now = 30_001;
    expect(await secrets.read(name, { renewed: true })).toBe('newest');
  });

  it('does not answer for whom the value did not do while Secrets Manager does not, and asks it again soon', async () => {
    let now = 0;
    const name = await createSecret('old');
    const secrets = cacheSecrets(plain(), { now: () => now });
    await secrets.read(name);
    await changeSecret(name, 'new');
    await failReads('AccessDeniedException', 1);
    const before = await countReads();

    await expect(secrets.read(name, { renewed: true })).rejects.toMatchObject({ code: 'SecretUnreadable' });
    now = 1_999;
    await expect(secrets.read(name, { renewed: true })).rejects.toMatchObject({ code: 'SecretUnreadable' });
    expect(await secrets.read(name)).toBe('old');
    expect(await countReads()).toBe(before + 1);

    now = 2_000;
    expect(await secrets.read(name, { renewed: true })).toBe('new');
    expect(await secrets.read(name)).toBe('new');
    expect(await countReads()).toBe(before + 2);
  });

  it('serves 50 readers at once, through rotation and throttling, with few calls and nothing older than it says', async () => {
    let now = 0;
    const name = await createSecret('value 0');
    const secrets = cacheSecrets(plain(), { now: () => now });
    const current: { readonly from: number; readonly value: string }[] = [{ from: 0, value: 'value 0' }];
    const isThrottledAt = (minute: number): boolean => minute >= 20 && minute < 30;
    const before = await countReads();

    for (let minute = 0; minute < 60; minute += 1) {
      now = minute * MINUTE_MS;
      if (minute % 7 === 3) {
        current.push({ from: now, value: `value ${minute}` });
        await changeSecret(name, `value ${minute}`);
      }
      // Two calls, because the client makes a second one by itself.
      if (isThrottledAt(minute)) await failReads('ThrottlingException', 2);

      const values = new Set(await Promise.all(Array.from({ length: 50 }, () => secrets.read(name))));

      const [value] = values;
      const replacedAt = current[current.findIndex((known) => known.value === value) + 1]?.from ?? now;
      const oldestAllowed = minute >= 20 && minute < 35 ? 15 * MINUTE_MS : 5 * MINUTE_MS;
      expect({ minute, values: values.size, isKnown: current.some((known) => known.value === value) }).toEqual({
        minute,
        values: 1,
        isKnown: true,
      });
      expect(now - replacedAt).toBeLessThanOrEqual(oldestAllowed);
    }

    // Each five minutes, and each minute with its second try while throttled: not one for each of 3,000 readers.
    expect((await countReads()) - before).toBeLessThanOrEqual(60 / 5 + 10 * 2);
  });

  it('gives 50 readers who want a newer value one call, and the new value when it is there', async () => {
    let now = 0;
    const name = await createSecret('old');
    const secrets = cacheSecrets(plain(), { now: () => now });
    await secrets.read(name);
    await changeSecret(name, 'new');
    const before = await countReads();
    now = 30_000;

    const values = await Promise.all(Array.from({ length: 50 }, () => secrets.read(name, { renewed: true })));

    expect(new Set(values)).toEqual(new Set(['new']));
    expect(await countReads()).toBe(before + 1);
  });

  it('finds a secret half a minute after it was filled', async () => {
    let now = 0;
    const name = await createSecret();
    const secrets = cacheSecrets(plain(), { now: () => now });
    expect(await secrets.read(name)).toBeUndefined();
    await changeSecret(name, 'value');

    now = 29_999;
    expect(await secrets.read(name)).toBeUndefined();
    now = 30_000;
    expect(await secrets.read(name)).toBe('value');
  });
});

function delivery(secret: string, id: number): APIGatewayProxyEventV2 {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    after: 'a'.repeat(40),
    repository: { html_url: 'https://github.com/acme/fleet-infra' },
  });
  const http = { method: 'POST', path: '/webhook', protocol: 'HTTP/1.1', sourceIp: '::1', userAgent: '' };
  const context = { accountId: '', apiId: '', domainName: '', domainPrefix: '', requestId: '', routeKey: '' };
  return {
    version: '2.0',
    routeKey: 'POST /webhook',
    rawPath: '/webhook',
    rawQueryString: '',
    headers: {
      'x-github-event': 'push',
      'x-github-delivery': `${id}`,
      'x-hub-signature-256': signBody(Buffer.from(body), secret),
    },
    requestContext: { ...context, http, stage: '', time: '', timeEpoch: 0 },
    body,
    isBase64Encoded: false,
  };
}

describe('the webhook while its secret is rotated', () => {
  it('takes the first delivery signed with the new secret, for one read more, and junk costs two reads a minute', async () => {
    let now = 0;
    const name = await createSecret('old-secret');
    const secrets = cacheSecrets(plain(), { now: () => now });
    const taken = new Set<string>();
    const handler = createGithubWebhookHandler({
      queues: { send: async ({ deduplicationId }) => void taken.add(deduplicationId) },
      readSecrets: async (request) => parseWebhookSecrets((await secrets.read(name, request)) ?? ''),
      log: createJsonLogger({ level: 'error', knownSecrets: [], now: () => now, write: () => undefined }),
    });
    const deliver = async (secret: string, ids: readonly number[]): Promise<readonly (number | undefined)[]> => [
      ...new Set(
        (await Promise.all(ids.map((id) => handler(delivery(secret, id))))).map(({ statusCode }) => statusCode),
      ),
    ];
    const ids = Array.from({ length: 50 }, (_, index) => index);
    expect(await deliver('old-secret', ids)).toEqual([202]);
    const before = await countReads();

    now = MINUTE_MS;
    await changeSecret(name, 'new-secret\nold-secret');
    expect(
      await deliver(
        'new-secret',
        ids.map((id) => id + 100),
      ),
    ).toEqual([202]);
    expect(
      await deliver(
        'old-secret',
        ids.map((id) => id + 200),
      ),
    ).toEqual([202]);
    expect(await countReads()).toBe(before + 1);
    expect(taken.size).toBe(300);

    for (let second = 1; second <= 60; second += 1) {
      now = MINUTE_MS + second * 1000;
      expect(await deliver('guess', [second, second, second])).toEqual([401]);
    }
    expect(await countReads()).toBe(before + 3);
    expect(taken.size).toBe(300);
  });
});
