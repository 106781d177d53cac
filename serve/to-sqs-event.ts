import type { SQSEvent } from 'aws-lambda';
import { createHash } from 'node:crypto';

/** A message as it was taken from a queue. */
export interface DeliveredMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
  readonly queue: string;
  readonly group?: string;
  readonly deduplicationId?: string;
  readonly receiveCount: number;
  readonly sentAt: number;
  readonly firstReceivedAt: number;
}

/** One message as the event that Lambda is given for it. */
export function toSqsEvent(message: DeliveredMessage): SQSEvent {
  const { id, receipt, body, queue, group, deduplicationId, receiveCount, sentAt, firstReceivedAt } = message;
  return {
    Records: [
      {
        messageId: id,
        receiptHandle: receipt,
        body,
        attributes: {
          ApproximateReceiveCount: `${receiveCount}`,
          SentTimestamp: `${sentAt}`,
          SenderId: 'tidegate-serve',
          ApproximateFirstReceiveTimestamp: `${firstReceivedAt}`,
          SequenceNumber: id.padStart(20, '0'),
          MessageGroupId: group,
          MessageDeduplicationId: deduplicationId,
        },
        messageAttributes: {},
        md5OfBody: createHash('md5').update(body).digest('hex'),
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:local:000000000000:tidegate-${queue.replaceAll('/', '-')}.fifo`,
        awsRegion: 'local',
      },
    ],
  };
}
