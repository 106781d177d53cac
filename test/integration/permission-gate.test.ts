import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { parsePolicy } from '#stand-ins/aws/evaluate-policy.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { type PermissionGate, startPermissionGate } from '#stand-ins/aws/start-permission-gate.ts';

const TABLE = 'arn:aws:dynamodb:eu-west-1:123456789012:table/journal';
const Version = '2012-10-17';

let moto: RunningMoto;
let gate: PermissionGate;

beforeAll(async () => {
  moto = await startMoto();
  const dynamodb = new DynamoDBClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  await dynamodb.send(
    new CreateTableCommand({
      TableName: 'journal',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
  dynamodb.destroy();
  const s3 = new S3Client({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  await s3.send(
    new CreateBucketCommand({ Bucket: 'artifacts', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
  );
  s3.destroy();
});
afterAll(() => moto?.stop());
beforeEach(async () => {
  gate = await startPermissionGate(moto);
  return () => gate.stop();
});

/** Somebody with these statements, as an SDK's client is configured for them. */
function become(statements: readonly object[], accessKeyId = 'ASIAWORKER') {
  const Statement = statements.map((statement) => ({ Effect: 'Allow', Resource: '*', ...statement }));
  gate.addCaller(accessKeyId, { name: 'worker', functionArn: 'arn', statements: parsePolicy({ Version, Statement }) });
  return connect(accessKeyId);
}

function connect(accessKeyId: string) {
  return {
    endpoint: gate.url,
    region: moto.region,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: 'x' },
  };
}

const get = (pk: string) => new GetItemCommand({ TableName: 'journal', Key: { pk: { S: pk } } });

describe('the gate before moto', () => {
  it('lets through what the policy allows, and knows what was used', async () => {
    const client = new DynamoDBClient(become([{ Action: ['dynamodb:GetItem', 'dynamodb:PutItem'], Resource: TABLE }]));
    await client.send(new PutItemCommand({ TableName: 'journal', Item: { pk: { S: 'a' }, n: { N: '1' } } }));
    expect((await client.send(get('a'))).Item).toEqual({ pk: { S: 'a' }, n: { N: '1' } });
    client.destroy();
    expect(gate.actionsOf('worker')).toEqual(['dynamodb:GetItem', 'dynamodb:PutItem']);
    expect(gate.refusals()).toEqual([]);
  });

  it('lists what somebody may do and never did, as it stands in the policy', async () => {
    const elsewhere = 'arn:aws:dynamodb:eu-west-1:123456789012:table/other';
    const client = new DynamoDBClient(
      become([
        { Action: ['dynamodb:GetItem', 'dynamodb:PutItem'], Resource: [TABLE, elsewhere] },
        { Action: 'dynamodb:Get*', Resource: '*' },
        { Action: 'sqs:SendMessage', Resource: '*' },
        { Effect: 'Deny', Action: 'sqs:PurgeQueue' },
      ]),
    );
    await client.send(get('a'));
    client.destroy();
    expect(gate.unusedGrantsOf('worker')).toEqual([
      { action: 'dynamodb:GetItem', resource: elsewhere },
      { action: 'dynamodb:PutItem', resource: TABLE },
      { action: 'dynamodb:PutItem', resource: elsewhere },
      { action: 'sqs:SendMessage', resource: '*' },
    ]);
    expect(gate.unusedGrantsOf('nobody')).toEqual([]);
  });

  it('refuses the keys of others, in the words of AWS', async () => {
    const Condition = { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['production'] } };
    const client = new DynamoDBClient(become([{ Action: 'dynamodb:GetItem', Condition }]));
    await client.send(get('production'));
    await expect(client.send(get('staging'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    client.destroy();
    expect(gate.refusals()).toEqual([`worker may not dynamodb:GetItem on ${TABLE} with keys staging`]);
  });

  it('refuses a transaction for any part of it', async () => {
    const client = new DynamoDBClient(become([{ Action: 'dynamodb:PutItem' }]));
    const put = { Put: { TableName: 'journal', Item: { pk: { S: 'b' } } } };
    const check = {
      ConditionCheck: {
        TableName: 'journal',
        Key: { pk: { S: 'c' } },
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    };
    await client.send(new TransactWriteItemsCommand({ TransactItems: [put] }));
    await expect(client.send(new TransactWriteItemsCommand({ TransactItems: [put, check] }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    client.destroy();
  });

  it('hands on large objects byte for byte', async () => {
    const client = new S3Client(
      become([{ Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::artifacts/*' }]),
    );
    const bytes = new Uint8Array(9 * 1024 * 1024).map((_, index) => index % 251);
    await client.send(new PutObjectCommand({ Bucket: 'artifacts', Key: 'large', Body: bytes }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'artifacts', Key: 'large' }));
    expect(Buffer.compare((await Body?.transformToByteArray()) ?? Buffer.of(), bytes)).toBe(0);
    client.destroy();
  });

  it.each([
    ['AccessDenied', ['s3:GetObject']],
    ['NoSuchKey', ['s3:GetObject', 's3:ListBucket']],
  ])('says %s of a missing object to who has %s', async (name, Action) => {
    const client = new S3Client(become([{ Action }]));
    await expect(client.send(new GetObjectCommand({ Bucket: 'artifacts', Key: 'none' }))).rejects.toMatchObject({
      name,
    });
    client.destroy();
  });

  it('refuses strangers, and what it does not know', async () => {
    const stranger = new DynamoDBClient(connect('ASIASTRANGER'));
    await expect(stranger.send(get('a'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    stranger.destroy();
    const client = new SQSClient(become([{ Action: '*' }]));
    await expect(client.send(new CreateQueueCommand({ QueueName: 'mine' }))).rejects.toThrow(
      'sqs CreateQueue is not known',
    );
    client.destroy();
    const s3 = new S3Client(become([{ Action: '*' }]));
    await expect(s3.send(new ListObjectVersionsCommand({ Bucket: 'artifacts' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    s3.destroy();
  });
});
