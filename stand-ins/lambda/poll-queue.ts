import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';

import { backOff } from './back-off.ts';
import { readFailedItems } from './read-failed-items.ts';
import type { LambdaFunction } from './start-function.ts';

/** As many batches at once as Lambda begins with where the template says nothing. */
const DEFAULT_CONCURRENCY = 5;
const WAIT_SECONDS = 1;

/** An event source mapping from a queue, with `ReportBatchItemFailures`. */
export interface QueuePollerOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly function: Pick<LambdaFunction, 'name' | 'invoke'>;
  /** At most ten. */
  readonly batchSize: number;
  /** How many batches are worked on at once. */
  readonly maxConcurrency?: number;
  readonly log?: (line: string) => void;
}

/** An event source mapping that runs. */
export interface Poller {
  /** Takes nothing more, and waits for what is under way: end the function first where that may take long. */
  stop(): Promise<void>;
}

/**
 * Plays Lambda's poller of a queue: receives, invokes, and deletes exactly what succeeded. All else is left as it is, and
 * comes again when its visibility timeout ends, or goes to the dead letters; that is the queue's affair.
 */
export function pollQueue(options: QueuePollerOptions): Poller {
  const { sqs, queueUrl, queueArn, batchSize, maxConcurrency = DEFAULT_CONCURRENCY, log = () => {} } = options;
  const name = `${queueArn.split(':').at(-1)} to ${options.function.name}`;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function receive(): Promise<readonly Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: batchSize,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      WaitTimeSeconds: WAIT_SECONDS,
    });
    return (await sqs.send(command)).Messages ?? [];
  }

  async function remove(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    for (const { Id, Code } of Failed) log(`${name}: ${messages[Number(Id)]?.MessageId} is not deleted: ${Code}`);
  }

  async function handle(messages: readonly Message[]): Promise<void> {
    try {
      const invocation = await options.function.invoke(toSqsEvent(messages, queueArn));
      const ids = messages.map(({ MessageId = '' }) => MessageId);
      const failed = readFailedItems(invocation, ids);
      const done = failed === 'all' ? [] : messages.filter(({ MessageId = '' }) => !failed.has(MessageId));
      log(
        `${name}: ${invocation.outcome}, ${done.length} of ${messages.length} done in ${Math.round(invocation.ms)} ms`,
      );
      await remove(done);
    } catch (error) {
      log(`${name}: ${messages.length} not handled: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async function poll(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      if (underWay.size >= maxConcurrency) {
        await Promise.race([...underWay, untilAborted(stopping.signal)]);
        continue;
      }
      try {
        const messages = await receive();
        failures = 0;
        if (messages.length === 0) continue;
        const handled = handle(messages).finally(() => underWay.delete(handled));
        underWay.add(handled);
      } catch (error) {
        log(`${name}: nothing received: ${error instanceof Error ? error.message : String(error)}`);
        await backOff(failures, stopping.signal);
        failures += 1;
      }
    }
  }

  const polling = poll();
  return {
    stop: async () => {
      stopping.abort();
      await polling;
      await Promise.all(underWay);
    },
  };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  await sleep(WAIT_SECONDS * 1000, undefined, { signal }).catch(() => {});
}

/** The event in which Lambda hands messages to a function. */
function toSqsEvent(messages: readonly Message[], queueArn: string): unknown {
  return {
    Records: messages.map((message) => ({
      messageId: message.MessageId,
      receiptHandle: message.ReceiptHandle,
      body: message.Body,
      attributes: message.Attributes ?? {},
      messageAttributes: Object.fromEntries(
        Object.entries(message.MessageAttributes ?? {}).map(([key, { StringValue, BinaryValue, DataType }]) => [
          key,
          {
            ...(StringValue === undefined ? {} : { stringValue: StringValue }),
            ...(BinaryValue === undefined ? {} : { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
            stringListValues: [],
            binaryListValues: [],
            dataType: DataType,
          },
        ]),
      ),
      md5OfBody: message.MD5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
      awsRegion: queueArn.split(':')[3],
    })),
  };
}
