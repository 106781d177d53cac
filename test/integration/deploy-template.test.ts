import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { GetBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DeployedStack, deployTemplate } from '#stand-ins/aws/deploy-template.ts';
import { isPermitted } from '#stand-ins/aws/evaluate-policy.ts';
import { roleStatements } from '#stand-ins/aws/role-statements.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { describeStack } from '#stand-ins/lambda/describe-stack.ts';

let moto: RunningMoto;
let stack: DeployedStack;

beforeAll(async () => {
  moto = await startMoto();
  const template: unknown = JSON.parse(await readFile('test/infra/tidegate-stack.template.json', 'utf8'));
  stack = await deployTemplate({ template, stackName: 'tidegate-eu-west-1', moto });
});
afterAll(() => moto?.stop());

function connection() {
  return { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
}

function refsOf(type: string, part = ''): readonly string[] {
  return stack.resources.filter((one) => one.type === type && one.id.includes(part)).map(({ ref }) => ref);
}

function deployOne(resource: object): Promise<DeployedStack> {
  return deployTemplate({ template: { Resources: { One: resource } }, stackName: 'other', moto });
}

describe('the stack in moto', () => {
  it('has the queues with everything that the template says of them', async () => {
    const [QueueUrl] = refsOf('AWS::SQS::Queue', 'ReconcileproductionWorkQueue');
    const sqs = new SQSClient(connection());
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    sqs.destroy();
    const redrive: unknown = JSON.parse(Attributes?.['RedrivePolicy'] ?? '');
    expect(QueueUrl).toBe(`${moto.url}/${moto.account}/tidegate-reconcile-production.fifo`);
    expect(Attributes).toMatchObject({
      FifoQueue: 'true',
      ContentBasedDeduplication: 'true',
      VisibilityTimeout: '330',
      MessageRetentionPeriod: '86400',
    });
    expect(redrive).toEqual({
      deadLetterTargetArn: expect.stringMatching(/^arn:aws:sqs:eu-west-1:123456789012:.*WorkDeadLett.*\.fifo$/),
      maxReceiveCount: 3,
    });
  });

  it('has the journal with its stream and the time that records live', async () => {
    const [TableName] = refsOf('AWS::DynamoDB::Table');
    const dynamodb = new DynamoDBClient(connection());
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
    const { TimeToLiveDescription } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }));
    dynamodb.destroy();
    expect(Table).toMatchObject({
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    expect(TimeToLiveDescription).toMatchObject({ AttributeName: 'expiresAt', TimeToLiveStatus: 'ENABLED' });
  });

  it('has a bucket with versions', async () => {
    const [Bucket] = refsOf('AWS::S3::Bucket');
    const s3 = new S3Client(connection());
    expect(await s3.send(new GetBucketVersioningCommand({ Bucket }))).toMatchObject({ Status: 'Enabled' });
    s3.destroy();
  });

  it('has a webhook secret of chance, and none for GitHub yet', async () => {
    const secrets = new SecretsManagerClient(connection());
    const read = (SecretId: string) => secrets.send(new GetSecretValueCommand({ SecretId }));
    expect((await read('tidegate/github/webhook-secret')).SecretString).toMatch(/^[0-9A-Za-z]{64}$/);
    await expect(read('tidegate/github/private-key')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    secrets.destroy();
  });

  it('sends image pushes to the queue of image-update', async () => {
    const events = new EventBridgeClient(connection());
    const { Rules = [] } = await events.send(new ListRulesCommand({}));
    const [rule] = Rules;
    expect(Rules).toHaveLength(1);
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: rule?.Name ?? '' }));
    events.destroy();
    expect(Targets).toMatchObject([
      {
        Arn: `arn:aws:sqs:eu-west-1:${moto.account}:tidegate-image-update.fifo`,
        SqsParameters: { MessageGroupId: 'ecr' },
      },
    ]);
  });

  it('leaves out what its condition leaves out', () => {
    expect(refsOf('AWS::Events::EventBusPolicy')).toEqual([]);
  });

  it('has every function know the others by what they became', () => {
    const notify = stack.resources.find(({ id }) => id.startsWith('NotifyWorkerFunction'));
    const journal = stack.resources.find(({ type }) => type === 'AWS::DynamoDB::Table')?.ref;
    expect(journal).toMatch(/Journal/u);
    expect(notify?.properties['Environment']).toEqual({
      Variables: {
        NODE_OPTIONS: '--enable-source-maps',
        JOURNAL_TABLE: journal,
        SOURCE_SYNC_QUEUE_URL: `${moto.url}/${moto.account}/tidegate-source-sync.fifo`,
        IMAGE_UPDATE_QUEUE_URL: `${moto.url}/${moto.account}/tidegate-image-update.fifo`,
      },
    });
  });

  it('tells the address for webhooks', () => {
    expect(stack.outputs['WebhookUrl']).toMatch(/^https:\/\/[\w-]+\.execute-api\.eu-west-1\.amazonaws\.com\/webhook$/);
  });
});

