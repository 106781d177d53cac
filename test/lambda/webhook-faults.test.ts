import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { MAX_WEBHOOK_BYTES } from '#shared/webhooks/receive-webhook.ts';
import { signBody } from '#shared/webhooks/verify-signature.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import type { AwsInstallation } from '#stand-ins/lambda/start-installation.ts';
import { startInstallation } from '#stand-ins/lambda/start-installation.ts';
import { EXAMPLE_SETTINGS, synthesize } from '#test/infra/synthesize.ts';

const OLD = 'the-secret-before';
const NEW = 'the-secret-from-now-on';
/** As much as an organization that merges all day sends at its worst. */
const PER_SECOND = 50;
const HOUR_MS = 3_600_000;

interface Answer {
  readonly id: string;
  readonly status: number;
}

describe('the bundle of the webhook, when AWS has troubles', () => {
  let folder: string;
  let moto: RunningMoto;
  let aws: AwsInstallation;
  let sqs: SQSClient;
  let secrets: SecretsManagerClient;

  // Nothing reads the queues here: what was accepted lies there to be counted.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-webhook-faults-'));
    const [started, synthesis] = await Promise.all([startMoto(), synthesize(EXAMPLE_SETTINGS, join(folder, 'synth'))]);
    moto = started;
    const { stackName, template, assembly } = synthesis;
    const folders = { folder, logFolder: join(folder, 'logs') };
    const { kubectl } = await ensureClusterBinaries();
    aws = await startInstallation({ stackName, template, assembly, moto, ...folders, tickMs: HOUR_MS, kubectl });
    const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
    sqs = new SQSClient(connection);
    secrets = new SecretsManagerClient(connection);
    await putSecret(OLD);
  });
  beforeEach(() => Promise.all([drain('SourceSync'), drain('ImageUpdate')]));
  afterAll(async () => {
    await aws?.stop();
    sqs?.destroy();
    secrets?.destroy();
    await moto?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function putSecret(SecretString: string): Promise<void> {
    await secrets.send(new PutSecretValueCommand({ SecretId: aws.stack.outputs['WebhookSecret'], SecretString }));
  }

  /** What GitHub does for a push. */
  async function deliver(secret: string, id: string = randomUUID()): Promise<Answer> {
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      after: 'a'.repeat(40),
      repository: { html_url: 'https://github.com/acme/fleet-infra' },
    });
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': id,
      'x-hub-signature-256': signBody(Buffer.from(body), secret),
    };
    const response = await fetch(aws.webhookUrl, { method: 'POST', headers, body });
    await response.arrayBuffer();
    return { id, status: response.status };
  }

  /** A webhook that somebody made by hand sends forms, unless told otherwise. */
  async function deliverForm(bytes: number): Promise<Answer> {
    const id = randomUUID();
    const payload = {
      ref: 'refs/heads/main',
      after: 'a'.repeat(40),
      repository: { html_url: 'https://github.com/acme/fleet-infra' },
    };
    const form = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const body = `${form}&ballast=${'x'.repeat(bytes - form.length - '&ballast='.length)}`;
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-github-event': 'push',
      'x-github-delivery': id,
      'x-hub-signature-256': signBody(Buffer.from(body), NEW),
    };
    const response = await fetch(aws.webhookUrl, { method: 'POST', headers, body });
    await response.arrayBuffer();
    return { id, status: response.status };
  }

  /** On a machine too busy for 4 s AWS does not answer: the webhook says 503, and the delivery is sent again. */
  async function deliverUntilTaken(secret: string): Promise<Answer> {
    let answer = await deliver(secret);
    for (let tries = 1; answer.status === 503 && tries < 10; tries += 1) {
      await sleep(500);
      answer = await deliver(secret, answer.id);
    }
    return answer;
  }

  /** The deliveries that lie in a queue, in order; they are taken out of it. */
  async function drain(subject: 'SourceSync' | 'ImageUpdate'): Promise<readonly string[]> {
    const queue = aws.stack.resources.find(
      ({ type, id }) => type === 'AWS::SQS::Queue' && id.startsWith(subject) && !id.includes('DeadLetters'),
    );
    const QueueUrl = queue?.ref ?? '';
    const ids: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return ids;
      for (const { Body = '' } of Messages) {
        const message = WorkMessage.parse(JSON.parse(Body));
        if (message.type === 'RepositoryPushed') ids.push(message.deliveryId);
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  it('accepts every delivery while its secret is rotated under load, signed before or after, and queues each once', async () => {
    // Its processes know the old secret, for a moment only: nothing of the rotation may wait for them to forget it.
    await Promise.all([deliver(OLD), deliver(OLD)]);
    await Promise.all([drain('SourceSync'), drain('ImageUpdate')]);
    const sent: Promise<Answer>[] = [];
    const send = async (signedWith: readonly [string, string], seconds: number): Promise<void> => {
      for (let count = 0; count < seconds * PER_SECOND; count += 1) {
        sent.push(deliverUntilTaken(signedWith[count % 2 === 0 ? 0 : 1]));
        await sleep(1000 / PER_SECOND);
      }
    };

    await send([OLD, OLD], 1);
    await putSecret(`${NEW}\n${OLD}`);
    // GitHub changes over: what it signed before is still on its way, and is delivered again by hand later.
    await send([NEW, OLD], 2);
    await Promise.all(sent);
    await putSecret(NEW);
    await send([NEW, NEW], 1);
    const answers = await Promise.all(sent);

    expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
    const ids = answers.map(({ id }) => id).sort((a, b) => a.localeCompare(b));
    expect(ids).toHaveLength(4 * PER_SECOND);
    for (const queue of ['SourceSync', 'ImageUpdate'] as const) {
      expect([...(await drain(queue))].sort((a, b) => a.localeCompare(b))).toEqual(ids);
    }
  });

  it('queues a delivery once that GitHub sends again', async () => {
    await deliver(NEW, 'again');

    const again = await deliver(NEW, 'again');

    expect(again.status).toBe(202);
    expect(await drain('SourceSync')).toEqual(['again']);
    expect(await drain('ImageUpdate')).toEqual(['again']);
  });

  it.each([
    { trouble: 'SQS refuses some calls', fault: { status: 400, code: 'ThrottlingException', times: 2 } },
    { trouble: 'an answer of SQS is lost', fault: { status: 500, code: 'InternalError', times: 1, afterwards: true } },
  ])('accepts a delivery at once and queues it once when $trouble', async ({ fault }) => {
    await moto.injectFault({ operation: 'SendMessage', message: 'slow down', ...fault });

    const { id, status } = await deliver(NEW);

    expect(status).toBe(202);
    expect(await drain('SourceSync')).toEqual([id]);
    expect(await drain('ImageUpdate')).toEqual([id]);
  });

  it('asks GitHub to deliver again while SQS refuses every call, and queues it once when it does', async () => {
    const refusals = 12;
    await moto.injectFault({
      operation: 'SendMessage',
      status: 503,
      code: 'ServiceUnavailable',
      message: 'no',
      times: refusals,
    });
    const statuses: number[] = [];

    while (statuses.at(-1) !== 202 && statuses.length <= refusals) {
      statuses.push((await deliver(NEW, 'refused-at-first')).status);
    }

    expect(statuses.slice(0, -1)).toEqual(statuses.slice(0, -1).map(() => 503));
    expect(statuses.length).toBeGreaterThan(1);
    expect(await drain('SourceSync')).toEqual(['refused-at-first']);
    expect(await drain('ImageUpdate')).toEqual(['refused-at-first']);
  });

  it('answers with the secret that it knows while Secrets Manager does not answer, and accepts no other', async () => {
    await moto.injectFault({
      operation: 'GetSecretValue',
      status: 503,
      code: 'ServiceUnavailable',
      message: 'no',
      times: 20,
    });

    const [first, junk, second] = await Promise.all([
      deliver(NEW, 'known-1'),
      deliver('junk', 'junk'),
      deliver(NEW, 'known-2'),
    ]);

    expect([first.status, second.status]).toEqual([202, 202]);
    // A process that looked for a newer secret a moment ago knows that it is junk; any other cannot tell.
    expect([401, 503]).toContain(junk.status);
    expect((await drain('SourceSync')).toSorted()).toEqual(['known-1', 'known-2']);
  });

  it('takes the largest form that it says it takes, past the limits of API Gateway and Lambda, and refuses one byte more', async () => {
    await putSecret(NEW);

    const largest = await deliverForm(MAX_WEBHOOK_BYTES);
    const larger = await deliverForm(MAX_WEBHOOK_BYTES + 4);

    expect([largest.status, larger.status]).toEqual([202, 413]);
    expect(await drain('SourceSync')).toEqual([largest.id]);
  });
});
