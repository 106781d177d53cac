import { explainQueueFailure, findQueueUrl } from '#shared/adapters/aws/explain-queue-failure.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { formatWorkMessage } from '#shared/work/format-work-message.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import type { CallAws } from './call-aws.ts';
import { readText } from './read-text.ts';

/** Sends work to SQS FIFO queues without the SDK. */
export function createHttpWorkQueues(callAws: CallAws, urls: Readonly<Partial<Record<QueueName, string>>>): WorkQueues {
  return {
    send: async ({ queue, group, deduplicationId, message }) => {
      const url = findQueueUrl(urls, queue);
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
      if (answer.outcome === 'error') throw explainQueueFailure({ queue, url, code: answer.code });
      // Whoever is told that work was taken forgets it: an answer that does not say so is none.
      if (readText(answer.value, 'MessageId') === undefined) {
        throw explainQueueFailure({ queue, url, code: 'an answer without MessageId' });
      }
    },
  };
}
