import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { QueueHandler } from '#serve/serve-handlers.ts';
import { startEventIntake } from '#serve/start-event-intake.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { createSqsEventSource } from '#shared/adapters/sqs/sqs-event-source.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { HANDLED, until } from './open-serve.ts';

let moto: RunningMoto;
let client: SQSClient;
let queues = 0;

beforeAll(async () => {
  moto = await startMoto();
  client = new SQSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
});
afterAll(async () => {
  client.destroy();
  await moto.stop();
});

interface Intake {
  readonly log: () => string;
  readonly left: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** A queue of its own with these events in it, and the server's loop that feeds them to a handler. */
async function openIntake(events: readonly string[], handler: QueueHandler): Promise<Intake> {
  queues += 1;
  const { QueueUrl: queueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `events-${queues}` }));
  for (const event of events) await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: event }));
  let written = '';
  const running = startEventIntake({
    intake: createSqsEventSource({ queueUrl, client, visibilitySeconds: 1 }),
    handler,
    clock: { now: () => Date.now(), sleep: (_, signal) => systemClock.sleep(50, signal) },
    log: createJsonLogger({ level: 'info', knownSecrets: [], now: Date.now, write: (line) => void (written += line) }),
  });
  return {
    log: () => written,
    left: async () => {
      const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
      );
      return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
    },
    stop: () => running.stop(2_000),
  };
}

describe('the intake of registry events', () => {
  it('feeds each event to image-update as its queue would, and forgets it then', async () => {
    const seen: string[] = [];
    const intake = await openIntake(['{"n":1}', '{"n":2}'], async ({ Records: [record] }) => {
      seen.push(record?.body ?? '');
      return HANDLED;
    });

    await until('both events', () => seen.length === 2);
    await until('an empty queue', async () => (await intake.left()) === 0);
    await intake.stop();

    expect(seen.toSorted()).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('gets an event again that was handed back or whose handler broke, and no other', async () => {
    const seen: string[] = [];
    const intake = await openIntake(['good', 'broken', 'returned'], async ({ Records: [record] }) => {
      const { body = '', messageId = '' } = record ?? {};
      seen.push(body);
      const isFirst = seen.filter((other) => other === body).length === 1;
      if (body === 'broken' && isFirst) throw new Error('out of order');
      return body === 'returned' && isFirst ? { batchItemFailures: [{ itemIdentifier: messageId }] } : HANDLED;
    });

    await until('all to be handled', async () => (await intake.left()) === 0, 20_000);
    await intake.stop();

    expect(seen.toSorted()).toEqual(['broken', 'broken', 'good', 'returned', 'returned']);
    expect(intake.log()).toContain('handler failed');
  });

  it('goes on after the queue did not answer', async () => {
    await moto.injectFault({
      operation: 'ReceiveMessage',
      status: 403,
      code: 'AccessDeniedException',
      message: 'not now',
      times: 2,
    });
    const seen: string[] = [];
    const intake = await openIntake(['after'], async ({ Records: [record] }) => {
      seen.push(record?.body ?? '');
      return HANDLED;
    });

    await until('the event', () => seen.length === 1);
    await intake.stop();

    expect(intake.log()).toContain('registry events cannot be taken');
  });
});
