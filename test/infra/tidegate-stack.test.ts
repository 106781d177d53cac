import { App, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { buildApp } from '#infra/build-app.ts';
import { RUNBOOK } from '#infra/constructs/runbook-alarm.ts';
import { RENEW_AFTER_DAYS } from '#shared/adapters/s3/s3-artifact-store.ts';
import { readCertificateBundle } from '#shared/settings/certificate-bundle.ts';
import {
  GithubWebhookEnvironment,
  ImageUpdateEnvironment,
  NotifyEnvironment,
  readEnvironment,
  ReconcileEnvironment,
  SourceSyncEnvironment,
} from '#shared/settings/function-environment.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';

import type { IamStatement } from './iam-statements.ts';
import { describePermissions, peopleStatements, roleStatements } from './iam-statements.ts';
import type { Synthesized, Template } from './synthesize.ts';
import { EXAMPLE_SETTINGS, resourcesOf, synthesize } from './synthesize.ts';

let folder: string;
let synthesized: Synthesized;
let template: Template;
let statements: readonly IamStatement[];
let ofPeople: readonly IamStatement[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-stack-'));
  synthesized = await synthesize(EXAMPLE_SETTINGS, join(folder, 'example'));
  template = synthesized.template;
  statements = roleStatements(template);
  ofPeople = peopleStatements(template);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function propertiesOf(type: string): readonly Readonly<Record<string, unknown>>[] {
  return resourcesOf(template, type).map(([, { Properties }]) => Properties);
}

function statementsOf(owner: RegExp): readonly IamStatement[] {
  const found = statements.filter((statement) => owner.test(statement.owner));
  expect(found.length).toBeGreaterThan(3);
  return found;
}

function actionsOf(owner: RegExp): readonly string[] {
  return statementsOf(owner).flatMap(({ actions }) => actions);
}

const GITHUB_FACING = /^(?:Webhook|SourceSync|ImageUpdate|Notify)Worker/u;
const CLUSTER_FACING = /^Reconcile/u;

describe('permissions', () => {
  /** Actions that IAM gives for no narrower resource, or that are not worth one; each with its reason. */
  const EVERYWHERE: Readonly<Record<string, string>> = {
    'xray:PutTraceSegments': 'X-Ray has no resources to name',
    'xray:PutTelemetryRecords': 'X-Ray has no resources to name',
    'dynamodb:ListStreams': 'IAM knows no resource for it; Lambda asks for it before it reads a stream',
    'ec2:AssignPrivateIpAddresses': 'Lambda makes the interfaces of a function in a VPC, under ids not known before',
    'ec2:CreateNetworkInterface': 'Lambda makes the interfaces of a function in a VPC, under ids not known before',
    'ec2:DeleteNetworkInterface': 'Lambda makes the interfaces of a function in a VPC, under ids not known before',
    'ec2:DescribeNetworkInterfaces': 'describing has no resources to name',
    'ec2:DescribeSubnets': 'describing has no resources to name',
    'ec2:UnassignPrivateIpAddresses': 'Lambda makes the interfaces of a function in a VPC, under ids not known before',
    'cloudwatch:DescribeAlarmHistory': 'alarms are listed before one is known',
    'cloudwatch:DescribeAlarms': 'alarms are listed before one is known',
    'cloudwatch:GetMetricData': 'IAM knows no resource for metrics',
    'cloudwatch:ListDashboards': 'lists have no narrower resource',
    'cloudwatch:ListMetrics': 'IAM knows no resource for metrics',
    'lambda:ListEventSourceMappings': 'lists have no narrower resource',
    'lambda:ListFunctions': 'lists have no narrower resource',
    'logs:DescribeLogGroups': 'lists have no narrower resource',
    'logs:GetQueryResults': 'a query has an id only; what it may read was checked when it was started',
    'scheduler:ListSchedules': 'lists have no narrower resource',
    'sqs:ListQueues': 'lists have no narrower resource',
    'xray:BatchGetTraces': 'X-Ray has no resources to name',
    'xray:GetTraceSummaries': 'X-Ray has no resources to name',
  };

  test('no statement of any role names every action, or an action of any name', () => {
    const wild = [...statements, ...ofPeople].flatMap(({ actions }) => actions.filter((one) => one.includes('*')));

    expect(statements.length).toBeGreaterThan(30);
    expect(wild).toEqual([]);
  });

  test('what is allowed on every resource is in the table with its reason, and all of the table is used', () => {
    const everywhere = [...statements, ...ofPeople]
      .filter(({ resources }) => resources.includes('*'))
      .flatMap(({ actions }) => actions);

    expect([...new Set(everywhere)].toSorted()).toEqual(Object.keys(EVERYWHERE).toSorted());
  });

  test('roles have no managed policies, which others may widen', () => {
    expect(propertiesOf('AWS::IAM::Role').filter((role) => 'ManagedPolicyArns' in role)).toEqual([]);
    const attached = propertiesOf('AWS::IAM::ManagedPolicy').filter(
      (policy) => 'Roles' in policy || 'Users' in policy || 'Groups' in policy,
    );
    expect(attached).toEqual([]);
  });

  test('a function in a VPC has its interfaces made for it and may not touch them itself', () => {
    const [own, ...others] = statements.filter(({ effect }) => effect === 'Deny');

    expect(others).toEqual([]);
    expect(own?.owner).toMatch(/^Reconcileproduction/u);
    expect(own?.actions.every((action) => action.startsWith('ec2:'))).toBe(true);
    expect(JSON.stringify(own?.condition)).toMatch(/lambda:SourceFunctionArn.*:function:tidegate-\*/u);
  });

  test('docs/security.md has a row with a reason for each permission of the template, and no other', async () => {
    const rows = (await readFile('docs/security.md', 'utf8'))
      .split('\n')
      .filter((line) => /^\| .*`\w+:\w+`/u.test(line));
    const functions = ['github-webhook', 'source-sync', 'image-update', 'reconcile', 'notify'];
    const written = rows.flatMap((row) => {
      const [, whose = '', may = '', on = '', why = ''] = row.split('|').map((cell) => cell.trim());
      expect(why.length, row).toBeGreaterThan(15);
      const owners = whose === 'every function' ? functions : [whose.replaceAll('`', '')];
      const actions = [...may.matchAll(/(?<not>not )?`(?<action>\w+:\w+)`/gu)].map(
        ({ groups }) => `${groups?.['not'] ?? ''}${groups?.['action'] ?? ''}`,
      );
      return owners.flatMap((owner) =>
        actions.flatMap((action) => on.split(', ').map((place) => `${owner} | ${action} | ${place}`)),
      );
    });

    const given = describePermissions([...statements, ...ofPeople]);
    // Who operates may look too.
    const needed = [...given].filter(
      (one) => !one.startsWith('people who operate |') || !given.has(one.replace('operate |', 'look |')),
    );
    expect(written.toSorted()).toEqual(needed.toSorted());
  });

  test('people who look change nothing, and neither they nor those who operate read a secret, an artifact or deploy', () => {
    const look = ofPeople.filter(({ owner }) => owner.startsWith('PeopleLook')).flatMap(({ actions }) => actions);
    const all = ofPeople.flatMap(({ actions }) => actions);

    expect(
      look.filter((action) => !/:(?:Get|List|Describe|BatchGet|Filter|Query|Scan|StartQuery)/u.test(action)),
    ).toEqual([]);
    expect(all.length).toBeGreaterThan(look.length);
    expect(all.filter((action) => /^(?:iam|sts|s3|eks|ecr):|:GetSecretValue$/u.test(action))).toEqual([]);
    expect(all.filter((action) => /^cloudformation:(?!Describe)|^lambda:UpdateFunction/u.test(action))).toEqual([]);
  });

  test('the GitHub-facing roles have nothing of EKS and assume no role', () => {
    const forbidden = actionsOf(GITHUB_FACING).filter((action) => /^(?:eks|sts|iam):/u.test(action));

    expect(forbidden).toEqual([]);
  });

  test('a reconcile role reads no secret, and no registry', () => {
    const forbidden = actionsOf(CLUSTER_FACING).filter((action) =>
      /^(?:secretsmanager|ssm|ecr|kms|sts|eks):/u.test(action),
    );

    expect(forbidden).toEqual([]);
  });

  test('who reads a secret may use a key of the customer for it: through Secrets Manager, and for those secrets alone', () => {
    const of = (action: string): readonly IamStatement[] =>
      statements.filter(({ actions }) => actions.includes(action));
    const Conditions = z.strictObject({
      StringEquals: z.strictObject({ 'kms:ViaService': z.literal('secretsmanager.eu-west-1.amazonaws.com') }),
      StringLike: z.strictObject({
        'kms:EncryptionContext:SecretARN': z.union([z.array(z.unknown()), z.unknown().transform((one) => [one])]),
      }),
    });

    const readable = of('secretsmanager:GetSecretValue').flatMap(({ owner, resources }) =>
      resources.map((resource) => `${owner} ${resource}`),
    );
    const decryptable = of('kms:Decrypt').flatMap(({ owner, condition }) =>
      Conditions.parse(condition).StringLike['kms:EncryptionContext:SecretARN'].map(
        (secret) => `${owner} ${JSON.stringify(secret)}`,
      ),
    );

    expect(readable.length).toBeGreaterThan(5);
    expect(decryptable.toSorted()).toEqual(readable.toSorted());
  });

  test.each(['production', 'staging'])(
    'the reconcile role of %s receives from its own queue and sends to none',
    (name) => {
      const queueActions = statementsOf(new RegExp(`^Reconcile${name}`, 'u')).filter(({ actions }) =>
        actions.some((action) => action.startsWith('sqs:')),
      );

      expect(queueActions.flatMap(({ actions }) => actions)).not.toContain('sqs:SendMessage');
      expect(queueActions.flatMap(({ actions }) => actions)).toContain('sqs:ReceiveMessage');
      expect(queueActions.flatMap(({ resources }) => resources)).toEqual([
        expect.stringMatching(new RegExp(`Reconcile${name}WorkQueue`, 'u')),
      ]);
    },
  );

  test('no artifact in use comes near the age at which S3 deletes it, though nobody renews it for two months', () => {
    const Bucket = z.object({
      LifecycleConfiguration: z.object({ Rules: z.array(z.object({ ExpirationInDays: z.number().optional() })) }),
    });
    const rules = Bucket.parse(propertiesOf('AWS::S3::Bucket')[0]).LifecycleConfiguration.Rules;
    const days = rules.flatMap(({ ExpirationInDays }) => ExpirationInDays ?? []);

    expect(Math.min(...days) - RENEW_AFTER_DAYS).toBeGreaterThanOrEqual(60);
    // A copy onto itself reads and writes.
    expect(actionsOf(/^SourceSyncWorker/u)).toEqual(expect.arrayContaining(['s3:GetObject', 's3:PutObject']));
  });

  test.each(['production', 'staging'])(
    'the reconcile role of %s reads and writes journal and record of that cluster alone',
    (name) => {
      const own = statementsOf(new RegExp(`^Reconcile${name}`, 'u'));
      const journal = own.filter(({ actions }) => actions.includes('dynamodb:PutItem'));
      const writes = own.filter(({ actions }) => actions.includes('s3:PutObject'));

      expect(journal.map(({ condition }) => condition)).toEqual([
        { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [name] } },
      ]);
      expect(writes.flatMap(({ resources }) => resources)).toEqual([expect.stringContaining(`/records/${name}.json`)]);
    },
  );

  test('the webhook sends to two queues and reads one secret, nothing else', () => {
    expect([...new Set(actionsOf(/^WebhookWorker/u))].toSorted()).toEqual([
      'kms:Decrypt',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'secretsmanager:GetSecretValue',
      'sqs:SendMessage',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('each cluster has one access entry, for the role of its own function, in the group of its profile', () => {
    expect(propertiesOf('AWS::EKS::AccessEntry')).toEqual([
      {
        ClusterName: 'prod',
        KubernetesGroups: ['tidegate:platform'],
        PrincipalArn: { 'Fn::GetAtt': [expect.stringMatching(/^Reconcileproduction/u), 'Arn'] },
        Tags: expect.anything(),
        Type: 'STANDARD',
      },
      {
        ClusterName: 'staging',
        KubernetesGroups: ['tidegate:workload'],
        PrincipalArn: { 'Fn::GetAtt': [expect.stringMatching(/^Reconcilestaging/u), 'Arn'] },
        Tags: expect.anything(),
        Type: 'STANDARD',
      },
    ]);
  });
});

test('an access entry is made after the function, when EKS has heard of the new role', () => {
  const waitsFor = resourcesOf(template, 'AWS::EKS::AccessEntry').map(([id, entry]) => [id, entry['DependsOn']]);

  expect(waitsFor).toHaveLength(2);
  for (const [id, resources] of waitsFor) {
    const owner = String(id).replace(/AccessEntry.*/u, '');
    expect(resources).toEqual([expect.stringMatching(new RegExp(`^${owner}WorkerFunction`, 'u'))]);
  }
});

describe('cdk-nag', () => {
  const Suppressions = z.object({
    cdk_nag: z.object({ rules_to_suppress: z.array(z.object({ id: z.string(), reason: z.string() })) }),
  });

  test('every acknowledged finding says why, in a sentence', () => {
    const acknowledged = Object.values(template.Resources).flatMap(({ Metadata }) => {
      const parsed = Suppressions.safeParse(Metadata);
      return parsed.success ? parsed.data.cdk_nag.rules_to_suppress : [];
    });

    expect(acknowledged.length).toBeGreaterThan(5);
    expect(acknowledged.filter(({ reason }) => !/^[A-Z].{30,}\.$/u.test(reason))).toEqual([]);
  });

  test('the rules are asked at all: a queue in the clear is found', () => {
    const app = new App({ autoSynth: false, outdir: join(folder, 'careless') });
    const stack = new Stack(app, 'Careless');
    const queue = new Queue(stack, 'Queue');

    const { violations } = new AwsSolutionsChecks(app).validateScope(queue);

    expect(violations.map(({ ruleName }) => ruleName)).toContain('AwsSolutions-SQS4');
  });
});

describe('queues', () => {
  const Fifo = z.looseObject({
    QueueName: z.string(),
    FifoQueue: z.literal(true),
    ContentBasedDeduplication: z.literal(true),
    VisibilityTimeout: z.number(),
    RedrivePolicy: z.object({ maxReceiveCount: z.number(), deadLetterTargetArn: z.unknown() }),
  });

  test('a crashed run blocks its subject for minutes: visibility and receives by queue', () => {
    const queues = propertiesOf('AWS::SQS::Queue').filter((queue) => 'RedrivePolicy' in queue);

    expect(
      queues.map((queue) => {
        const { QueueName, VisibilityTimeout, RedrivePolicy } = Fifo.parse(queue);
        return [QueueName, VisibilityTimeout, RedrivePolicy.maxReceiveCount];
      }),
    ).toEqual([
      ['tidegate-source-sync.fifo', 210, 5],
      ['tidegate-image-update.fifo', 210, 5],
      ['tidegate-reconcile-production.fifo', 330, 3],
      ['tidegate-reconcile-staging.fifo', 330, 3],
    ]);
  });

  test('a reconcile takes one message at a time, and the stream is retried within bounds and in order', () => {
    const mappings = propertiesOf('AWS::Lambda::EventSourceMapping');

    expect(mappings.filter(({ BatchSize }) => BatchSize === 1)).toHaveLength(2);
    expect(
      mappings.every(
        ({ FunctionResponseTypes }) => JSON.stringify(FunctionResponseTypes) === '["ReportBatchItemFailures"]',
      ),
    ).toBe(true);
    expect(mappings).toContainEqual(
      expect.objectContaining({
        BisectBatchOnFunctionError: true,
        ParallelizationFactor: 1,
        // For as long as a record is young, however fast the tries follow one another.
        MaximumRetryAttempts: -1,
        MaximumRecordAgeInSeconds: 3600,
        DestinationConfig: { OnFailure: { Destination: expect.anything() } },
      }),
    );
  });

  test('each queue of work has a tick a minute with an id of its own', () => {
    const targets = propertiesOf('AWS::Scheduler::Schedule').map(({ ScheduleExpression, Target }) => {
      const { Input, SqsParameters } = z
        .looseObject({ Input: z.string(), SqsParameters: z.object({ MessageGroupId: z.string() }) })
        .parse(Target);
      return [ScheduleExpression, Input, SqsParameters.MessageGroupId];
    });

    const tick = '{"type":"Tick","id":"<aws.scheduler.execution-id>"}';
    expect(targets).toEqual([
      ['rate(1 minute)', tick, 'tick'],
      ['rate(1 minute)', tick, 'tick'],
      ['rate(1 minute)', tick, 'production'],
      ['rate(1 minute)', tick, 'staging'],
    ]);
  });

  test('pushes of images come from the accounts, regions and repositories of the settings only', () => {
    expect(propertiesOf('AWS::Events::Rule').map(({ EventPattern }) => EventPattern)).toEqual([
      {
        source: ['aws.ecr'],
        'detail-type': ['ECR Image Action'],
        account: ['123456789012'],
        region: ['eu-west-1'],
        detail: {
          result: ['SUCCESS'],
          'action-type': ['PUSH'],
          'repository-name': [{ prefix: 'team-a/' }, 'shared/base'],
        },
      },
    ]);
  });
});

describe('registries', () => {
  test('have one statement in the policy of the queue, however many they are, and one account may have two entries', async () => {
    const example = await readFile(EXAMPLE_SETTINGS, 'utf8');
    const more = Array.from(
      { length: 29 },
      (_, index) =>
        `    - { account: "1234567890${12 + (index >> 1)}", region: eu-west-1, repositories: [r${index}] }\n`,
    );
    const file = join(folder, 'many-registries.yaml');
    await writeFile(file, example.replace('  ecr:\n', `  ecr:\n${more.join('')}`));

    const many = (await synthesize(file, join(folder, 'many-registries'))).template;

    const rules = resourcesOf(many, 'AWS::Events::Rule');
    expect(rules).toHaveLength(30);
    const [, policy] =
      resourcesOf(many, 'AWS::SQS::QueuePolicy').find(([id]) => id.startsWith('ImageUpdateWorkQ')) ?? [];
    const text = JSON.stringify(policy?.Properties['PolicyDocument']);
    // SQS takes 10 conditions and 8,192 bytes; an ARN that is known at the deployment has about 120.
    expect(text.match(/"Condition"/gu)).toHaveLength(2);
    expect(rules.every(([id]) => text.includes(`"${id}"`))).toBe(true);
    expect(text.length + 60 * rules.length).toBeLessThan(8_192);
  });

  test('another account may put pushes of ECR on the bus: conditions as IAM compares keys of several values', () => {
    expect(propertiesOf('AWS::Events::EventBusPolicy').map(({ Statement }) => Statement)).toEqual([
      expect.objectContaining({
        Action: 'events:PutEvents',
        Condition: {
          'ForAllValues:StringEquals': { 'events:source': 'aws.ecr' },
          StringEquals: { 'events:detail-type': 'ECR Image Action' },
        },
      }),
    ]);
  });
});

describe('functions', () => {
  const LambdaFunction = z.looseObject({
    Description: z.string(),
    Runtime: z.string(),
    Architectures: z.array(z.string()),
    Timeout: z.number(),
    Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }),
  });

  test('run on Node 24, on arm64 but for reconcile, whose kubectl is for x86_64', () => {
    const found = propertiesOf('AWS::Lambda::Function').map((properties) => {
      const { Runtime, Architectures, Timeout } = LambdaFunction.parse(properties);
      return [Runtime, Architectures[0], `${Timeout} s`, ...('Layers' in properties ? ['layer'] : [])].join(' ');
    });

    expect(found.toSorted()).toEqual([
      'nodejs24.x arm64 10 s',
      'nodejs24.x arm64 180 s',
      'nodejs24.x arm64 180 s',
      'nodejs24.x arm64 180 s',
      'nodejs24.x arm64 60 s',
      'nodejs24.x x86_64 300 s layer',
      'nodejs24.x x86_64 300 s layer',
    ]);
  });

  test.each([
    ['WebhookWorker', GithubWebhookEnvironment, []],
    ['SourceSyncWorker', SourceSyncEnvironment, ['NODE_OPTIONS']],
    ['ImageUpdateWorker', ImageUpdateEnvironment, ['NODE_OPTIONS']],
    ['NotifyWorker', NotifyEnvironment, ['NODE_OPTIONS']],
    ['Reconcileproduction', ReconcileEnvironment, ['NODE_OPTIONS']],
  ] as const)('the environment of %s is what its code reads', (name, environment, ofNode) => {
    const [found] = resourcesOf(template, 'AWS::Lambda::Function').filter(([id]) => id.startsWith(name));
    const { Variables } = LambdaFunction.parse(found?.[1].Properties).Environment;
    const asText = Object.fromEntries(
      Object.entries(Variables).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    );

    expect(Object.keys(Variables).toSorted()).toEqual([...Object.keys(environment), ...ofNode].toSorted());
    expect(() => readEnvironment(environment, asText)).not.toThrow();
    expect(JSON.stringify(asText).length).toBeLessThan(4096);
  });
});

test('functions on the side of GitHub are in no VPC, as docs/install-aws.md says', async () => {
  const inVpc = resourcesOf(template, 'AWS::Lambda::Function').filter(
    ([, { Properties }]) => 'VpcConfig' in Properties,
  );

  expect(inVpc.map(([id]) => id)).toEqual([expect.stringMatching(/^Reconcileproduction/u)]);
  expect((await readFile('docs/install-aws.md', 'utf8')).replaceAll('\n', ' ')).toContain(
    '(`github-webhook`, `source-sync`, `image-update`, `notify`) run in no VPC, and no setting puts them into one',
  );
});

describe('alarms', () => {
  /** As AWS and the functions write them. An alarm on other dimensions has no data, and never rings. */
  const METRICS_THERE_ARE: Readonly<Record<string, readonly string[]>> = {
    'AWS/Lambda IteratorAge': ['FunctionName'],
    'AWS/SQS ApproximateAgeOfOldestMessage': ['QueueName'],
    'AWS/SQS ApproximateNumberOfMessagesVisible': ['QueueName'],
    'AWS/SQS NumberOfMessagesSent': ['QueueName'],
    'Tidegate Concerns': ['cluster', 'service'],
    'Tidegate Dropped': [],
    'Tidegate MissedWebhooks': [],
  };
  const Watched = z.looseObject({
    Namespace: z.string(),
    MetricName: z.string(),
    Dimensions: z.array(z.looseObject({ Name: z.string() })).default([]),
  });
  const Queries = z.array(z.looseObject({ MetricStat: z.looseObject({ Metric: Watched }).optional() }));

  test('watch metrics that are written, with the dimensions they are written with', () => {
    const watched = propertiesOf('AWS::CloudWatch::Alarm').flatMap((alarm) =>
      'Metrics' in alarm
        ? Queries.parse(alarm['Metrics']).flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])
        : [Watched.parse(alarm)],
    );
    const found = Object.fromEntries(
      watched.map(({ Namespace, MetricName, Dimensions }) => [
        `${Namespace} ${MetricName}`,
        Dimensions.map(({ Name }) => Name).toSorted(),
      ]),
    );

    expect(watched.length).toBeGreaterThan(15);
    expect(found).toEqual(METRICS_THERE_ARE);
  });

  test('what the workers log is counted by its fields, in metrics that any of their log groups may write', () => {
    const Filter = z.looseObject({
      FilterPattern: z.string(),
      MetricTransformations: z.tuple([
        z.strictObject({ MetricName: z.string(), MetricNamespace: z.literal('Tidegate'), MetricValue: z.string() }),
      ]),
    });

    const filters = propertiesOf('AWS::Logs::MetricFilter').map((filter) => {
      const { FilterPattern, MetricTransformations } = Filter.parse(filter);
      return `${FilterPattern} ${MetricTransformations[0].MetricName} ${MetricTransformations[0].MetricValue}`;
    });

    expect(filters.toSorted()).toEqual([
      // Of every function but the webhook's, which puts nothing off that it could drop.
      ...propertiesOf('AWS::Lambda::Function')
        .slice(1)
        .map(() => '{ $.dropped IS TRUE } Dropped 1'),
      '{ $.missedWebhook IS FALSE } MissedWebhooks 0',
      '{ $.missedWebhook IS TRUE } MissedWebhooks 1',
    ]);
  });

  test('each has a name of its own and leads to a heading of docs/operations.md that tells what to do', async () => {
    const alarms = propertiesOf('AWS::CloudWatch::Alarm').map((alarm) =>
      z.looseObject({ AlarmName: z.string(), AlarmDescription: z.string() }).parse(alarm),
    );
    const text = await readFile('docs/operations.md', 'utf8');
    const sections = new Map(text.split(/^## /mu).map((section) => [section.split('\n', 1)[0] ?? '', section]));

    expect(new Set(alarms.map(({ AlarmName }) => AlarmName)).size).toBe(alarms.length);
    const headings = Object.values(RUNBOOK);
    const anchorOf = (heading: string): string => `#${heading.toLowerCase().replaceAll(' ', '-')}`;
    const anchors = new Set(headings.map((heading) => `docs/operations.md${anchorOf(heading)}`));
    const astray = alarms.filter(({ AlarmDescription }) => !anchors.has(AlarmDescription.split('Runbook: ')[1] ?? ''));
    expect(astray).toEqual([]);
    const whole = /\*\*What it means\.\*\*[^]+\*\*Look\.\*\*[^]+\*\*Do\.\*\*/u;
    expect(headings.filter((heading) => !whole.test(sections.get(heading) ?? ''))).toEqual([]);
    const rings = (heading: string): boolean =>
      alarms.some(({ AlarmDescription }) => AlarmDescription.endsWith(anchorOf(heading)));
    expect(headings.filter((heading) => !rings(heading))).toEqual([]);
  });
});

test('the access log lies where every log group that AWS writes to shares one entry in the policy of the account', () => {
  const [stage] = propertiesOf('AWS::ApiGatewayV2::Stage');
  const destination = z
    .looseObject({
      AccessLogSettings: z.looseObject({ DestinationArn: z.object({ 'Fn::GetAtt': z.array(z.string()) }) }),
    })
    .parse(stage).AccessLogSettings.DestinationArn['Fn::GetAtt'][0];

  const name = template.Resources[destination ?? '']?.Properties['LogGroupName'];

  // "Enabling logging from AWS services" in the CloudWatch Logs User Guide: 5,120 characters for all groups but these.
  expect(name).toMatch(/^\/aws\/vendedlogs\/tidegate-/u);
});

test('outputs of a cluster are called after it, so that none means another one when a cluster is taken out', () => {
  const named = Object.keys(z.record(z.string(), z.unknown()).parse(template['Outputs']));

  expect(named.filter((name) => /Production|Staging/u.test(name)).toSorted()).toEqual(
    expect.arrayContaining(['ReconcileRoleProduction', 'ReconcileRoleStaging']),
  );
  expect(named.filter((name) => /\d$/u.test(name))).toEqual([]);
});

describe('a cluster of another account', () => {
  const ROLE = 'arn:aws:iam::210987654321:role/tidegate';

  test('is reached by assuming exactly its role, and the stack makes it no access entry but prints the command', async () => {
    const example = await readFile(EXAMPLE_SETTINGS, 'utf8');
    const file = join(folder, 'other-account.yaml');
    await writeFile(
      file,
      example.replace('      vpc:\n', `      roleArn: ${ROLE}\n      vpc:\n        reachesSts: true\n`),
    );
    const other = await synthesize(file, join(folder, 'other-account'));

    const assuming = roleStatements(other.template).filter(({ actions }) => actions.includes('sts:AssumeRole'));

    expect(assuming.map(({ owner, resources }) => [owner.replace(/WorkerRole.*/u, ''), resources])).toEqual([
      ['Reconcileproduction', [ROLE]],
    ]);
    expect(resourcesOf(other.template, 'AWS::EKS::AccessEntry').map(([id]) => id)).toEqual([
      expect.stringMatching(/^Reconcilestaging/u),
    ]);
    expect(JSON.stringify(other.template['Outputs'])).toContain(
      `aws eks create-access-entry --region eu-west-1 --cluster-name prod --principal-arn ${ROLE} --kubernetes-groups tidegate:platform --type STANDARD`,
    );
  });
});

test('what outlives the stack under a fixed name does not outlive a first deployment that fails, which could else not be repeated', () => {
  const kept = Object.entries(template.Resources).flatMap(([id, resource]) => {
    const policy = z.string().default('Delete').parse(resource['DeletionPolicy']);
    return policy === 'Delete' ? [] : [`${id} ${policy}`];
  });

  expect(kept.toSorted()).toEqual([
    // Its name is made by CloudFormation, so it is in nobody's way.
    'ArtifactsBucket88671897 Retain',
    'SecretsGitHub93966396 RetainExceptOnCreate',
    'SecretsWebhook8D5E2A64 RetainExceptOnCreate',
  ]);
});

test('what holds work or state keeps its logical id from release to release, so that an update does not replace it', () => {
  const types = ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret', 'AWS::SQS::Queue'];

  const ids = types.flatMap((type) => resourcesOf(template, type).map(([id]) => id));

  // Rename none: a table would be emptied, and CloudFormation cannot make a queue or secret twice under its fixed name.
  expect(ids.toSorted()).toEqual([
    'ArtifactsBucket88671897',
    'ImageUpdateWorkDeadLettersAD46A401',
    'ImageUpdateWorkQueueF7933C92',
    'JournalTableE0A5D4A5',
    'NotifyLostQueueDC138C5A',
    'ReconcileproductionWorkDeadLettersBA2A993F',
    'ReconcileproductionWorkQueue133D7B35',
    'ReconcilestagingWorkDeadLettersA04424B7',
    'ReconcilestagingWorkQueueFAD31504',
    'SecretsGitHub93966396',
    'SecretsWebhook8D5E2A64',
    'SourceSyncWorkDeadLetters0DA2119A',
    'SourceSyncWorkQueueB48CBA99',
  ]);
});

test('the template is the one that was reviewed', async () => {
  const text = JSON.stringify(template, undefined, 2)
    .replaceAll(/[0-9a-f]{64}/gu, '<hash of an asset>')
    .replaceAll(/"aws:asset:path": "[^"]*"/gu, '"aws:asset:path": "<folder>"');

  await expect(text).toMatchFileSnapshot('./tidegate-stack.template.json');
});

describe('a certificate authority that is about to end', () => {
  const pem = readFileSync('test/fixtures/certificates/outgoing.pem', 'base64');
  const end = readCertificateBundle(pem)[0]?.notAfter ?? Number.NaN;
  const DAY_MS = 86_400_000;

  /** What `cdk synth` warns of at a time; the first cluster of two has that authority. */
  async function warningsAt(now: number): Promise<readonly string[]> {
    const text = await readFile(EXAMPLE_SETTINGS, 'utf8');
    const parsed = parseSettings(text.replace(/certificateAuthority: \S+/u, `certificateAuthority: ${pem}`), 'a.yaml');
    if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
    const context = { 'aws:cdk:disable-asset-staging': true };
    const app = new App({ outdir: join(folder, 'authority'), context, autoSynth: false, analyticsReporting: false });
    buildApp(app, parsed.settings, synthesized.bundles, now);
    const stack = app.node.findChild(synthesized.stackName);
    return stack.node.metadata.flatMap(({ type, data }) => (type === 'aws:cdk:warning' ? [String(data)] : []));
  }

  test('is warned of at synth, with cluster, day and command', async () => {
    const warnings = await warningsAt(end - 89 * DAY_MS);

    expect(warnings).toEqual([
      expect.stringMatching(
        /cluster production ends on 2036-11-25, .*run `tidegate cluster refresh production`, and deploy/u,
      ),
    ]);
  });

  test('is not, while there is time', async () => {
    expect(await warningsAt(end - 91 * DAY_MS)).toEqual([]);
  });
});
