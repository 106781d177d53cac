import { z } from 'zod';

import type { DeployedResource, DeployedStack } from '#stand-ins/aws/deploy-template.ts';

import { StreamFilter } from './stream-filter.ts';

/** A function as the template describes it. */
export interface FunctionDescription {
  /** Its logical id in the template. */
  readonly id: string;
  /** What other resources know it by. */
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly handler: string;
  /** The object with its code in the bucket of assets. */
  readonly codeKey: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly architecture: string;
  /** Objects in the bucket of assets, unpacked to `/opt`. */
  readonly layerKeys: readonly string[];
}

/** A queue whose messages call a function. */
export interface QueueMapping {
  readonly functionName: string;
  readonly queueArn: string;
  readonly batchSize: number;
  readonly maxConcurrency?: number;
}

/** A table's stream whose records call a function. */
export interface StreamMapping {
  readonly functionName: string;
  readonly streamArn: string;
  readonly batchSize: number;
  readonly bisectBatchOnError: boolean;
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
  /** The function is called for records that one of these lets pass; for all where there is none. */
  readonly filters: readonly StreamFilter[];
  /** The queue for what was given up. */
  readonly onFailureArn: string;
}

/** A message that is sent again and again. */
export interface ScheduleDescription {
  readonly name: string;
  readonly queueArn: string;
  readonly input: string;
  readonly group: string;
  /** Who sends. */
  readonly roleArn: string;
}

/** An address that calls a function. */
export interface RouteDescription {
  readonly method: string;
  readonly path: string;
  readonly functionArn: string;
  readonly apiId: string;
}

/** Whom a cluster lets in. */
export interface AccessEntryDescription {
  readonly clusterName: string;
  readonly principalArn: string;
  readonly kubernetesGroups: readonly string[];
}

/** What the stand-in for Lambda has to play of a deployed stack. */
export interface StackDescription {
  readonly functions: readonly FunctionDescription[];
  readonly queueMappings: readonly QueueMapping[];
  readonly streamMappings: readonly StreamMapping[];
  readonly schedules: readonly ScheduleDescription[];
  readonly routes: readonly RouteDescription[];
  readonly accessEntries: readonly AccessEntryDescription[];
}

const tags = z.unknown().optional();

const LambdaFunction = z.strictObject({
  Architectures: z.tuple([z.enum(['arm64', 'x86_64'])]),
  Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
  Description: z.string(),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.string()) }),
  Handler: z.string(),
  Layers: z.array(z.string()).default([]),
  LoggingConfig: z.strictObject({ LogFormat: z.literal('Text'), LogGroup: z.string() }),
  MemorySize: z.number(),
  Role: z.string(),
  Runtime: z.literal('nodejs24.x'),
  Timeout: z.number(),
  TracingConfig: z.strictObject({ Mode: z.literal('Active') }),
  // There is no VPC on this machine.
  VpcConfig: z.unknown().optional(),
  Tags: tags,
});

const Layer = z.strictObject({
  Content: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
  Description: z.string(),
  LicenseInfo: z.string(),
});

const reportFailures = z.tuple([z.literal('ReportBatchItemFailures')]);

const QueueSource = z.strictObject({
  BatchSize: z.number(),
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  FunctionResponseTypes: reportFailures,
  ScalingConfig: z.strictObject({ MaximumConcurrency: z.number() }).optional(),
  Tags: tags,
});

const StreamSource = z.strictObject({
  BatchSize: z.number(),
  BisectBatchOnFunctionError: z.boolean(),
  DestinationConfig: z.strictObject({ OnFailure: z.strictObject({ Destination: z.string() }) }),
  EventSourceArn: z.string(),
  FilterCriteria: z
    .strictObject({
      Filters: z
        .array(z.strictObject({ Pattern: z.string() }))
        .min(1)
        .max(5),
    })
    .optional(),
  FunctionName: z.string(),
  FunctionResponseTypes: reportFailures,
  MaximumRecordAgeInSeconds: z.number(),
  MaximumRetryAttempts: z.number(),
  ParallelizationFactor: z.literal(1),
  StartingPosition: z.literal('TRIM_HORIZON'),
  Tags: tags,
});

const Schedule = z.strictObject({
  Description: z.string(),
  FlexibleTimeWindow: z.strictObject({ Mode: z.literal('OFF') }),
  GroupName: z.string(),
  State: z.literal('ENABLED'),
  ScheduleExpression: z.literal('rate(1 minute)'),
  ScheduleExpressionTimezone: z.string(),
  Target: z.strictObject({
    Arn: z.string(),
    Input: z.string(),
    // moto takes every message.
    RetryPolicy: z.unknown(),
    RoleArn: z.string(),
    SqsParameters: z.strictObject({ MessageGroupId: z.string() }),
  }),
});

const Route = z.strictObject({
  ApiId: z.string(),
  AuthorizationType: z.literal('NONE'),
  RouteKey: z.string().regex(/^[A-Z]+ \/[\w/-]*$/u),
  Target: z.string().startsWith('integrations/'),
});

const Integration = z.strictObject({
  ApiId: z.string(),
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
});

const AccessEntry = z.strictObject({
  ClusterName: z.string(),
  KubernetesGroups: z.array(z.string()),
  PrincipalArn: z.string(),
  Type: z.literal('STANDARD'),
  Tags: tags,
});

/**
 * Reads from a deployed stack what the stand-in for Lambda has to play.
 * @throws ZodError where a resource is of a shape that the stand-in does not play.
 */
