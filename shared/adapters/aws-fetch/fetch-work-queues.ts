import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { formatWorkMessage } from '#shared/work/format-work-message.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName } from '#shared/work/work-message.ts';
import type { CallAws } from './call-aws.ts';

/** Sends work to SQS FIFO queues without the SDK. */
export function createFetchWorkQueues(
  callAws: CallAws,
  urls: Readonly<Partial<Record<QueueName, string>>>,
): WorkQueues {
  return {
    send: async ({ queue, group, deduplicationId, message }) => {
      const url = Object.hasOwn(urls, queue) ? urls[queue] : undefined;
      if (url === undefined) {
        throw new TidegateError('QueueUnknown', `queue ${queue} is not one of those this function sends to`, {
          disposition: 'stall',
          subject: queue,
        });
      }
      const answer = await callAws({
        service: 'sqs',
        target: 'AmazonSQS.SendMessage',
        contentType: 'application/x-amz-json-1.0',
        input: {
          QueueUrl: url,
          MessageBody: formatWorkMessage(queue, message),
          MessageGroupId: messageGroup(group),
          MessageDeduplicationId: messageGroup(deduplicationId),
        },
      });
      if (answer.outcome === 'error') {
        throw new TidegateError('QueueUnavailable', `queue ${queue} (${url}) took nothing (${answer.code})`, {
          disposition: 'retry',
          subject: queue,
        });
      }
    },
  };
}
