import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMoto } from '#local/aws/start-moto.ts';
import type { RunningMoto } from '#local/aws/start-moto.ts';
import { createSqsWorkQueues } from '#shared/adapters/sqs/sqs-work-queues.ts';
import type { QueueName } from '#shared/work/work-message.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import { describeWorkQueues } from './work-queues.contract.ts';
import type { QueueConsumer } from './work-queues.contract.ts';

type Urls = Readonly<Partial<Record<QueueName, string>>>;

let moto: RunningMoto;
let client: SQSClient;
let created = 0;

beforeAll(async () => {
  moto = await startMoto();
  const { url: endpoint, region, credentials } = moto;
  client = new SQSClient({ endpoint, region, credentials, maxAttempts: 3 });
});

afterAll(async () => {
  client?.destroy();
  await moto?.stop();
});

async function createQueues(): Promise<Urls> {
  const urls: Partial<Record<QueueName, string>> = {};
  for (const queue of ['source-sync', 'image-update', 'reconcile/laptop'] as const) {
    created += 1;
    const command = new CreateQueueCommand({ QueueName: `queue-${created}.fifo`, Attributes: { FifoQueue: 'true' } });
    const { QueueUrl } = await client.send(command);
    if (QueueUrl !== undefined) urls[queue] = QueueUrl;
  }
  return urls;
}

function consume(urls: Urls): QueueConsumer {
  return {
    receive: async (queue, max) => {
      const command = new ReceiveMessageCommand({ QueueUrl: urls[queue], MaxNumberOfMessages: max });
      const { Messages = [] } = await client.send(command);
      return Messages.map(({ ReceiptHandle = '', Body = '' }) => ({
        receipt: ReceiptHandle,
        message: WorkMessage.parse(JSON.parse(Body)),
      }));
    },
    delete: async (queue, receipt) => {
      await client.send(new DeleteMessageCommand({ QueueUrl: urls[queue], ReceiptHandle: receipt }));
    },
  };
}

describeWorkQueues('SQS', async () => {
  const urls = await createQueues();
  return { queues: createSqsWorkQueues({ urls, client }), consumer: consume(urls) };
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
    const urls = await createQueues();
    await moto.injectFault({ ...fault, status, code, afterwards, times: 2 });

    await createSqsWorkQueues({ urls, client }).send(work);

    const consumer = consume(urls);
    const [first] = await consumer.receive('source-sync', 10);
    await consumer.delete('source-sync', first?.receipt ?? '');
    expect(first?.message).toEqual(message);
    expect(await consumer.receive('source-sync', 10)).toEqual([]);
  });

  it('ask for another try when SQS stays overloaded', async () => {
    const urls = await createQueues();
    await moto.injectFault({ ...fault, status: 400, code: 'ThrottlingException', times: 3 });

    await expect(createSqsWorkQueues({ urls, client }).send(work)).rejects.toMatchObject({
      code: 'QueueUnavailable',
      disposition: 'retry',
      message: expect.stringContaining('ThrottlingException'),
    });
  });

  it('name the right that is missing, the queue that is gone and the one nobody named', async () => {
    const urls = await createQueues();
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
