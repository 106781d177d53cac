import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { CallAws } from '#shared/adapters/aws-http/call-aws.ts';
import { createAwsCaller } from '#shared/adapters/aws-http/call-aws.ts';
import { createHttpSecrets } from '#shared/adapters/aws-http/http-secrets.ts';
import { createHttpWorkQueues } from '#shared/adapters/aws-http/http-work-queues.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { describeSecrets } from './secrets.contract.ts';
import { consume, createQueues, openSqs } from './sqs-on-moto.ts';
import { describeWorkQueues } from './work-queues.contract.ts';

let moto: RunningMoto;
let sqs: SQSClient;
let secretsManager: SecretsManagerClient;
let callAws: CallAws;
let made = 0;

beforeAll(async () => {
  moto = await startMoto();
  const { url: endpoint, region, credentials } = moto;
  sqs = openSqs(moto);
  secretsManager = new SecretsManagerClient({ endpoint, region, credentials, maxAttempts: 2 });
  callAws = createAwsCaller({ region, ...credentials, endpoint });
});

afterAll(async () => {
  sqs?.destroy();
  secretsManager?.destroy();
  await moto?.stop();
});

const message = { type: 'Tick', id: '1' } as const;
const work = { queue: 'source-sync', group: 'a', deduplicationId: '1', message } as const;

async function createSecret(value: { SecretString?: string; SecretBinary?: Uint8Array } = {}): Promise<string> {
  made += 1;
  const Name = `tidegate/test/secret-${made}`;
  await secretsManager.send(new CreateSecretCommand({ Name, ...value }));
  return Name;
}

async function countCalls(operation: string): Promise<number> {
  return (await moto.countRequests())[operation] ?? 0;
}

describeWorkQueues('SQS without its SDK', async () => {
  const urls = await createQueues(sqs);
  return { queues: createHttpWorkQueues(callAws, urls), consumer: consume(sqs, urls) };
});

describeSecrets('Secrets Manager without its SDK', async () => {
  made += 1;
  const unique = `tidegate/world-${made}/`;
  const secrets = createHttpSecrets(callAws);
  return {
    secrets: { read: (name) => secrets.read(`${unique}${name}`) },
    put: async (name, value) => {
      const Name = `${unique}${name}`;
      const SecretString = typeof value === 'string' ? value : JSON.stringify(value);
      const isThere = (await secrets.read(Name)) !== undefined;
      if (isThere) await secretsManager.send(new PutSecretValueCommand({ SecretId: Name, SecretString }));
      else await secretsManager.send(new CreateSecretCommand({ Name, SecretString }));
    },
  };
});

