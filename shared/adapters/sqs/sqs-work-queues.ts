import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { classifyAwsFailure, nameAwsFailure } from '#shared/errors/classify-aws-failure.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
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
      const QueueUrl = findUrl(urls, queue);
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
        throw explainFailure(queue, QueueUrl, error);
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

function findUrl(urls: SqsWorkQueuesOptions['urls'], queue: QueueName): string {
  const url = Object.hasOwn(urls, queue) ? urls[queue] : undefined;
  if (url !== undefined) return url;
  const known = Object.keys(urls).join(', ') || 'none';
  throw new TidegateError(
    'QueueUnknown',
    `queue ${queue} is not one of those this function sends to (${known}): deploy the settings that name it`,
    { disposition: 'stall', subject: queue },
  );
}

// Every failure is worth another try: work that ends as a dead letter is seen and sent again, work dropped is lost.
function explainFailure(queue: QueueName, url: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const options = { disposition: 'retry', subject: queue, cause } as const;
  switch (classifyAwsFailure(cause)) {
    case 'denied':
      return new TidegateError(
        'AccessDenied',
        `queue ${queue} (${url}) refuses us (${word}): grant sqs:SendMessage on it`,
        options,
      );
    case 'missing':
      return new TidegateError('QueueNotFound', `queue ${queue} (${url}) does not exist: deploy it`, options);
    case 'transient':
      return new TidegateError(
        'QueueUnavailable',
        `queue ${queue} does not answer (${word}): it is tried again`,
        options,
      );
  }
}
