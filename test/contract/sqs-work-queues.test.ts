import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createSqsWorkQueues } from '#shared/adapters/sqs/sqs-work-queues.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { consume, createQueues, openSqs } from './sqs-on-moto.ts';
import { describeWorkQueues } from './work-queues.contract.ts';

let moto: RunningMoto;
let client: SQSClient;

beforeAll(async () => {
  moto = await startMoto();
  client = openSqs(moto);
});

afterAll(async () => {
  client?.destroy();
  await moto?.stop();
});

describeWorkQueues('SQS', async () => {
  const urls = await createQueues(client);
  return { queues: createSqsWorkQueues({ urls, client }), consumer: consume(client, urls) };
});

describe('work queues in SQS', () => {
  const message: WorkMessage = { type: 'Tick', id: '1' };
  const work = { queue: 'source-sync', group: 'a', deduplicationId: '1', message } as const;
  const fault = { operation: 'SendMessage', message: 'no' };

  it.each([
    [400, 'ThrottlingException', false],
    [400, 'RequestThrottled', false],
    [500, 'InternalFailure', false],
    [500, 'InternalFailure', true],
  ])('send once when SQS answers %i %s twice (after the fact: %s)', async (status, code, afterwards) => {
    const urls = await createQueues(client);
    await moto.injectFault({ ...fault, status, code, afterwards, times: 2 });

    await createSqsWorkQueues({ urls, client }).send(work);

    const consumer = consume(client, urls);
    const [first] = await consumer.receive('source-sync', 10);
    await consumer.delete('source-sync', first?.receipt ?? '');
    expect(first?.message).toEqual(message);
    expect(await consumer.receive('source-sync', 10)).toEqual([]);
  });

  it('ask for another try when SQS stays overloaded', async () => {
    const urls = await createQueues(client);
    await moto.injectFault({ ...fault, status: 400, code: 'ThrottlingException', times: 3 });

    await expect(createSqsWorkQueues({ urls, client }).send(work)).rejects.toMatchObject({
      code: 'QueueUnavailable',
      disposition: 'retry',
      message: expect.stringContaining('ThrottlingException'),
    });
  });

  it('name the right that is missing, the queue that is gone and the one nobody named', async () => {
    const urls = await createQueues(client);
    const queues = createSqsWorkQueues({ urls: { 'source-sync': urls['source-sync'] ?? '' }, client });
    await moto.injectFault({ ...fault, status: 403, code: 'AccessDeniedException', times: 1 });
    await expect(queues.send(work)).rejects.toThrow('grant sqs:SendMessage');

    const gone = createSqsWorkQueues({ urls: { 'source-sync': `${urls['source-sync']}-gone.fifo` }, client });
    await expect(gone.send(work)).rejects.toMatchObject({ code: 'QueueNotFound', disposition: 'retry' });

    await expect(queues.send({ ...work, queue: 'reconcile/other' })).rejects.toMatchObject({
      code: 'QueueUnknown',
      message: expect.stringContaining('(source-sync)'),
    });
  });
});