describe('work sent without the SDK', () => {
  it.each([
    [400, 'ThrottlingException', false],
    [400, 'RequestThrottled', false],
    [429, 'TooManyRequestsException', false],
    [503, 'ServiceUnavailable', false],
    [500, 'InternalFailure', true],
  ])('arrives once when SQS answers %i %s three times (after the fact: %s)', async (status, code, afterwards) => {
    const urls = await createQueues(sqs);
    await moto.injectFault({ operation: 'SendMessage', message: 'no', status, code, afterwards, times: 3 });

    await createHttpWorkQueues(callAws, urls).send(work);

    const consumer = consume(sqs, urls);
    const [first] = await consumer.receive('source-sync', 10);
    await consumer.delete('source-sync', first?.receipt ?? '');
    expect(first?.message).toEqual(message);
    expect(await consumer.receive('source-sync', 10)).toEqual([]);
  });

  it('is to be tried again when SQS stays overloaded, after four calls', async () => {
    const queues = createHttpWorkQueues(callAws, await createQueues(sqs));
    const before = await countCalls('SendMessage');
    await moto.injectFault({ operation: 'SendMessage', message: 'no', status: 503, code: 'Overloaded', times: 4 });

    await expect(queues.send(work)).rejects.toMatchObject({
      code: 'QueueUnavailable',
      disposition: 'retry',
      message: 'queue source-sync does not answer (Overloaded): it is tried again',
    });
    expect(await countCalls('SendMessage')).toBe(before + 4);
  });

  it('names the right that is missing, after one call, the queue that is gone and the one nobody named', async () => {
    const urls = await createQueues(sqs);
    const url = urls['source-sync'] ?? '';
    const queues = createHttpWorkQueues(callAws, { 'source-sync': url });
    const before = await countCalls('SendMessage');
    await moto.injectFault({
      operation: 'SendMessage',
      message: 'no',
      status: 400,
      code: 'com.amazonaws.sqs#AccessDeniedException',
      times: 1,
    });
    await expect(queues.send(work)).rejects.toMatchObject({
      code: 'AccessDenied',
      disposition: 'retry',
      message: expect.stringContaining('(AccessDeniedException): grant sqs:SendMessage'),
    });
    expect(await countCalls('SendMessage')).toBe(before + 1);

    const gone = createHttpWorkQueues(callAws, { 'source-sync': `${url}-gone.fifo` });
    await expect(gone.send(work)).rejects.toMatchObject({ code: 'QueueNotFound', disposition: 'retry' });

    await expect(queues.send({ ...work, queue: 'reconcile/other' })).rejects.toMatchObject({
      code: 'QueueUnknown',
      disposition: 'stall',
      message: expect.stringContaining('(source-sync)'),
    });
  });
});

describe('secrets read without the SDK', () => {
  it('are read as text, from bytes too, and are nothing when they were never filled', async () => {
    const secrets = createHttpSecrets(callAws);

    expect(await secrets.read(await createSecret({ SecretString: 'first line\nsecond é' }))).toBe(
      'first line\nsecond é',
    );
    expect(await secrets.read(await createSecret({ SecretBinary: Buffer.from('bytes é') }))).toBe('bytes é');
    expect(await secrets.read(await createSecret())).toBeUndefined();
  });

  it('come through three throttled calls, and say what is wrong after more', async () => {
    const name = await createSecret({ SecretString: 'value' });
    const secrets = createHttpSecrets(callAws);
    const fault = { operation: 'GetSecretValue', status: 400, message: 'no' };
    await moto.injectFault({ ...fault, code: 'ThrottlingException', times: 3 });
    expect(await secrets.read(name)).toBe('value');

    await moto.injectFault({ ...fault, code: 'ThrottlingException', times: 4 });
    await expect(secrets.read(name)).rejects.toMatchObject({
      code: 'SecretUnreadable',
      disposition: 'retry',
      message: expect.stringContaining('ThrottlingException'),
    });
    await moto.injectFault({ ...fault, code: 'AccessDeniedException', times: 1 });
    await expect(secrets.read(name)).rejects.toThrow('grant secretsmanager:GetSecretValue');
  });
});

