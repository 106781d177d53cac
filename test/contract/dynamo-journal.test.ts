import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import type { AwsFault, RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { sampleSize } from '#test/sample-size.ts';

import { describeFluxObjects } from './flux-objects.contract.ts';
import { describeJournal, requestRecord, statusRecord } from './journal.contract.ts';

let moto: RunningMoto;
let client: DynamoDBClient;
let tables = 0;

beforeAll(async () => {
  moto = await startMoto();
  client = new DynamoDBClient({
    endpoint: moto.url,
    region: moto.region,
    credentials: moto.credentials,
    maxAttempts: 3,
  });
});

afterAll(async () => {
  client?.destroy();
  await moto?.stop();
});

async function createTable(): Promise<string> {
  tables += 1;
  const TableName = `journal-${tables}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  return TableName;
}

async function openJournal(tableName?: string, now: () => number = () => 0, pageSize = 7): Promise<DynamoJournal> {
  // The journal's own pauses are left out; those of the SDK are not ours.
  const clock = { now, sleep: async () => {} };
  return createDynamoJournal({ tableName: tableName ?? (await createTable()), clock, client, pageSize });
}

async function countCalls(operation: string): Promise<number> {
  return (await moto.countRequests())[operation] ?? 0;
}

const conflict: AwsFault = {
  operation: 'TransactWriteItems',
  status: 400,
  code: 'TransactionCanceledException',
  message: 'Transaction canceled [TransactionConflict, None]',
  fields: { CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }] },
  times: 3,
};

const A = { partition: 'laptop', key: 'status/Kustomization/flux-system/a' };

describeJournal('DynamoDB', async (clock) => openJournal(await createTable(), clock.now));
// moto needs a second for a thousand items that DynamoDB needs none for.
describeFluxObjects('DynamoDB', sampleSize(300, 10_000), async () => openJournal(undefined, undefined, 1_000_000));

// What the reference of TransactWriteItems, the quotas of items and keys, and that of Query say.
describe('the stand-in of DynamoDB has its limits', () => {
  const item = (sk: string, length: number) => ({ pk: { S: 'p' }, sk: { S: sk }, body: { S: 'x'.repeat(length) } });
  const transact = (TableName: string, lengths: readonly number[]) =>
    client.send(
      new TransactWriteItemsCommand({
        TransactItems: lengths.map((length, index) => ({ Put: { TableName, Item: item(`${index}`, length) } })),
      }),
    );
  const count = async (TableName: string) => (await client.send(new ScanCommand({ TableName }))).Count;

  it.each([
    ['101 items', 'less than or equal to 100', Array.from({ length: 101 }, () => 1)],
    ['more than 4 MB', 'cannot exceed 4 MB', Array.from({ length: 11 }, () => 390_000)],
    ['an item of more than 400 KB', 'exceeded the maximum allowed size', [1, 410_000]],
  ])('and refuses a transaction of %s', async (_what, reason, lengths) => {
    const table = await createTable();

    await expect(transact(table, lengths)).rejects.toThrow(reason);

    expect(await count(table)).toBe(0);
  });

  it('and takes what is within them, undoing all of it where one condition fails', async () => {
    const table = await createTable();
    await transact(
      table,
      Array.from({ length: 100 }, () => 40_000),
    );
    const put = { TableName: table, Item: item('new', 1) };
    const failing = { ...put, Item: item('0', 1), ConditionExpression: 'attribute_not_exists(pk)' };

    const TransactItems = [{ Put: { ...put, Item: item('1', 2) } }, { Put: put }, { Put: failing }];
    await expect(client.send(new TransactWriteItemsCommand({ TransactItems }))).rejects.toThrow(
      'ConditionalCheckFailed',
    );

    const query = {
      TableName: table,
      KeyConditionExpression: 'pk = :p',
      ExpressionAttributeValues: { ':p': { S: 'p' } },
    };
    const page = await client.send(new QueryCommand(query));
    expect(page.LastEvaluatedKey).toBeDefined();
    expect(page.Items?.find(({ sk }) => sk?.S === '1')?.['body']?.S).toHaveLength(40_000);
    expect((page.Items ?? []).length * 40_000).toBeLessThanOrEqual(1_048_576);
  });

  it('and refuses a sort key of more than 1,024 bytes', async () => {
    const put = { TableName: await createTable(), Item: item('k'.repeat(1_025), 1) };

    await expect(client.send(new PutItemCommand(put))).rejects.toThrow('1024 bytes');
  });
});

describe('a journal in DynamoDB', () => {
  it('stores items whose time DynamoDB can read', async () => {
    const table = await createTable();
    await (await openJournal(table)).write([requestRecord('r', 1_500), statusRecord('a', 1)]);

    const { Items } = await client.send(new ScanCommand({ TableName: table }));

    expect(Items).toHaveLength(2);
    expect(Items).toContainEqual(
      expect.objectContaining({ pk: { S: 'laptop' }, sk: { S: 'request/r' }, expiresAt: { N: `${24 * 60 * 60 + 2}` } }),
    );
    expect(Items?.find((item) => item['type']?.S === 'Status')).not.toHaveProperty('expiresAt');
  });

  it('writes what collided with other writers a moment later', async () => {
    const journal = await openJournal();
    await moto.injectFault(conflict);

    await journal.write([statusRecord('a', 1), statusRecord('b', 1)]);

    expect(await journal.list('laptop', '')).toHaveLength(2);
  });

  it('gives up after some collisions and has written nothing then', async () => {
    const journal = await openJournal();
    const before = await countCalls('TransactWriteItems');
    await moto.injectFault({ ...conflict, times: 8 });

    await expect(journal.write([statusRecord('a', 1), statusRecord('b', 1)])).rejects.toMatchObject({
      code: 'JournalUnavailable',
      disposition: 'retry',
    });

    expect(await countCalls('TransactWriteItems')).toBe(before + 8);
    expect(await journal.list('laptop', '')).toEqual([]);
  });

  it('does not repeat a transaction that was refused for what it holds', async () => {
    const journal = await openJournal();
    const before = await countCalls('TransactWriteItems');
    await moto.injectFault({ ...conflict, fields: { CancellationReasons: [{ Code: 'ValidationError' }] }, times: 1 });

    await expect(journal.write([statusRecord('a', 1), statusRecord('b', 1)])).rejects.toMatchObject({
      disposition: 'retry',
    });

    expect(await countCalls('TransactWriteItems')).toBe(before + 1);
  });

  it.each([
    ['PutItem', 400, 'ProvisionedThroughputExceededException'],
    ['PutItem', 400, 'ThrottlingException'],
    ['PutItem', 500, 'InternalServerError'],
    ['TransactWriteItems', 400, 'ThrottlingException'],
    ['TransactWriteItems', 400, 'TransactionInProgressException'],
    ['GetItem', 400, 'ThrottlingException'],
    ['Query', 500, 'InternalServerError'],
  ])('comes through when %s answers %i %s twice', async (operation, status, code) => {
    const journal = await openJournal();
    const before = await countCalls(operation);
    await moto.injectFault({ operation, status, code, message: 'slow down', times: 2 });

    await journal.write([statusRecord('a', 1)]);
    expect(await journal.write([statusRecord('a', 1)], { ...A, record: statusRecord('a', 1) })).toBe('written');

    expect(await journal.read('laptop', 'status/Kustomization/flux-system/a')).toEqual(statusRecord('a', 1));
    expect(await journal.list('laptop', '')).toHaveLength(1);
    expect(await countCalls(operation)).toBeGreaterThan(before + 2);
  });

  it('knows that its conditional write was carried out when the answer to it is lost', async () => {
    const journal = await openJournal();
    const lost = { operation: 'TransactWriteItems', status: 500, code: 'InternalServerError', message: 'gone' };
    await moto.injectFault({ ...lost, afterwards: true, times: 2 });

    expect(await journal.write([statusRecord('a', 1)], { ...A, record: undefined })).toBe('written');

    expect(await journal.list('laptop', '')).toEqual([statusRecord('a', 1)]);
  });

  it.each([
    ['alone', [{ Code: 'ConditionalCheckFailed' }, { Code: 'None' }]],
    ['beside a collision', [{ Code: 'ConditionalCheckFailed' }, { Code: 'TransactionConflict' }]],
  ])('says that a condition failed, %s, after one call', async (_how, CancellationReasons) => {
    const journal = await openJournal();
    const before = await countCalls('TransactWriteItems');
    await moto.injectFault({ ...conflict, fields: { CancellationReasons }, times: 1 });

    const records = [statusRecord('a', 1), requestRecord('r', 1)];
    expect(await journal.write(records, { ...A, record: undefined })).toBe('conflict');

    expect(await countCalls('TransactWriteItems')).toBe(before + 1);
    expect(await journal.list('laptop', '')).toEqual([]);
  });

  it('lets one of many win who expect the same, while they collide, are throttled and lose answers', async () => {
    const journal = await openJournal();
    const fault = { operation: 'TransactWriteItems', status: 400, message: 'no' };
    await moto.injectFault({ ...fault, status: 500, code: 'InternalServerError', afterwards: true, times: 2 });
    await moto.injectFault({ ...conflict, times: 6 });
    await moto.injectFault({ ...fault, code: 'ThrottlingException', times: 4 });

    const ends = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        journal.write([statusRecord('a', at), requestRecord(`r${at}`, 1)], { ...A, record: undefined }),
      ),
    );

    expect(ends.filter((end) => end === 'written')).toHaveLength(1);
    expect(ends.filter((end) => end === 'conflict')).toHaveLength(9);
    const winner = ends.indexOf('written');
    expect(await journal.list('laptop', '')).toEqual([requestRecord(`r${winner}`, 1), statusRecord('a', winner)]);
  });

  it.each(['PutItem', 'TransactWriteItems'])('writes once when the answer to %s is lost', async (operation) => {
    const journal = await openJournal();
    const records = [statusRecord('a', 1), ...(operation === 'PutItem' ? [] : [requestRecord('r', 1)])];
    await moto.injectFault({
      operation,
      status: 500,
      code: 'InternalServerError',
      message: 'gone',
      afterwards: true,
      times: 1,
    });

    await journal.write(records);

    expect(await journal.list('laptop', '')).toHaveLength(records.length);
  });

  it('lists all or says that it could not, when a later page is throttled', async () => {
    const journal = await openJournal();
    const names = Array.from({ length: 20 }, (_, index) => String(index).padStart(2, '0'));
    await journal.write(names.map((name) => statusRecord(name, 1)));
    const fault = { operation: 'Query', status: 400, code: 'ThrottlingException', message: 'slow', after: 1 };

    await moto.injectFault({ ...fault, times: 2 });
    expect(await journal.list('laptop', '')).toEqual(names.map((name) => statusRecord(name, 1)));

    await moto.injectFault({ ...fault, times: 3 });
    await expect(journal.list('laptop', '')).rejects.toMatchObject({
      code: 'JournalUnavailable',
      disposition: 'retry',
    });
  });

  it('asks for another try when DynamoDB stays overloaded', async () => {
    const journal = await openJournal();
    await moto.injectFault({
      operation: 'GetItem',
      status: 400,
      code: 'ThrottlingException',
      message: 'slow',
      times: 3,
    });

    await expect(journal.read('laptop', 'x')).rejects.toMatchObject({
      code: 'JournalUnavailable',
      disposition: 'retry',
      message: expect.stringContaining('ThrottlingException'),
    });
  });

  it('says which right is missing, and which table', async () => {
    const journal = await openJournal('journal-denied');
    await moto.injectFault({
      operation: 'PutItem',
      status: 400,
      code: 'AccessDeniedException',
      message: 'no',
      times: 1,
    });

    await expect(journal.write([statusRecord('a', 1)])).rejects.toMatchObject({
      code: 'AccessDenied',
      message: expect.stringContaining('grant dynamodb:PutItem'),
    });
    await expect(journal.read('laptop', 'x')).rejects.toMatchObject({
      code: 'JournalNotFound',
      message: expect.stringContaining('journal-denied'),
    });
  });
});
