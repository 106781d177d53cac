import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { startAwsEnvironment, type AwsDemoEnvironment } from '#demo/aws-environment.ts';
import { runStory, type CompletedStep } from '#demo/story.ts';
import { isAlive } from '#stand-ins/kubernetes/is-alive.ts';
import type { AuditEntry } from '#stand-ins/kubernetes/read-audit-log.ts';
import type { InstalledFunction } from '#stand-ins/lambda/start-installation.ts';
import { synthesize } from '#test/infra/synthesize.ts';

const APP_KEY_PART = 32;
const FUNCTIONS = ['Webhook', 'SourceSync', 'ImageUpdate', 'Reconcile', 'NotifyWorker', 'NotifyTeller'];
const MOVED: Readonly<Record<string, readonly string[]>> = {
  Webhook: ['SOURCE_SYNC_QUEUE_URL', 'IMAGE_UPDATE_QUEUE_URL'],
  NotifyWorker: ['SOURCE_SYNC_QUEUE_URL', 'IMAGE_UPDATE_QUEUE_URL'],
  NotifyTeller: ['SOURCE_SYNC_QUEUE_URL', 'IMAGE_UPDATE_QUEUE_URL'],
  Reconcile: ['KUBECTL'],
};
const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** What Lambda sets for every function, and the address of moto, which stands for the network. */
const OF_LAMBDA =
  /^(?:PATH|LANG|TZ|TMPDIR|_HANDLER|LAMBDA_\w+|AWS_(?:LAMBDA|XRAY)_\w+|AWS_(?:EXECUTION_ENV|REGION|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|ENDPOINT_URL))$/u;

/** Grants that the story makes no use of, each with the reason why it is given all the same. */
const WITHOUT_USE: readonly (readonly [grant: RegExp, why: string])[] = [
  [/ logs:(?:CreateLogStream|PutLogEvents) log-group:/u, 'Lambda writes the log; here it is a file'],
  [/ xray:Put(?:TelemetryRecords|TraceSegments) \*$/u, "Lambda's daemon sends traces; there is none here"],
  [
    /^(?:SourceSync|ImageUpdate|Reconcile)\w+ sqs:(?:DeleteMessage|GetQueueAttributes|ReceiveMessage) tidegate-/u,
    'Lambda reads the queue with the role, as in AWSLambdaSQSQueueExecutionRole; the poller here is nobody',
  ],
  [
    /^Notify\w+ dynamodb:(?:DescribeStream|GetRecords|GetShardIterator|ListStreams) /u,
    'Lambda reads the stream with the role, as in AWSLambdaDynamoDBExecutionRole',
  ],
  [/^Notify\w+ sqs:SendMessage \S+NotifyLostQueue/u, 'Lambda sends there what it gave up of the stream'],
  [/^Notify\w+ dynamodb:PutItem /u, 'GitHub names a limit to it, which the others then keep too'],
  [/^SourceSync\w+ s3:ListBucket /u, 'an artifact is not there: without it S3 says that it is forbidden'],
  [
    /^(?:SourceSync|ImageUpdate)\w+ secretsmanager:GetSecretValue secret:tidegate\/my-cluster\/\*$/u,
    'a source of Git names a secret; those of the story are on GitHub',
  ],
  [/ kms:Decrypt /u, "a secret lies under a key of the customer's"],
];

type Variables = Readonly<Record<string, string>>;