export function describeStack(stack: DeployedStack): StackDescription {
  const all = (type: string): readonly DeployedResource[] => stack.resources.filter((one) => one.type === type);
  const layers = new Map(
    all('AWS::Lambda::LayerVersion').map(({ ref, properties }) => [ref, Layer.parse(properties).Content.S3Key]),
  );
  const integrations = new Map(
    all('AWS::ApiGatewayV2::Integration').map(({ ref, properties }) => [ref, Integration.parse(properties)]),
  );
  const mappings = all('AWS::Lambda::EventSourceMapping').map(({ properties }) => properties);
  const functions = all('AWS::Lambda::Function').map((resource) => describeFunction(resource, layers));
  const isStream = (properties: Readonly<Record<string, unknown>>): boolean =>
    String(properties['EventSourceArn']).startsWith('arn:aws:dynamodb:');
  return {
    functions,
    queueMappings: mappings
      .filter((mapping) => !isStream(mapping))
      .map((mapping) => refuseEarlyReturn(describeQueueMapping(mapping), functions, all('AWS::SQS::Queue'))),
    streamMappings: refuseManyReaders(mappings.filter(isStream).map(describeStreamMapping)),
    schedules: all('AWS::Scheduler::Schedule').map(({ id, properties }) => {
      const { Target } = Schedule.parse(properties);
      const { Arn: queueArn, Input: input, SqsParameters, RoleArn: roleArn } = Target;
      return { name: id, queueArn, input, group: SqsParameters.MessageGroupId, roleArn };
    }),
    routes: all('AWS::ApiGatewayV2::Route').map(({ properties }) => {
      const { ApiId: apiId, RouteKey, Target } = Route.parse(properties);
      const [method = '', path = ''] = RouteKey.split(' ');
      return {
        method,
        path,
        apiId,
        functionArn: find(integrations, Target.replace('integrations/', '')).IntegrationUri,
      };
    }),
    accessEntries: all('AWS::EKS::AccessEntry').map(({ properties }) => {
      const { ClusterName, PrincipalArn, KubernetesGroups } = AccessEntry.parse(properties);
      return { clusterName: ClusterName, principalArn: PrincipalArn, kubernetesGroups: KubernetesGroups };
    }),
  };
}

function describeFunction(
  { id, ref, attributes, properties }: DeployedResource,
  layers: ReadonlyMap<string, string>,
): FunctionDescription {
  const described = LambdaFunction.parse(properties);
  return {
    id,
    name: ref,
    arn: attributes['Arn'] ?? '',
    roleArn: described.Role,
    handler: described.Handler,
    codeKey: described.Code.S3Key,
    environment: described.Environment.Variables,
    timeoutMs: described.Timeout * 1000,
    memoryMb: described.MemorySize,
    architecture: described.Architectures[0],
    layerKeys: described.Layers.map((layer) => find(layers, layer)),
  };
}

function describeQueueMapping(properties: Readonly<Record<string, unknown>>): QueueMapping {
  const { FunctionName, EventSourceArn, BatchSize, ScalingConfig } = QueueSource.parse(properties);
  return {
    functionName: FunctionName,
    queueArn: EventSourceArn,
    batchSize: BatchSize,
    ...(ScalingConfig === undefined ? {} : { maxConcurrency: ScalingConfig.MaximumConcurrency }),
  };
}

/** Lambda makes no mapping from a queue that shows a message again while the function may still work on it. */
function refuseEarlyReturn(
  mapping: QueueMapping,
  functions: readonly FunctionDescription[],
  queues: readonly DeployedResource[],
): QueueMapping {
  const { properties } = queues.find(({ attributes }) => attributes['Arn'] === mapping.queueArn) ?? {};
  const visibleMs = Number(properties?.['VisibilityTimeout'] ?? 30) * 1000;
  const { timeoutMs = 0 } = functions.find(({ name }) => name === mapping.functionName) ?? {};
  if (visibleMs >= timeoutMs) return mapping;
  throw new Error(
    `Queue visibility timeout: ${visibleMs / 1000} seconds is less than Function timeout: ${timeoutMs / 1000} seconds (${mapping.queueArn})`,
  );
}

/** A shard of a table's stream is read by two at a time and no more ("DynamoDB Streams and Lambda triggers"). */
function refuseManyReaders(mappings: readonly StreamMapping[]): readonly StreamMapping[] {
  const arns = mappings.map(({ streamArn }) => streamArn);
  const [crowded] = arns.filter((arn) => arns.filter((other) => other === arn).length > 2);
  if (crowded !== undefined) throw new Error(`more than two functions read the stream ${crowded}`);
  return mappings;
}

function describeStreamMapping(properties: Readonly<Record<string, unknown>>): StreamMapping {
  const described = StreamSource.parse(properties);
  return {
    functionName: described.FunctionName,
    streamArn: described.EventSourceArn,
    batchSize: described.BatchSize,
    bisectBatchOnError: described.BisectBatchOnFunctionError,
    retryAttempts: described.MaximumRetryAttempts,
    maxRecordAgeSeconds: described.MaximumRecordAgeInSeconds,
    filters: (described.FilterCriteria?.Filters ?? []).map(({ Pattern }) => StreamFilter.parse(JSON.parse(Pattern))),
    onFailureArn: described.DestinationConfig.OnFailure.Destination,
  };
}

function find<Value>(map: ReadonlyMap<string, Value>, key: string): Value {
  const found = map.get(key);
  if (found === undefined) throw new Error(`the template refers to ${key}, which is not described in it`);
  return found;
}
