import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

import { nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { explainQueueFailure, findQueueUrl } from '#shared/adapters/aws/explain-queue-failure.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { formatWorkMessage } from '#shared/work/format-work-message.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName } from '#shared/work/work-message.ts';

/** Which FIFO queue is which. */
export interface SqsWorkQueuesOptions {
  /** Only those that the caller may send to. */
  readonly urls: Readonly<Partial<Record<QueueName, string>>>;
  /** By default a client with the region and the credentials of the environment. */
  readonly client?: SQSClient;
}

/** Work queues, with connections to close. */
export interface SqsWorkQueues extends WorkQueues {
  close(): void;
}

/** Sends work to SQS FIFO queues. The deduplication id makes a call that is repeated after its answer was lost a no-op. */
export function createSqsWorkQueues(options: SqsWorkQueuesOptions): SqsWorkQueues {
  const { urls, client = createDefaultClient() } = options;
  return {
    send: async ({ queue, group, deduplicationId, message }) => {
      const QueueUrl = findQueueUrl(urls, queue);
      const MessageBody = formatWorkMessage(queue, message);
      const command = new SendMessageCommand({
        QueueUrl,
        MessageBody,
        MessageGroupId: messageGroup(group),
        MessageDeduplicationId: messageGroup(deduplicationId),
      });
      try {
        await client.send(command);
      } catch (error) {
        throw explainQueueFailure({ queue, url: QueueUrl, code: nameAwsFailure(error), cause: error });
      }
    },
    close: () => client.destroy(),
  };
}

function createDefaultClient(): SQSClient {
  return new SQSClient({
    maxAttempts: 6,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}