/** The environment of a process as the kernel keeps it; undefined once it has ended. */
async function readVariables(pid: number): Promise<Variables | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ESRCH' || error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  return Object.fromEntries(
    text
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('the story, told by the bundles that cdk deploy would upload', () => {
  let environment: AwsDemoEnvironment;
  let steps: readonly CompletedStep[] = [];
  const pids = new Set<number>();
  const seen = new Map<string, Variables[]>();

  /** Looks at every process, and has the next events handled by new ones. */
  async function changeProcesses(): Promise<void> {
    for (const one of environment.aws.functions) {
      for (const pid of one.pids()) {
        pids.add(pid);
        seen.set(one.name, [...(seen.get(one.name) ?? []), (await readVariables(pid)) ?? []].flat());
      }
      await one.retire();
    }
  }

  beforeAll(async () => {
    environment = await startAwsEnvironment({ synthesize });
    let changing = Promise.resolve();
    steps = await runStory(environment, {
      reporter: {
        begin: () => {},
        waitingFor: () => {},
        end: () => {
          changing = changing.then(changeProcesses);
        },
      },
    });
    await changing;
  }, 600_000);
  afterAll(() => close());

  function close(): Promise<void> {
    return environment?.close({ keepLogs: steps.some(({ ok }) => !ok) });
  }

  function functionsBut(id: string): readonly InstalledFunction[] {
    return environment.aws.functions.filter(({ description }) => !description.id.startsWith(id));
  }

  async function ourWrites(): Promise<readonly AuditEntry[]> {
    const entries = await environment.cluster.readAuditLog();
    return entries.filter(({ verb, userAgent }) => WRITES.has(verb) && userAgent.startsWith('tidegate/'));
  }

  test('every step of it is good', () => {
    const failed = steps.filter(({ ok }) => !ok);
    expect({ failed, logs: failed.length === 0 ? [] : environment.installation.logFiles }).toEqual({
      failed: [],
      logs: [],
    });
    expect(steps).toHaveLength(8);
  });

  test('opened one pull request for the image, as the App', async () => {
    const own = (await environment.user.listPulls()).filter(({ branch }) => branch.startsWith('tidegate/'));
    expect(own.map(({ author }) => author)).toEqual(['tidegate[bot]']);
  });

  test('asked GitHub nothing that GitHub would not know', () => {
    expect(environment.github.violations).toEqual([]);
    expect(environment.github.unknownRoutes).toEqual([]);
  });

  test('had every webhook accepted, behind the HTTP API of the template', () => {
    const answers = environment.github.deliveries().map(({ statusCode }) => statusCode);
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.filter((code) => code < 200 || code > 299)).toEqual([]);
    expect(environment.aws.api.answers()).toEqual(answers);
  });

  test.each(FUNCTIONS)('%s answered every event, in processes of several generations', (id) => {
    const invocations = environment.aws.functionOf(id).invocations();
    expect(invocations.filter(({ outcome }) => outcome !== 'answered')).toEqual([]);
    expect(invocations.filter(({ coldStart }) => coldStart).length).toBeGreaterThanOrEqual(2);
    expect(invocations.filter(({ coldStart }) => !coldStart).length).toBeGreaterThanOrEqual(1);
  });

  test('gave no message up', async () => {
    const { moto, aws } = environment;
    const sqs = new SQSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    const set = aws.stack.resources.filter(
      ({ type, id }) => type === 'AWS::SQS::Queue' && /DeadLetters|Lost/u.test(id),
    );
    const counts = await Promise.all(
      set.map(async ({ ref: QueueUrl }) => {
        const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] });
        return (await sqs.send(command)).Attributes?.['ApproximateNumberOfMessages'];
      }),
    );
    sqs.destroy();
    expect(counts).toEqual(['0', '0', '0', '0']);
  });

  test.each(FUNCTIONS)('%s found the variables of the template, and of Lambda, and no others', (id) => {
    const { name, description, options } = environment.aws.functionOf(id);
    const { environment: given } = options;
    const found = seen.get(name) ?? [];
    expect(found.length).toBeGreaterThanOrEqual(1);
    for (const variables of found) {
      const own = Object.entries(variables).filter(([variable]) => !OF_LAMBDA.test(variable));
      expect(Object.fromEntries(own)).toEqual(given);
    }
    // Lambda unpacks layers to /opt, which only root could here; and queues are reached through the gate that plays IAM.
    const moved = Object.keys(given).filter((variable) => given[variable] !== description.environment[variable]);
    expect(Object.keys(given)).toEqual(Object.keys(description.environment));
    expect(moved).toEqual(MOVED[id] ?? []);
  });

  test('was refused nothing by the policies of its roles', () => {
    const { gate } = environment.aws;
    const used = FUNCTIONS.map((id) => [id, gate.actionsOf(environment.aws.functionOf(id).description.id)]);
    expect(gate.refusals()).toEqual([]);
    expect(Object.fromEntries(used)).toEqual({
      Webhook: ['secretsmanager:GetSecretValue', 'sqs:SendMessage'],
      SourceSync: [
        'dynamodb:ConditionCheckItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        's3:GetObject',
        's3:PutObject',
        'secretsmanager:GetSecretValue',
      ],
      ImageUpdate: [
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        'ecr:DescribeImages',
        'secretsmanager:GetSecretValue',
      ],
      Reconcile: [
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        's3:GetObject',
        's3:ListBucket',
        's3:PutObject',
      ],
      NotifyWorker: ['sqs:SendMessage'],
      NotifyTeller: ['dynamodb:GetItem', 'secretsmanager:GetSecretValue'],
    });
  });

  test('made use of every grant, but for those with a reason', () => {
    const { gate } = environment.aws;
    const unused = environment.aws.functions.flatMap(({ description: { id } }) =>
      gate
        .unusedGrantsOf(id)
        .map(({ action, resource }) => `${id} ${action} ${resource.replace(/^arn:aws:\w*:[^:]*:\d*:/u, '')}`),
    );
    expect(unused.filter((grant) => !WITHOUT_USE.some(([known]) => known.test(grant)))).toEqual([]);
    expect(WITHOUT_USE.filter(([known]) => !unused.some((grant) => known.test(grant)))).toEqual([]);
  });

  test('asked STS for nothing: the role of its function has the access entry', async () => {
    // Each function is a session of its role, which Lambda asks for.
    expect(await environment.moto.countRequests()).toMatchObject({ 'POST /': FUNCTIONS.length });
  });

  test('told no process and no log a secret', async () => {
    const { moto, aws } = environment;
    const client = new SecretsManagerClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    const read = async (SecretId = ''): Promise<string> =>
      (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? '';
    const key = await read(aws.stack.outputs['GitHubCredential']);
    const webhookSecret = await read(aws.stack.outputs['WebhookSecret']);
    client.destroy();
    const body = key.slice(key.indexOf('KEY-----') + 'KEY-----\\n'.length);
    const ofGitHub = [webhookSecret, body.slice(0, APP_KEY_PART)];
    const ofAws = aws.functions.map(({ caller }) => caller.secretAccessKey);
    const logs = await Promise.all(
      environment.installation.logFiles.map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    for (const text of logs) {
      expect([...ofGitHub, ...ofAws].filter((secret) => text.includes(secret))).toEqual([]);
      expect(text).not.toMatch(/gh[a-z]_[0-9A-Za-z]{10}|k8s-aws-v1\.|-----BEGIN/u);
    }
    for (const variables of [...seen.values()].flat()) {
      const values = Object.values(variables).join('\n');
      expect(ofGitHub.filter((secret) => values.includes(secret))).toEqual([]);
    }
    expect(logs.join('').length).toBeGreaterThan(1_000);
  });

  test('wrote to the cluster as the session of the role that has the access entry', async () => {
    const { caller, description } = environment.aws.functionOf('Reconcile');
    const writes = await ourWrites();
    expect(writes.length).toBeGreaterThan(0);
    expect(new Set(writes.map(({ user }) => user))).toEqual(new Set([caller.arn]));
    expect(caller.arn).toContain(`:assumed-role/${description.roleArn.split('/').at(-1)}/`);
    for (const { groups } of writes) expect(groups).toEqual(['tidegate:platform', 'system:authenticated']);
    expect(environment.tokenWebhook.refusals()).toEqual([]);
    expect(environment.tokenWebhook.accepted()).toBeGreaterThan(0);
  });

  test('counted after each message what waits for a person, as the alarm of the cluster watches it', async () => {
    const logs = await Promise.all(
      environment.installation.logFiles.map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    const Counted = z.object({
      _aws: z.object({
        CloudWatchMetrics: z.tuple([
          z.object({
            Namespace: z.literal('Tidegate'),
            Dimensions: z.tuple([z.array(z.string())]),
            Metrics: z.tuple([z.object({ Name: z.literal('Concerns'), Unit: z.literal('Count') })]),
          }),
        ]),
      }),
      service: z.literal('reconcile'),
      cluster: z.string(),
      Concerns: z.number(),
    });

    const counted = logs
      .join('\n')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.includes('"Concerns"'))
      .map((line) => Counted.parse(JSON.parse(line)));

    expect(counted.length).toBeGreaterThan(0);
    for (const { _aws: aws } of counted) {
      expect(aws.CloudWatchMetrics[0].Dimensions[0].toSorted()).toEqual(['cluster', 'service']);
    }
    // What waited while the story was told waits no longer.
    expect(counted.at(-1)?.Concerns).toBe(0);
  });

  test('named Kustomization and commit with each write, in the audit log of the cluster', async () => {
    const head = await environment.user.readHead();
    const writes = (await ourWrites()).filter(({ resource }) => resource !== 'leases');
    const attributed = /^tidegate\/[\w.-]+ \(flux-system\/(?:flux-system|cache|podinfo)@main@sha1:[0-9a-f]{40}\)$/u;
    expect(writes.filter(({ userAgent }) => !attributed.test(userAgent))).toEqual([]);
    expect(writes.some(({ userAgent }) => userAgent.endsWith(`flux-system/podinfo@main@sha1:${head})`))).toBe(true);
  });

  test('had no way to the cluster but in reconcile', () => {
    const { server = 'none' } = environment.cluster.api ?? {};
    for (const { name } of functionsBut('Reconcile')) {
      const values = (seen.get(name) ?? []).flatMap((variables) => Object.values(variables));
      expect(values.filter((value) => value.includes(server))).toEqual([]);
    }
  });

  test('leaves no process behind once it is closed', async () => {
    const all = [
      ...pids,
      ...environment.aws.functions.flatMap((one) => one.pids()),
      ...environment.cluster.pids(),
      environment.moto.pid,
    ];
    expect(pids.size).toBeGreaterThanOrEqual(2 * FUNCTIONS.length);
    await close();
    expect(all.filter(isAlive)).toEqual([]);
  });
});