describe('an AWS that answers badly', () => {
  let server: Server;
  let endpoint: string;
  let requests: IncomingMessage[];
  let behave: (response: ServerResponse, count: number) => void;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      request.resume();
      behave(response, requests.length);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    endpoint = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const taken = (response: ServerResponse): void => void response.end('{"MessageId":"1","SequenceNumber":"1"}');

  function send(): Promise<void> {
    const caller = createAwsCaller({
      region: 'eu-west-1',
      accessKeyId: 'ASIAEXAMPLE',
      secretAccessKey: 'secret',
      sessionToken: 'session',
      endpoint,
    });
    return createHttpWorkQueues(caller, { 'source-sync': `${endpoint}/1/source-sync.fifo` }).send(work);
  }

  function read(): Promise<string | undefined> {
    const caller = createAwsCaller({ region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 's', endpoint });
    return createHttpSecrets(caller).read('tidegate/github/webhook-secret');
  }

  it('is called once, signed for the service and the region, with the session of the credentials', async () => {
    behave = taken;

    await send();

    expect(requests).toHaveLength(1);
    expect(requests[0]?.method).toBe('POST');
    expect(requests[0]?.headers).toMatchObject({
      'x-amz-target': 'AmazonSQS.SendMessage',
      'x-amz-security-token': 'session',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d{8}\/eu-west-1\/sqs\/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$/u,
      ),
    });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['breaks the connection', (response) => void response.destroy()],
    [
      'breaks off in the middle',
      (response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{"MessageId":', () => response.destroy());
      },
    ],
    ['has a balancer answer for it', (response) => void response.writeHead(503).end('<html>busy</html>')],
    ['answers 500 with nothing', (response) => void response.writeHead(500).end()],
  ])('is asked again when it %s, up to four times in all', async (_what, fail) => {
    behave = (response, count) => (count < 4 ? fail(response) : taken(response));
    await send();
    expect(requests).toHaveLength(4);

    requests.length = 0;
    behave = fail;
    await expect(send()).rejects.toMatchObject({
      disposition: 'retry',
      message: expect.stringMatching(/\((?:ECONNRESET|HTTP 50[03])\): it is tried again$/u),
    });
    expect(requests).toHaveLength(4);
  });

  it.each<[string, (response: ServerResponse) => void, string, string]>([
    [
      'no JSON',
      (response) => void response.end('<html>sign in</html>'),
      'queue source-sync does not answer (HTTP 200): it is tried again',
      'could not be read from Secrets Manager (HTTP 200)',
    ],
    [
      'an empty object',
      (response) => void response.end('{}'),
      'queue source-sync does not answer (an answer without MessageId): it is tried again',
      'could not be read from Secrets Manager (an answer without a value)',
    ],
    [
      'null',
      (response) => void response.end('null'),
      'queue source-sync does not answer (an answer without MessageId): it is tried again',
      'could not be read from Secrets Manager (an answer without a value)',
    ],
    [
      'a redirect, which is not followed',
      (response) => void response.writeHead(302, { location: `${endpoint}/elsewhere` }).end(),
      'queue source-sync does not answer (HTTP 302): it is tried again',
      'could not be read from Secrets Manager (HTTP 302)',
    ],
    [
      'an error with a type of its own',
      (response) => void response.writeHead(400).end('{"__type":42}'),
      'queue source-sync does not answer (HTTP 400): it is tried again',
      'could not be read from Secrets Manager (HTTP 400)',
    ],
  ])('is not taken at its word when the answer is %s', async (_what, answer, ofQueue, ofSecret) => {
    behave = answer;

    await expect(send()).rejects.toMatchObject({ code: 'QueueUnavailable', disposition: 'retry', message: ofQueue });
    await expect(read()).rejects.toMatchObject({
      code: 'SecretUnreadable',
      disposition: 'retry',
      message: expect.stringContaining(ofSecret),
    });
    expect(requests).toHaveLength(2);
  });

  it('fills no memory with an answer that does not end', async () => {
    let written = 0;
    behave = (response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const fill = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', fill);
      response.on('error', () => {});
      fill();
    };

    await expect(read()).rejects.toMatchObject({ code: 'AwsUnavailable', disposition: 'retry' });
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never comes', () => {}],
    ['stops in the middle', (response) => void response.writeHead(200).write('{"MessageId":')],
  ])('is waited for no longer than four seconds, all tries together, when the answer %s', async (_what, answer) => {
    behave = answer;
    const started = performance.now();

    await expect(send()).rejects.toMatchObject({
      code: 'AwsUnavailable',
      disposition: 'retry',
      message: 'AmazonSQS.SendMessage got no answer in 4000 ms: it is tried again',
    });

    const took = performance.now() - started;
    expect(took).toBeGreaterThan(3_900);
    expect(took).toBeLessThan(7_000);
    expect(requests).toHaveLength(1);
  });
});
