import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

import type { QueueName } from '#shared/work/work-message.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';

import type { QueueConsumer } from './work-queues.contract.ts';

/** Which FIFO queue of moto is which. */
export type QueueUrls = Readonly<Partial<Record<QueueName, string>>>;

/** A client of a running moto. */
export function openSqs({ url: endpoint, region, credentials }: RunningMoto): SQSClient {
  return new SQSClient({ endpoint, region, credentials, maxAttempts: 3 });
}

let created = 0;

/** Makes the queues of a small installation, new ones each time. */
export async function createQueues(client: SQSClient): Promise<QueueUrls> {
  const urls: Partial<Record<QueueName, string>> = {};
  for (const queue of ['source-sync', 'image-update', 'reconcile/laptop'] as const) {
    created += 1;
    const command = new CreateQueueCommand({ QueueName: `queue-${created}.fifo`, Attributes: { FifoQueue: 'true' } });
    const { QueueUrl } = await client.send(command);
    if (QueueUrl !== undefined) urls[queue] = QueueUrl;
  }
  return urls;
}

/** Receives from the queues as a worker does. */
export function consume(client: SQSClient, urls: QueueUrls): QueueConsumer {
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
