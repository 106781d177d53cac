import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';

import { nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { explainQueueFailure } from '#shared/adapters/aws/explain-queue-failure.ts';
import { deployedQueueName } from '#shared/settings/deployed-queue-name.ts';
import { formatWorkMessage } from '#shared/work/format-work-message.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';

/**
 * Sends one message to a queue of the stack in a region, as a person does by hand; each call is a message of its own.
 * @throws TidegateError naming the queue and what is missing.
 */
export async function sendToDeployedQueue(
  region: string,
  { queue, group, message }: { readonly queue: QueueName; readonly group: string; readonly message: WorkMessage },
): Promise<void> {
  const client = new SQSClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  const QueueName = deployedQueueName(queue);
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }));
    const command = new SendMessageCommand({
      QueueUrl,
      MessageBody: formatWorkMessage(queue, message),
      MessageGroupId: messageGroup(group),
      MessageDeduplicationId: randomUUID(),
    });
    await client.send(command);
  } catch (error) {
    throw explainQueueFailure({ queue, url: `${QueueName} in ${region}`, code: nameAwsFailure(error), cause: error });
  } finally {
    client.destroy();
  }
}
