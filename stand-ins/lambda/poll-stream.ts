import type { DynamoDBStreamsClient, _Record } from '@aws-sdk/client-dynamodb-streams';
import { DescribeStreamCommand, GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { backOff } from './back-off.ts';
import type { Poller } from './poll-queue.ts';
import { readFailedItems } from './read-failed-items.ts';
import type { GivingUp, StreamBatch, StreamItem, StreamRetries } from './settle-batch.ts';
import { dropAged, settleBatch } from './settle-batch.ts';
import type { LambdaFunction } from './start-function.ts';
import { MAX_PAYLOAD_BYTES } from './start-runtime-api.ts';
import { passesFilters, type StreamFilter } from './stream-filter.ts';

/** Lambda looks into a shard four times a second. */
const POLL_MS = 250;

/** An event source mapping from a table's stream, from its beginning, one batch at a time, with `ReportBatchItemFailures`. */
export interface StreamPollerOptions extends StreamRetries {
  readonly streams: DynamoDBStreamsClient;
  readonly sqs: SQSClient;
  readonly streamArn: string;
  readonly function: Pick<LambdaFunction, 'name' | 'invoke'>;
  readonly functionArn: string;
  readonly batchSize: number;
  /** The function sees what one of these lets pass; all where there is none. */
  readonly filters?: readonly StreamFilter[];
  /** The queue that is told what was given up. */
  readonly onFailureQueueUrl: string;
  readonly log?: (line: string) => void;
}

interface Item extends StreamItem {
  readonly record: _Record;
}

/** Plays Lambda's poller of a stream: nothing is read on before what was read is done or given up. */
export function pollStream(options: StreamPollerOptions): Poller {
  const { streams, streamArn, batchSize, filters = [], log = () => {} } = options;
  const name = `stream to ${options.function.name}`;
  const stopping = new AbortController();
  const { signal } = stopping;

  /** Tries until it works or the poller is stopped. */
  async function insist<Value>(what: string, act: () => Promise<Value>): Promise<Value | undefined> {
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        return await act();
      } catch (error) {
        log(`${name}: ${what} failed: ${error instanceof Error ? error.message : String(error)}`);
        await backOff(tries, signal);
      }
    }
    return undefined;
  }

  async function giveUp(shardId: string, condition: GivingUp, batch: StreamBatch<Item>): Promise<void> {
    const message = describeLoss(options, shardId, condition, batch);
    log(`${name}: ${batch.items.length} given up: ${condition}`);
    await insist('telling what was given up', () =>
      options.sqs.send(
        new SendMessageCommand({ QueueUrl: options.onFailureQueueUrl, MessageBody: JSON.stringify(message) }),
      ),
    );
  }

  /** What is to be done again of a batch, in order. */
  async function tryBatch(shardId: string, batch: StreamBatch<Item>): Promise<readonly StreamBatch<Item>[]> {
    const fresh = dropAged(batch, Date.now(), options);
    if (fresh.lost !== undefined) {
      await giveUp(shardId, 'RecordAgeExceeded', fresh.lost);
      return fresh.again;
    }
    const event = { Records: batch.items.map(({ record }) => toEventRecord(record, streamArn)) };
    const invocation = await options.function.invoke(event);
    const failed = readFailedItems(
      invocation,
      batch.items.map(({ sequenceNumber }) => sequenceNumber),
    );
    const { again, lost } = settleBatch(batch, failed, options);
    const left = again.reduce((count, { items }) => count + items.length, lost?.items.length ?? 0);
    log(`${name}: ${invocation.outcome}, ${batch.items.length - left} of ${batch.items.length} done`);
    if (lost !== undefined) await giveUp(shardId, 'RetryAttemptsExhausted', lost);
    if (left > 0 && lost === undefined) await backOff(batch.failures, signal);
    return again;
  }

  async function work(shardId: string, items: readonly Item[]): Promise<void> {
    let waiting: readonly StreamBatch<Item>[] = [{ items, failures: 0 }];
    for (let [batch] = waiting; batch !== undefined && !signal.aborted; [batch] = waiting) {
      const current = batch;
      const again = await insist('invoking', () => tryBatch(shardId, current));
      if (again === undefined) return;
      waiting = [...again, ...waiting.slice(1)];
    }
  }

  async function follow(shardId: string): Promise<void> {
    const start = new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ShardIteratorType: 'TRIM_HORIZON',
    });
    let iterator = (await insist('finding the beginning', () => streams.send(start)))?.ShardIterator;
    while (iterator !== undefined && !signal.aborted) {
      const command = new GetRecordsCommand({ ShardIterator: iterator, Limit: batchSize });
      const page = await insist('reading', () => streams.send(command));
      const items = (page?.Records ?? []).map(toItem).filter(({ record }) => passesFilters(record, filters));
      if (items.length > 0) for (const batch of fitIntoEvents(items, streamArn)) await work(shardId, batch);
      else await sleep(POLL_MS, undefined, { signal }).catch(() => {});
      iterator = page?.NextShardIterator;
    }
  }

  async function followAll(): Promise<void> {
    const described = await insist('looking at it', () =>
      streams.send(new DescribeStreamCommand({ StreamArn: streamArn })),
    );
    // moto gives a stream one shard, and never splits it.
    await Promise.all((described?.StreamDescription?.Shards ?? []).map(({ ShardId = '' }) => follow(ShardId)));
  }

  const following = followAll();
  return {
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
}

function toItem(record: _Record): Item {
  const { SequenceNumber = '', ApproximateCreationDateTime: created } = record.dynamodb ?? {};
  return { record, sequenceNumber: SequenceNumber, arrivedAt: created?.getTime() ?? 0 };
}

/** A batch is as large as an event may be, however few records that are. */
function fitIntoEvents(items: readonly Item[], streamArn: string): readonly (readonly Item[])[] {
  const batches: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(toEventRecord(item.record, streamArn))) + 1;
    if (bytes > room || batches.length === 0) {
      batches.push([]);
      room = MAX_PAYLOAD_BYTES - '{"Records":[]}'.length;
    }
    batches.at(-1)?.push(item);
    room -= bytes;
  }
  return batches;
}

/** A record as Lambda hands it to a function: the stream's own, with the time in seconds and the stream's name. */
function toEventRecord(record: _Record, streamArn: string): unknown {
  const created = record.dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0;
  return {
    ...record,
    eventSourceARN: streamArn,
    dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: Math.floor(created / 1000) },
  };
}

/** What Lambda tells the on-failure destination: where the records lie, not what they say. */
function describeLoss(
  { functionArn, streamArn }: StreamPollerOptions,
  shardId: string,
  condition: GivingUp,
  { items, failures }: StreamBatch<Item>,
): unknown {
  const timeOf = (item: Item | undefined): string => new Date(item?.arrivedAt ?? 0).toISOString();
  return {
    requestContext: { requestId: randomUUID(), functionArn, condition, approximateInvokeCount: failures },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: items[0]?.sequenceNumber,
      endSequenceNumber: items.at(-1)?.sequenceNumber,
      approximateArrivalOfFirstRecord: timeOf(items[0]),
      approximateArrivalOfLastRecord: timeOf(items.at(-1)),
      batchSize: items.length,
      streamArn,
    },
  };
}
