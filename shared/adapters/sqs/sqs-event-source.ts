import type { BatchResultErrorEntry, Message } from '@aws-sdk/client-sqs';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { EventIntake, TakenEvent } from '#shared/ports/event-intake.ts';

const BATCH = 10;
const LONGEST_WAIT_SECONDS = 20;

/** Which SQS queue to take events from. */
export interface SqsEventSourceOptions {
  readonly queueUrl: string;
  /** By default a client for the queue's region with the credentials of the environment. */
  readonly client?: SQSClient;
  /** How long an event is hidden while it is worked on; the queue's own unless given. */
  readonly visibilitySeconds?: number;
}

/** An SQS queue, with connections to close. */
export interface SqsEventSource extends EventIntake {
  close(): void;
}

function createDefaultClient(queueUrl: string): SQSClient {
  const [, region] = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com/u.exec(queueUrl) ?? [];
  return new SQSClient({
    ...defined({ region }),
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: (LONGEST_WAIT_SECONDS + 10) * 1_000,
      throwOnRequestTimeout: true,
    },
  });
}

function explainFailure(queueUrl: string, right: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const failure = classifyAwsFailure(cause);
  if (failure === 'missing') {
    return new TidegateError(
      'EventQueueNotFound',
      `queue ${queueUrl} does not exist: correct serve.ecrEventsQueueUrl or create it`,
      { disposition: 'stall', subject: queueUrl, cause },
    );
  }
  if (failure === 'denied') {
    return new TidegateError('AccessDenied', `queue ${queueUrl} refuses us (${word}): grant ${right} on it`, {
      disposition: 'stall',
      subject: queueUrl,
      cause,
    });
  }
  return new TidegateError('EventQueueUnavailable', `queue ${queueUrl} does not answer (${word}): it is tried again`, {
    disposition: 'retry',
    subject: queueUrl,
    cause,
  });
}

function readMessage(message: Message): readonly TakenEvent[] {
  const { MessageId: id, Body: body, ReceiptHandle: receiptHandle, Attributes: attributes = {} } = message;
  if (id === undefined || body === undefined || receiptHandle === undefined) return [];
  const group = attributes.MessageGroupId;
  const receiveCount = Number(attributes.ApproximateReceiveCount ?? 1);
  return [{ id, body, receiptHandle, receiveCount, ...defined({ group }) }];
}

function batchesOf(handles: readonly string[]): readonly (readonly { Id: string; ReceiptHandle: string }[])[] {
  const batches = [];
  for (let start = 0; start < handles.length; start += BATCH) {
    batches.push(
      handles.slice(start, start + BATCH).map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle })),
    );
  }
  return batches;
}

function findRealFailure(failed: readonly BatchResultErrorEntry[] = []): Error | undefined {
  // The sender's fault here is a receipt handle whose time ran out: the event is delivered again, as it would be anyway.
  const failure = failed.find(({ SenderFault }) => SenderFault !== true);
  if (failure === undefined) return undefined;
  return Object.assign(new Error(failure.Message ?? 'no reason given'), { name: failure.Code ?? 'InternalError' });
}

/** Takes events from an SQS queue, standard or FIFO. */
export function createSqsEventSource(options: SqsEventSourceOptions): SqsEventSource {
  const { queueUrl, visibilitySeconds, client = createDefaultClient(queueUrl) } = options;
  return {
    receive: async ({ waitSeconds, signal }) => {
      if (signal?.aborted === true) return [];
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: BATCH,
        WaitTimeSeconds: Math.min(Math.max(Math.trunc(waitSeconds), 0), LONGEST_WAIT_SECONDS),
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
        ...defined({ VisibilityTimeout: visibilitySeconds }),
      });
      try {
        const answer = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
        return (answer.Messages ?? []).flatMap(readMessage);
      } catch (error) {
        if (signal?.aborted) return [];
        throw explainFailure(queueUrl, 'sqs:ReceiveMessage', error);
      }
    },
    delete: async (receiptHandles) => {
      for (const Entries of batchesOf(receiptHandles)) {
        try {
          const answer = await client.send(
            new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: [...Entries] }),
          );
          const failure = findRealFailure(answer.Failed);
          if (failure !== undefined) throw failure;
        } catch (error) {
          throw explainFailure(queueUrl, 'sqs:DeleteMessage', error);
        }
      }
    },
    release: async (receiptHandles) => {
      for (const batch of batchesOf(receiptHandles)) {
        const Entries = batch.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
        try {
          const answer = await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
          const failure = findRealFailure(answer.Failed);
          if (failure !== undefined) throw failure;
        } catch (error) {
          throw explainFailure(queueUrl, 'sqs:ChangeMessageVisibility', error);
        }
      }
    },
    close: () => client.destroy(),
  };
}