describe('what calls the functions', () => {
  const nameOf = (text: string): string | undefined =>
    /(?:tidegate-eu-west-1-|^)([A-Z][a-z]+(?:[A-Z][a-z]+)*?)Worker/u.exec(text)?.[1];

  it('is every queue of work, each with its function', () => {
    const wired = describeStack(stack).queueMappings.map(
      ({ queueArn, functionName, batchSize, maxConcurrency }) =>
        `${queueArn.split(':').at(-1)} ► ${nameOf(functionName)}, ${batchSize} at once, ${maxConcurrency} in all`,
    );
    expect(wired.toSorted()).toEqual([
      'tidegate-image-update.fifo ► ImageUpdate, 5 at once, 4 in all',
      'tidegate-reconcile-production.fifo ► Reconcileproduction, 1 at once, undefined in all',
      'tidegate-reconcile-staging.fifo ► Reconcilestaging, 1 at once, undefined in all',
      'tidegate-source-sync.fifo ► SourceSync, 5 at once, 4 in all',
    ]);
  });

  it('is the stream of the journal, with what is given up told to a queue', () => {
    const { streamMappings } = describeStack(stack);
    const readers = streamMappings.map(({ functionName, filters }) => [
      /Notify[A-Z][a-z]+/u.exec(functionName)?.[0],
      filters,
    ]);
    const ofTypes = (...types: readonly string[]) => [{ dynamodb: { NewImage: { type: { S: types } } } }];
    // Work never waits for GitHub to take a mark.
    expect(Object.fromEntries(readers)).toEqual({
      NotifyTeller: ofTypes('Event', 'Status'),
      NotifyWorker: ofTypes('Request'),
    });
    for (const mapping of streamMappings) {
      expect(mapping).toMatchObject({
        batchSize: 100,
        bisectBatchOnError: true,
        retryAttempts: -1,
        maxRecordAgeSeconds: 3600,
      });
      expect(stack.resources.some(({ attributes }) => attributes['Arn'] === mapping.onFailureArn)).toBe(true);
    }
  });

  it('is a tick to each queue, with an id of its own', () => {
    const ticks = describeStack(stack).schedules.map(({ queueArn, group, input }) => [
      queueArn.split(':').at(-1),
      group,
      input,
    ]);
    const input = '{"type":"Tick","id":"<aws.scheduler.execution-id>"}';
    expect(ticks).toEqual(
      expect.arrayContaining([
        ['tidegate-source-sync.fifo', 'tick', input],
        ['tidegate-image-update.fifo', 'tick', input],
        ['tidegate-reconcile-production.fifo', 'production', input],
        ['tidegate-reconcile-staging.fifo', 'staging', input],
      ]),
    );
    expect(ticks).toHaveLength(4);
  });

  it('is one route', () => {
    const [route, ...others] = describeStack(stack).routes;
    expect(others).toEqual([]);
    expect(route).toMatchObject({
      method: 'POST',
      path: '/webhook',
      functionArn: expect.stringContaining('WebhookWorker'),
    });
  });

  it('may do what Lambda and Scheduler do in the name of its role', () => {
    const { functions, queueMappings, streamMappings, schedules } = describeStack(stack);
    const roleOf = (name: string) => functions.find((one) => one.name === name);
    const needed = [
      ...queueMappings.flatMap(({ functionName, queueArn: resource }) =>
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((action) => ({
          ...roleOf(functionName),
          action,
          resource,
        })),
      ),
      ...streamMappings.flatMap(({ functionName, streamArn, onFailureArn }) => [
        ...['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'].map(
          (action) => ({ ...roleOf(functionName), action, resource: streamArn }),
        ),
        { ...roleOf(functionName), action: 'sqs:SendMessage', resource: onFailureArn },
      ]),
      ...schedules.map(({ roleArn, queueArn }) => ({ roleArn, action: 'sqs:SendMessage', resource: queueArn })),
    ];
    const refused = needed.filter(
      ({ roleArn = '', action, resource }) =>
        !isPermitted(roleStatements(stack, roleArn), { action, resource, sourceFunctionArn: '' }),
    );
    expect(needed).toHaveLength(4 * 3 + 2 * 5 + 4);
    expect(refused).toEqual([]);
  });

  it('is refused where it is wired in a way that nobody plays', () => {
    const resources = stack.resources.map((one) =>
      one.type === 'AWS::Lambda::EventSourceMapping'
        ? { ...one, properties: { ...one.properties, FilterCriteria: {} } }
        : one,
    );
    expect(() => describeStack({ ...stack, resources })).toThrow('FilterCriteria');
  });
});

describe('a template is refused', () => {
  it.each<[string, object, string]>([
    ['a type that nobody plays', { Type: 'AWS::EC2::NatGateway' }, 'One is of type AWS::EC2::NatGateway'],
    [
      'a property that nobody carries out',
      { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 3 } },
      'DelaySeconds',
    ],
    [
      'a reference that leads nowhere',
      { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Other' } } },
      'One.QueueName: refers to Other, which is not there',
    ],
    [
      'a function that is not known',
      { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::ImportValue': 'x' } } },
      'One.QueueName: Fn::ImportValue is not known here',
    ],
    ['a circle', { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::GetAtt': ['One', 'Arn'] } } }, 'One ► One'],
  ])('for %s', async (_what, resource, message) => {
    await expect(deployOne(resource)).rejects.toThrow(message);
  });
});
