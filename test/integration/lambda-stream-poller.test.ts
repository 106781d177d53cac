import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { pollStream } from '#stand-ins/lambda/poll-stream.ts';
import { startFunction } from '#stand-ins/lambda/start-function.ts';

/** Notes down what it sees, and does what the items say. */
const HANDLER = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const note = (what) => appendFileSync(process.env.SEEN, JSON.stringify(what) + '\\n');
const once = (name) => { const flag = process.env.SEEN + name; const first = !existsSync(flag); writeFileSync(flag, ''); return first; };
export async function handler(event) {
  for (const record of event.Records) {
    const { sk, does = { S: '' } } = record.dynamodb.NewImage;
    note({ name: sk.S, batch: event.Records.length, ...(does.S === 'show' ? { record } : {}) });
    switch (does.S) {
      case 'throw': note({ sequenceNumber: record.dynamodb.SequenceNumber }); throw new Error(sk.S);
      case 'fail once': if (once(sk.S)) return { batchItemFailures: [{ itemIdentifier: record.dynamodb.SequenceNumber }] }; break;
      case 'hang once': if (once(sk.S)) await sleep(60_000);
    }
    note({ done: sk.S });
  }
  return { batchItemFailures: [] };
}`;

interface Seen {
  readonly name?: string;
  readonly batch?: number;
  readonly record?: unknown;
  readonly sequenceNumber?: string;
  readonly done?: string;
}

describe("the stand-in for Lambda's poller of a stream", () => {
  let moto: RunningMoto;
  let dynamo: DynamoDBClient;
  let streams: DynamoDBStreamsClient;
  let sqs: SQSClient;
  let folder: string;
  let count = 0;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    moto = await startMoto();
    const config = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
    dynamo = new DynamoDBClient(config);
    streams = new DynamoDBStreamsClient(config);
    sqs = new SQSClient(config);
    folder = await mkdtemp(join(tmpdir(), 'lambda-stream-test-'));
    await writeFile(join(folder, 'index.mjs'), HANDLER);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(async () => {
    for (const client of [dynamo, streams, sqs]) client.destroy();
    await moto.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A table with a stream, a function that reads it, and a queue for what is given up. */
  async function open(options: { batchSize?: number; retryAttempts?: number; maxRecordAgeSeconds?: number } = {}) {
    const { batchSize = 100, retryAttempts = 2, maxRecordAgeSeconds = 3_600 } = options;
    count += 1;
    const TableName = `table-${count}`;
    const seenFile = join(folder, `${TableName}.jsonl`);
    await writeFile(seenFile, '');
    const { TableDescription } = await dynamo.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    );
    const streamArn = TableDescription?.LatestStreamArn ?? '';
    const lostUrl = (await sqs.send(new CreateQueueCommand({ QueueName: `lost-${count}` }))).QueueUrl ?? '';
    const worker = startFunction({
      name: TableName,
      taskRoot: folder,
      handler: 'index.handler',
      environment: { SEEN: seenFile },
      reserved: {},
      timeoutMs: 30_000,
      memoryMb: 128,
    });
    const readSeen = async (): Promise<readonly Seen[]> =>
      (await readFile(seenFile, 'utf8')).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Seen]));
    const readDone = async (): Promise<readonly string[]> => (await readSeen()).flatMap(({ done }) => done ?? []);
    return {
      streamArn,
      worker,
      readSeen,
      readDone,
      itemOf: (sk: string, does?: string) => ({
        TableName,
        Item: { pk: { S: 'one' }, sk: { S: sk }, ...(does === undefined ? {} : { does: { S: does } }) },
      }),
      async put(...items: readonly (readonly [name: string, does?: string])[]) {
        for (const [name, does] of items) await dynamo.send(new PutItemCommand(this.itemOf(name, does)));
      },
      start: () => {
        const poller = pollStream({
          streams,
          sqs,
          streamArn,
          function: worker,
          functionArn: `arn:aws:lambda:${moto.region}:${moto.account}:function:${TableName}`,
          batchSize,
          bisectBatchOnError: true,
          retryAttempts,
          maxRecordAgeSeconds,
          onFailureQueueUrl: lostUrl,
        });
        stops.push(async () => {
          await worker.stop();
          await poller.stop();
        });
      },
      untilDone: async (name: string) => {
        await expect.poll(readDone, { timeout: 30_000, interval: 50 }).toContain(name);
      },
      readLost: async () => {
        const command = new ReceiveMessageCommand({ QueueUrl: lostUrl, MaxNumberOfMessages: 10 });
        return ((await sqs.send(command)).Messages ?? []).map(({ Body = '' }): unknown => JSON.parse(Body));
      },
    };
  }

  it('hands over every change from the beginning, in order, in batches, in the shape of Lambda', async () => {
    const table = await open({ batchSize: 4 });
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    await table.put(...names.map((name) => [name] as const));
    await table.put(['a', 'show']);

    table.start();
    await expect.poll(table.readDone, { timeout: 20_000 }).toHaveLength(10);

    expect(await table.readDone()).toEqual([...names, 'a']);
    const seen = await table.readSeen();
    expect(new Set(seen.flatMap(({ batch }) => batch ?? []))).toEqual(new Set([4, 2]));
    expect(seen.find(({ record }) => record !== undefined)?.record).toEqual({
      eventID: expect.any(String),
      eventName: 'MODIFY',
      eventSource: 'aws:dynamodb',
      eventVersion: '1.1',
      awsRegion: moto.region,
      eventSourceARN: table.streamArn,
      dynamodb: {
        ApproximateCreationDateTime: expect.closeTo(Date.now() / 1000, -2),
        Keys: { pk: { S: 'one' }, sk: { S: 'a' } },
        OldImage: { pk: { S: 'one' }, sk: { S: 'a' } },
        NewImage: { pk: { S: 'one' }, sk: { S: 'a' }, does: { S: 'show' } },
        SequenceNumber: expect.stringMatching(/^\d+$/),
        SizeBytes: expect.any(Number),
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
    });
  });

  it('finds the one record that always fails, tells where it lies, and passes on the others in their order', async () => {
    const table = await open({ retryAttempts: 1 });
    await table.put(['a'], ['b'], ['c'], ['poison', 'throw'], ['d'], ['e']);

    table.start();
    await table.untilDone('e');

    const [poison] = (await table.readSeen()).flatMap(({ sequenceNumber }) => sequenceNumber ?? []);
    const firstDone = [...new Set(await table.readDone())];
    expect(firstDone).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await table.readLost()).toEqual([
      {
        requestContext: {
          requestId: expect.any(String),
          functionArn: expect.stringContaining(':function:'),
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 2,
        },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        timestamp: expect.any(String),
        DDBStreamBatchInfo: {
          shardId: expect.stringMatching(/^shardId-/),
          startSequenceNumber: poison,
          endSequenceNumber: poison,
          approximateArrivalOfFirstRecord: expect.any(String),
          approximateArrivalOfLastRecord: expect.any(String),
          batchSize: 1,
          streamArn: table.streamArn,
        },
      },
    ]);
  });

  it('goes on from the record that the function named, and does nothing before it again', async () => {
    const table = await open();
    await table.put(['a'], ['b', 'fail once'], ['c']);

    table.start();
    await table.untilDone('c');

    expect((await table.readSeen()).map(({ name, done }) => done ?? `saw ${name}`)).toEqual([
      'saw a',
      'a',
      'saw b',
      'saw b',
      'b',
      'saw c',
      'c',
    ]);
    expect(await table.readLost()).toEqual([]);
  });

  it('loses nothing and keeps the order when the function dies in the middle of a batch', async () => {
    const table = await open();
    await table.put(['a'], ['b', 'hang once'], ['c'], ['d']);

    table.start();
    await expect.poll(table.readSeen, { timeout: 20_000 }).toContainEqual({ name: 'b', batch: 4 });
    await table.worker.kill();
    await table.put(['e']);
    await table.untilDone('e');

    expect(await table.readDone()).toEqual(['a', 'a', 'b', 'c', 'd', 'e']);
    expect(await table.readLost()).toEqual([]);
  });

  it('gives up records that are too old without showing them to the function', async () => {
    const table = await open({ maxRecordAgeSeconds: 0 });
    await table.put(['a'], ['b']);

    table.start();

    await expect
      .poll(table.readLost, { timeout: 20_000 })
      .toMatchObject([{ requestContext: { condition: 'RecordAgeExceeded' }, DDBStreamBatchInfo: { batchSize: 2 } }]);
    expect(await table.readSeen()).toEqual([]);
  });

  it('gets over streams and a queue that refuse for a while', async () => {
    const table = await open({ retryAttempts: 0 });
    const refusal = { status: 400, code: 'ThrottlingException', message: 'slow down', times: 4 };
    for (const operation of ['GetShardIterator', 'GetRecords', 'SendMessage']) {
      await moto.injectFault({ ...refusal, operation });
    }
    await table.put(['a', 'throw'], ['b']);

    table.start();
    await table.untilDone('b');

    expect(await table.readLost()).toHaveLength(1);
  });

  it('hears nothing of writes that change nothing, nor of a transaction that was refused, and hears what comes after', async () => {
    const table = await open();
    await table.put(['a']);
    table.start();
    await table.untilDone('a');

    await table.put(['a']);
    const refused = new TransactWriteItemsCommand({
      TransactItems: [
        { Put: table.itemOf('b') },
        { Put: { ...table.itemOf('a', 'other'), ConditionExpression: 'attribute_not_exists(pk)' } },
      ],
    });
    await expect(dynamo.send(refused)).rejects.toThrow(TransactionCanceledException);
    await table.put(['c']);
    await table.untilDone('c');

    expect(await table.readDone()).toEqual(['a', 'c']);
  });

  it('lets one of many conditional writes at once through, and tells of that one', async () => {
    const table = await open();
    const writes = Array.from({ length: 20 }, (_, index) =>
      dynamo.send(
        new PutItemCommand({
          ...table.itemOf('a', `writer ${index}`),
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      ),
    );

    const settled = await Promise.allSettled(writes);
    table.start();
    await table.untilDone('a');

    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await table.readDone()).toEqual(['a']);
  });
});
