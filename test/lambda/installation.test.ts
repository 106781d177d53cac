import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import { type Invocation, startFunction } from '#stand-ins/lambda/start-function.ts';
import { type AwsInstallation, startInstallation } from '#stand-ins/lambda/start-installation.ts';
import { EXAMPLE_SETTINGS, synthesize } from '#test/infra/synthesize.ts';

const WORKERS = ['SourceSync', 'ImageUpdate', 'Reconcileproduction', 'Reconcilestaging', 'Notify'];
const SECRET = 'a secret that GitHub was told';

let folder: string;
let moto: RunningMoto;
let secrets: SecretsManagerClient;
let sqs: SQSClient;
let aws: AwsInstallation;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-installation-'));
  moto = await startMoto();
  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  secrets = new SecretsManagerClient(connection);
  sqs = new SQSClient(connection);
  aws = await startInstallation({
    ...(await synthesize(EXAMPLE_SETTINGS, join(folder, 'synth'))),
    moto,
    folder,
    logFolder: join(folder, 'logs'),
    tickMs: 60_000,
    kubectl: (await ensureClusterBinaries()).kubectl,
  });
});
afterAll(async () => {
  await aws?.stop();
  secrets?.destroy();
  sqs?.destroy();
  await moto?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Delivery {
  readonly secret: string;
  readonly contentType?: string;
  readonly path?: string;
  readonly method?: 'GET' | 'POST';
}

const push = {
  ref: 'refs/heads/main',
  after: '1'.repeat(40),
  before: '0'.repeat(40),
  // What is signed is bytes: these are more of them than characters.
  pusher: { name: 'Zoë Ørsted 🚢' },
  repository: {
    full_name: 'acme/fleet-infra',
    html_url: 'https://github.com/acme/fleet-infra',
    clone_url: 'https://github.com/acme/fleet-infra.git',
    default_branch: 'main',
  },
};

async function deliver(delivery: Delivery): Promise<{ readonly status: number; readonly text: string }> {
  const { secret, contentType = 'application/json', path = '', method = 'POST' } = delivery;
  const body = JSON.stringify(push);
  const response = await fetch(`${aws.webhookUrl}${path}`, {
    method,
    headers: {
      'content-type': contentType,
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    ...(method === 'GET' ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

async function receive(): Promise<readonly unknown[]> {
  const [queue] = aws.stack.resources.filter(({ id }) => id.startsWith('SourceSyncWorkQueue'));
  const QueueUrl = queue?.ref;
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  // What is under way holds up its group.
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.map(({ Body = '' }): unknown => JSON.parse(Body));
}

describe('the address for webhooks', () => {
  it('answers 401 until GitHub is told a secret, and sends nothing on', async () => {
    expect(await deliver({ secret: '' })).toMatchObject({ status: 401 });
    expect(await deliver({ secret: SECRET })).toMatchObject({ status: 401 });
    expect(await receive()).toEqual([]);
  });

  it.each([
    ['a path that is no route', { path: '/other' }],
    ['a method that is no route', { method: 'GET' as const }],
  ])('knows nothing of %s', async (_what, delivery) => {
    expect(await deliver({ secret: SECRET, ...delivery })).toEqual({ status: 404, text: '{"message":"Not Found"}' });
  });

  it.each(['application/json', 'application/octet-stream'])(
    'takes what is signed with the secret, byte for byte: %s',
    async (contentType) => {
      const SecretId = aws.stack.outputs['WebhookSecret'];
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
      if (SecretString !== SECRET) {
        await secrets.send(new PutSecretValueCommand({ SecretId, SecretString: SECRET }));
        // One that has asked for the secret a moment ago asks again half a minute later.
        await aws.functionOf('Webhook').retire();
      }

      expect(await deliver({ secret: SECRET, contentType })).toMatchObject({ status: 202 });
      expect(await receive()).toContainEqual(expect.objectContaining({ type: 'RepositoryPushed' }));
    },
  );
});

describe.each(WORKERS)('%s', (id) => {
  it('starts with the variables of the template', async () => {
    const invocation = await aws.functionOf(id).invoke({ Records: [] });
    expect(invocation).toMatchObject({ outcome: 'answered', payload: { batchItemFailures: [] } });
  });
});

describe.each(['Webhook', ...WORKERS])('%s', (id) => {
  it('needs every variable that the template sets, and says which are missing', async () => {
    const { description, options } = aws.functionOf(id);
    const { NODE_OPTIONS, ...needed } = description.environment;
    const poor = startFunction({ ...options, environment: { NODE_OPTIONS: NODE_OPTIONS ?? '' } });
    const invocation = await poor.invoke({ Records: [] });
    await poor.stop();
    expect(invocation.outcome).toBe('failed');
    const [, named = ''] = /environment variables ([\w, ]+) are missing/u.exec(messageOf(invocation)) ?? [];
    expect(named.split(', ').toSorted()).toEqual(Object.keys(needed).toSorted());
  });
});

function messageOf(invocation: Invocation): string {
  return invocation.outcome === 'failed' ? invocation.message : '';
}
