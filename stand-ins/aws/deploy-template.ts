import { CreateTableCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  BucketLocationConstraint,
  CreateBucketCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateSecretCommand, GetRandomPasswordCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createHash } from 'node:crypto';
import { z } from 'zod';

import { orderResources } from './order-resources.ts';
import { type Identity, type Referents, resolveIntrinsics } from './resolve-intrinsics.ts';
import type { RunningMoto } from './start-moto.ts';
import { parseTemplate, type TemplateResource } from './template.ts';

/** Which template is deployed, as which stack. */
export interface DeployTemplateOptions {
  /** A CloudFormation template as JSON. */
  readonly template: unknown;
  readonly stackName: string;
  readonly moto: RunningMoto;
}

/** A resource of a deployed template; its references replaced by what they stand for. */
export interface DeployedResource extends Identity {
  readonly id: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What a template became. */
export interface DeployedStack {
  readonly resources: readonly DeployedResource[];
  readonly outputs: Readonly<Record<string, string>>;
}

interface Place {
  readonly region: string;
  readonly account: string;
  readonly aws: AwsClients;
}

interface AwsClients {
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly events: EventBridgeClient;
}

/** A resource whose references are known, and the name that CloudFormation makes up for what has none. */
interface Request {
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

type Make = (request: Request, place: Place) => Promise<Identity> | Identity;

/** What stands in moto: every property of it is carried out, or is named with the reason why it is not. */
const MADE: Readonly<Record<string, Make>> = {
  'AWS::DynamoDB::Table': makeTable,
  'AWS::Events::Rule': makeRule,
  'AWS::S3::Bucket': makeBucket,
  'AWS::SQS::Queue': makeQueue,
  'AWS::SecretsManager::Secret': makeSecret,
};

/** What stand-ins/lambda plays: here it only gets its name. */
const PLAYED_BY_LAMBDA: Readonly<Record<string, Make>> = {
  'AWS::ApiGatewayV2::Api': ({ name }) => ({ ref: shorten(name), attributes: {} }),
  'AWS::ApiGatewayV2::Integration': ({ name }) => ({ ref: shorten(name), attributes: {} }),
  'AWS::ApiGatewayV2::Route': nameOnly,
  'AWS::EKS::AccessEntry': nameOnly,
  // What they do not allow, start-permission-gate.ts does not let through.
  'AWS::IAM::Policy': nameOnly,
  'AWS::IAM::Role': ({ name }, { account }) => named(name, `arn:aws:iam::${account}:role/${name}`),
  'AWS::Lambda::EventSourceMapping': nameOnly,
  'AWS::Lambda::Function': ({ name }, place) => named(name, arn(place, 'lambda', `function:${name}`)),
  'AWS::Lambda::LayerVersion': ({ name }, place) => ({
    ref: arn(place, 'lambda', `layer:${name}:1`),
    attributes: {},
  }),
  'AWS::Scheduler::Schedule': nameOnly,
};

/** What nothing plays, and why that hides nothing from what runs on the stand-ins. */
const NOT_PLAYED: Readonly<Record<string, { readonly reason: string; readonly make: Make }>> = {
  'AWS::ApiGatewayV2::Stage': { reason: 'moto has no HTTP APIs; throttling is API Gateway’s own', make: nameOnly },
  'AWS::CloudWatch::Alarm': { reason: 'nobody is called from here', make: nameOnly },
  'AWS::CloudWatch::Dashboard': { reason: 'nobody looks at it here', make: nameOnly },
  'AWS::EC2::SecurityGroup': {
    reason: 'there is no VPC on this machine',
    make: ({ name }) => ({ ref: name, attributes: { GroupId: 'sg-0123456789abcdef0' } }),
  },
  'AWS::EC2::SecurityGroupIngress': { reason: 'there is no VPC on this machine', make: nameOnly },
  'AWS::EC2::VPCEndpoint': { reason: 'there is no VPC on this machine', make: nameOnly },
  'AWS::Events::EventBusPolicy': { reason: 'moto has one account and checks no policy', make: nameOnly },
  'AWS::IAM::ManagedPolicy': {
    reason: 'it is for people, and moto checks no policy',
    make: ({ name }, { account }) => ({ ref: `arn:aws:iam::${account}:policy/${name}`, attributes: {} }),
  },
  'AWS::Lambda::Permission': { reason: 'the stand-in calls what the template wires, asking nobody', make: nameOnly },
  'AWS::Logs::LogGroup': {
    reason: 'functions write to files here',
    make: ({ name }, place) => named(name, arn(place, 'logs', `log-group:${name}:*`)),
  },
  'AWS::Logs::MetricFilter': { reason: 'there are no metrics here', make: nameOnly },
  'AWS::S3::BucketPolicy': { reason: 'moto checks no policy', make: nameOnly },
  'AWS::SQS::QueuePolicy': { reason: 'moto checks no policy', make: nameOnly },
  'AWS::Scheduler::ScheduleGroup': {
    reason: 'a group of schedules does nothing by itself',
    make: ({ name }, place) => named(name, arn(place, 'scheduler', `schedule-group/${name}`)),
  },
};

/**
 * Deploys a CloudFormation template into moto, as far as moto plays it; the rest comes back as descriptions.
 * moto's own CloudFormation knows no secret, no queue of FIFO without a name and no policy of a bucket.
 * @throws Error naming the resource, when its type or a property is not one of those known here, or a reference leads nowhere.
 */
export async function deployTemplate(options: DeployTemplateOptions): Promise<DeployedStack> {
  const { stackName, moto } = options;
  const template = parseTemplate(options.template);
  const values = {
    'AWS::AccountId': moto.account,
    'AWS::Region': moto.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${moto.region}:${moto.account}:stack/${stackName}/1`,
    ...Object.fromEntries(Object.entries(template.Parameters).map(([name, { Default }]) => [name, String(Default)])),
  };
  const identities = new Map<string, Identity>();
  const referents: Referents = { values, resources: identities };
  const isWanted = ({ Condition: name }: TemplateResource): boolean =>
    name === undefined || resolveIntrinsics(template.Conditions[name], referents, `Conditions.${name}`) === true;
  const wanted = Object.fromEntries(Object.entries(template.Resources).filter(([, resource]) => isWanted(resource)));

  const aws = openClients(moto);
  const place = { region: moto.region, account: moto.account, aws };
  const resources: DeployedResource[] = [];
  try {
    for (const id of orderResources(wanted)) {
      const { Type: type = '', Properties } = wanted[id] ?? {};
      const properties = asRecord(resolveIntrinsics(Properties, referents, id));
      const identity = await makerOf(type, id)({ name: makeName(stackName, id), properties }, place);
      identities.set(id, identity);
      resources.push({ id, type, properties, ...identity });
    }
  } finally {
    for (const client of Object.values(aws)) client.destroy();
  }
  const outputs = Object.entries(template.Outputs).map(([name, { Value }]) => [
    name,
    String(resolveIntrinsics(Value, referents, `Outputs.${name}`)),
  ]);
  return { resources, outputs: Object.fromEntries(outputs) };
}

function makerOf(type: string, id: string): Make {
  const make = MADE[type] ?? PLAYED_BY_LAMBDA[type] ?? NOT_PLAYED[type]?.make;
  if (make !== undefined) return make;
  throw new Error(
    `${id} is of type ${type}, which is not known here: say in stand-ins/aws/deploy-template.ts who plays it`,
  );
}

function openClients(moto: RunningMoto): AwsClients {
  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  return {
    sqs: new SQSClient(connection),
    dynamodb: new DynamoDBClient(connection),
    s3: new S3Client(connection),
    secrets: new SecretsManagerClient(connection),
    events: new EventBridgeClient(connection),
  };
}

/** As CloudFormation: the stack, the logical id, and something that makes it the only one. */
function makeName(stackName: string, id: string): string {
  const chance = createHash('sha256').update(`${stackName}/${id}`).digest('hex').slice(0, 12);
  return `${`${stackName}-${id}`.slice(0, 50)}-${chance}`;
}

function shorten(name: string): string {
  return name.slice(-10);
}

function named(ref: string, ownArn: string): Identity {
  return { ref, attributes: { Arn: ownArn } };
}

function nameOnly({ name }: Request): Identity {
  return { ref: name, attributes: {} };
}

function arn({ region, account }: Place, service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(value);
}

/** Kept as it is and without effect here; `reason` is for the reader. */
function withoutEffect(_reason: string) {
  return z.unknown().optional();
}

const tags = withoutEffect('nobody looks for resources by their tags');
const encryption = withoutEffect('moto keeps nothing on a disk');

const Queue = z.strictObject({
  QueueName: z.string().optional(),
  FifoQueue: z.boolean().optional(),
  ContentBasedDeduplication: z.boolean().optional(),
  VisibilityTimeout: z.number().optional(),
  MessageRetentionPeriod: z.number().optional(),
  RedrivePolicy: z.strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: z.number() }).optional(),
  SqsManagedSseEnabled: encryption,
  Tags: tags,
});

async function makeQueue({ name, properties }: Request, place: Place): Promise<Identity> {
  const { QueueName, RedrivePolicy, SqsManagedSseEnabled: _sse, Tags: _tags, ...attributes } = Queue.parse(properties);
  const queueName = QueueName ?? (attributes.FifoQueue === true ? `${name}.fifo` : name);
  const { QueueUrl: ref = '' } = await place.aws.sqs.send(
    new CreateQueueCommand({
      QueueName: queueName,
      Attributes: {
        ...Object.fromEntries(Object.entries(attributes).map(([attribute, value]) => [attribute, `${value}`])),
        ...(RedrivePolicy === undefined ? {} : { RedrivePolicy: JSON.stringify(RedrivePolicy) }),
      },
    }),
  );
  return { ref, attributes: { Arn: arn(place, 'sqs', queueName), QueueName: queueName } };
}

const Table = z.strictObject({
  AttributeDefinitions: z.array(z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
  KeySchema: z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) })),
  BillingMode: z.literal('PAY_PER_REQUEST'),
  StreamSpecification: z
    .strictObject({ StreamViewType: z.enum(['NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY']) })
    .optional(),
  TimeToLiveSpecification: z.strictObject({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
  PointInTimeRecoverySpecification: withoutEffect('nothing is restored here'),
  Tags: tags,
});

async function makeTable({ name: TableName, properties }: Request, place: Place): Promise<Identity> {
  const { AttributeDefinitions, KeySchema, BillingMode, StreamSpecification, TimeToLiveSpecification } =
    Table.parse(properties);
  const { TableDescription } = await place.aws.dynamodb.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions,
      KeySchema,
      BillingMode,
      ...(StreamSpecification === undefined
        ? {}
        : { StreamSpecification: { StreamEnabled: true, ...StreamSpecification } }),
    }),
  );
  if (TimeToLiveSpecification !== undefined) {
    await place.aws.dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  }
  const { TableArn: Arn = '', LatestStreamArn } = TableDescription ?? {};
  return {
    ref: TableName,
    attributes: { Arn, ...(LatestStreamArn === undefined ? {} : { StreamArn: LatestStreamArn }) },
  };
}

const Bucket = z.strictObject({
  VersioningConfiguration: z.strictObject({ Status: z.enum(['Enabled', 'Suspended']) }).optional(),
  BucketEncryption: encryption,
  PublicAccessBlockConfiguration: withoutEffect('moto checks no policy'),
  LifecycleConfiguration: withoutEffect('nothing here gets a day old'),
  Tags: tags,
});

async function makeBucket({ name, properties }: Request, place: Place): Promise<Identity> {
  const { VersioningConfiguration } = Bucket.parse(properties);
  const bucket = name.toLowerCase();
  await place.aws.s3.send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: z.enum(BucketLocationConstraint).parse(place.region) },
    }),
  );
  if (VersioningConfiguration !== undefined) {
    await place.aws.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  }
  return named(bucket, `arn:aws:s3:::${bucket}`);
}

const Secret = z.strictObject({
  Name: z.string(),
  Description: z.string().optional(),
  GenerateSecretString: z.strictObject({ PasswordLength: z.number(), ExcludePunctuation: z.boolean() }).optional(),
  Tags: tags,
});

async function makeSecret({ properties }: Request, place: Place): Promise<Identity> {
  const { Name, Description, GenerateSecretString } = Secret.parse(properties);
  const generated =
    GenerateSecretString === undefined
      ? undefined
      : await place.aws.secrets.send(new GetRandomPasswordCommand(GenerateSecretString));
  const { ARN: ref = '' } = await place.aws.secrets.send(
    new CreateSecretCommand({
      Name,
      ...(Description === undefined ? {} : { Description }),
      ...(generated?.RandomPassword === undefined ? {} : { SecretString: generated.RandomPassword }),
    }),
  );
  return { ref, attributes: { Id: ref } };
}

const Rule = z.strictObject({
  Description: z.string().optional(),
  EventPattern: z.record(z.string(), z.unknown()),
  State: z.enum(['ENABLED', 'DISABLED']),
  Targets: z.array(
    z.strictObject({
      Id: z.string(),
      Arn: z.string(),
      SqsParameters: z.strictObject({ MessageGroupId: z.string() }).optional(),
    }),
  ),
  Tags: tags,
});

async function makeRule({ name, properties }: Request, place: Place): Promise<Identity> {
  const { Description, EventPattern, State, Targets } = Rule.parse(properties);
  await place.aws.events.send(
    new PutRuleCommand({
      Name: name,
      State,
      EventPattern: JSON.stringify(EventPattern),
      ...(Description === undefined ? {} : { Description }),
    }),
  );
  await place.aws.events.send(
    new PutTargetsCommand({
      Rule: name,
      Targets: Targets.map(({ Id, Arn, SqsParameters }) => ({
        Id,
        Arn,
        ...(SqsParameters === undefined ? {} : { SqsParameters }),
      })),
    }),
  );
  return named(name, arn(place, 'events', `rule/${name}`));
}
