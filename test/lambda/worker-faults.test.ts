import { ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { type AwsDemoEnvironment, startAwsEnvironment } from '#demo/aws-environment.ts';
import { KUSTOMIZATIONS } from '#demo/step-context.ts';
import type { AwsFault } from '#stand-ins/aws/start-moto.ts';
import { synthesize } from '#test/infra/synthesize.ts';

const ALL_NODES = '--selector=kubernetes.io/os=linux';
const CACHE = 'apps/cache/deployment.yaml';
const CONFIG_MAP = 'apps/podinfo/config-map.yaml';
/** No tick comes after the first: whatever is lost in these tests stays lost, and is seen. */
const NEVER_SECONDS = 3_600;
/** How long a lease lasts whose holder is dead. */
const LEASE_MS = 15_000;
const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** Whose queue it is, as its logical id begins. */
type Subject = 'SourceSync' | 'ImageUpdate' | 'Reconcile';
const throttled = { status: 400, code: 'ThrottlingException', message: 'slow down' };

describe('the bundles of the workers, when AWS has troubles', () => {
  let environment: AwsDemoEnvironment;
  let sqs: SQSClient;
  let s3: S3Client;
  let count = 0;
  const hiddenFor = new Map<string, number>();

  beforeAll(async () => {
    environment = await startAwsEnvironment({ synthesize, tickSeconds: NEVER_SECONDS });
    const { moto } = environment;
    const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
    sqs = new SQSClient(connection);
    s3 = new S3Client({ ...connection, forcePathStyle: true });
    await environment.installation.start();
  });
  beforeEach(() =>
    Promise.all([comeBackAfter('SourceSync', 10), comeBackAfter('ImageUpdate', 10), comeBackAfter('Reconcile', 330)]),
  );
  afterEach(() => environment.github.faults.clear());
  afterAll(async () => {
    sqs?.destroy();
    s3?.destroy();
    await environment?.close();
  });

  function refsOf(type: string, pattern: RegExp): readonly string[] {
    const found = environment.aws.stack.resources.filter(
      (resource) => resource.type === type && pattern.test(resource.id),
    );
    return found.map(({ ref }) => ref);
  }

  function queueOf(subject: Subject): string {
    return refsOf('AWS::SQS::Queue', new RegExp(`^${subject}(?!.*DeadLetters)`, 'u'))[0] ?? '';
  }

  /** In place of the minutes that a crashed run may take, so that what is handed back comes back within a test. */
  async function comeBackAfter(subject: Subject, seconds: number): Promise<void> {
    if (hiddenFor.get(subject) === seconds) return;
    hiddenFor.set(subject, seconds);
    const Attributes = { VisibilityTimeout: String(seconds) };
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueOf(subject), Attributes }));
    // Who waits for a message already receives it on the old terms.
    await sleep(1_200);
  }

  async function countMessages(queueUrls: readonly string[]): Promise<number> {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const counts = await Promise.all(
      queueUrls.map(async (QueueUrl) => {
        const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] });
        const { Attributes = {} } = await sqs.send(command);
        return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
      }),
    );
    return counts.reduce((sum, number) => sum + number, 0);
  }

  async function push(files: Readonly<Record<string, string>>): Promise<string> {
    return environment.github.commitFiles(environment.repository, 'main', files, 'Change something', 'octavia');
  }

  /** Commits a greeting that nobody gave before. */
  async function pushGreeting(others: Readonly<Record<string, string>> = {}) {
    count += 1;
    const greeting = `greetings, number ${count}`;
    const changed = (await readFile(CONFIG_MAP)).replace(/greeting: .*/u, `greeting: ${greeting}`);
    return { greeting, commit: await push({ ...others, [CONFIG_MAP]: changed }) };
  }

  async function readFile(path: string): Promise<string> {
    return (await environment.github.readFile(environment.repository, 'main', path)) ?? '';
  }

  /** Each write that names the commit: `podinfo configmaps/podinfo`. */
  async function writesOf(commit: string): Promise<readonly string[]> {
    return (await environment.cluster.readAuditLog())
      .filter(({ verb, userAgent }) => WRITES.has(verb) && userAgent.includes(commit))
      .map(({ namespace, resource, name }) => `${namespace} ${resource}/${name}`);
  }

  /** From the first look at the lease since then until somebody took it; milliseconds. */
  async function readLeaseWait(since: number): Promise<number> {
    const requests = (await environment.cluster.readAuditLog())
      .filter(({ resource, userAgent }) => resource === 'leases' && userAgent.startsWith('tidegate/'))
      .map(({ verb, receivedAt }) => ({ verb, at: Date.parse(receivedAt) }))
      .filter(({ at }) => at > since);
    const timeOf = (verb: string) => requests.find((request) => request.verb === verb)?.at ?? Number.NaN;
    return timeOf('update') - timeOf('get');
  }

  async function readLeaseHolder(): Promise<string> {
    const lease = ['get', 'lease', 'tidegate-reconcile', '--namespace=tidegate-system'];
    return environment.cluster.kubectl([...lease, '--output=jsonpath={.spec.holderIdentity}']);
  }

  /** The last state of each Kustomization on a commit. */
  async function readStates(commit: string): Promise<readonly (string | undefined)[]> {
    const statuses = await environment.user.readStatuses(commit);
    return KUSTOMIZATIONS.map((name) => statuses.get(`tidegate/${environment.clusterName}/flux-system/${name}`)?.state);
  }

  async function untilDeployed(commit: string, timeout = 50_000): Promise<void> {
    const wanted = KUSTOMIZATIONS.map(() => 'success');
    await expect.poll(() => readStates(commit), { timeout, interval: 200 }).toEqual(wanted);
  }

  /** What became of a change once everything is done. */
  async function settle(commit: string) {
    await untilDeployed(commit);
    const queues = refsOf('AWS::SQS::Queue', /^/u);
    await expect.poll(() => countMessages(queues), { timeout: 20_000, interval: 200 }).toBe(0);
    const greeting = ['get', 'configmap', 'podinfo', '--namespace=podinfo', '--output=jsonpath={.data.greeting}'];
    const writes = (await writesOf(commit)).filter((object) => object.startsWith('podinfo configmaps/'));
    const [Bucket] = refsOf('AWS::S3::Bucket', /^/u);
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'artifacts/' }));
    const keys = Versions.map(({ Key }) => Key);
    return {
      greeting: await environment.cluster.kubectl(greeting),
      writes,
      storedTwice: keys.filter((key, index) => keys.indexOf(key) !== index),
    };
  }

  /** Nothing lost: it runs, and nothing waits or was given up. Nothing twice: each artifact once, one write. */
  const once = (greeting: string) => ({ greeting, writes: ['podinfo configmaps/podinfo'], storedTwice: [] });

  it('deploy what is there at first', async () => {
    const head = await environment.user.readHead();

    await untilDeployed(head);

    expect(await settle(head)).toMatchObject({ greeting: 'greetings from fleet-infra', storedTwice: [] });
  });

  const refused = { status: 500, code: 'InternalServerError', message: 'no' };
  const lost = { ...refused, afterwards: true };
  const conflict = {
    operation: 'TransactWriteItems',
    status: 400,
    code: 'TransactionCanceledException',
    message: 'Transaction canceled',
  };
  it.each<{ trouble: string; faults: readonly AwsFault[] }>([
    {
      trouble: 'DynamoDB is throttled',
      faults: ['GetItem', 'Query', 'TransactWriteItems', 'GetRecords'].map((operation) => ({
        ...throttled,
        operation,
        times: 2,
      })),
    },
    {
      trouble: 'conditional checks fail',
      faults: [{ ...conflict, fields: { CancellationReasons: [{ Code: 'ConditionalCheckFailed' }] }, times: 2 }],
    },
    {
      trouble: 'transactions collide',
      faults: [{ ...conflict, fields: { CancellationReasons: [{ Code: 'TransactionConflict' }] }, times: 4 }],
    },
    {
      trouble: 'SQS is throttled',
      faults: ['SendMessage', 'ReceiveMessage', 'DeleteMessageBatch'].map((operation) => ({
        ...throttled,
        operation,
        times: 2,
      })),
    },
    {
      trouble: 'SQS refuses notify for long',
      // The first two are the webhook's; the SDK tries six times, and what then fails is for the stream to repeat.
      faults: [{ ...refused, operation: 'SendMessage', after: 2, times: 8 }],
    },
    {
      trouble: 'answers of DynamoDB and SQS are lost',
      faults: ['TransactWriteItems', 'SendMessage', 'DeleteMessageBatch'].map((operation) => ({
        ...lost,
        operation,
        times: 1,
      })),
    },
  ])('deploy a commit, and once, while $trouble', async ({ faults }) => {
    for (const fault of faults) await environment.moto.injectFault(fault);
    const before = await environment.moto.countRequests();

    const { commit, greeting } = await pushGreeting();

    expect(await settle(commit)).toEqual(once(greeting));
    const after = await environment.moto.countRequests();
    for (const { operation, times, after: unharmed = 0 } of faults) {
      expect(after[operation], operation).toBeGreaterThan((before[operation] ?? 0) + unharmed + times);
    }
  });

  it('deploy a commit once when the visibility of its message runs out while it is read', async () => {
    await comeBackAfter('SourceSync', 2);
    // image-update reads the repository too, and may be the first.
    const slow = { path: 'git upload-pack', times: 4, fault: { delayMs: 3_000 } };
    const fault = environment.github.faults.add(slow);
    const before = environment.aws.functionOf('SourceSync').invocations().length;

    const { commit, greeting } = await pushGreeting();

    expect(await settle(commit)).toEqual(once(greeting));
    expect(fault.hits()).toBe(4);
    await expect.poll(() => environment.aws.functionOf('SourceSync').invocations().length).toBeGreaterThan(before + 1);
  });

  it('stay at the newer commit when a slow look at the older one ends last', async () => {
    await comeBackAfter('SourceSync', 2);
    const slowMs = 12_000;
    // The pack alone, of which image-update asks for one as well: which commit it is of, they know already.
    const slow = environment.github.faults.add({ path: /\/git-upload-pack$/u, times: 2, fault: { delayMs: slowMs } });
    const sync = environment.aws.functionOf('SourceSync');
    const before = sync.invocations().length;

    await pushGreeting();
    await expect.poll(() => slow.hits(), { timeout: 10_000, interval: 20 }).toBe(2);
    const { commit, greeting } = await pushGreeting();
    await untilDeployed(commit);
    const isSlowOver = () => sync.invocations().some(({ ms }, index) => index >= before && ms > slowMs);
    expect(isSlowOver()).toBe(false);
    await expect.poll(isSlowOver, { timeout: 20_000 }).toBe(true);
    // What it recorded would be heard of by now.
    await sleep(1_000);

    expect(await settle(commit)).toMatchObject({ greeting });
  });

  it('deploy a commit once when notify dies again and again in the middle of what it passes on', async () => {
    const notify = environment.aws.functionOf('NotifyTeller');
    const statuses = { method: 'POST', path: '/repos/{owner}/{repo}/statuses/{sha}' };
    const slow = environment.github.faults.add({ ...statuses, times: 3, fault: { delayMs: 3_000 } });
    const before = notify.invocations().filter(({ outcome }) => outcome === 'failed').length;

    const { commit, greeting } = await pushGreeting();
    for (const hits of [1, 2, 3]) {
      await expect.poll(() => slow.hits(), { timeout: 30_000, interval: 20 }).toBe(hits);
      await notify.kill();
    }

    expect(await settle(commit)).toEqual(once(greeting));
    expect(notify.invocations().filter(({ outcome }) => outcome === 'failed')).toHaveLength(before + 3);
  });

  it('deploy a commit, and once, when reconcile dies in mid-run: the next one waits for the lease and takes it over', async () => {
    await comeBackAfter('Reconcile', 20);
    const reconcile = environment.aws.functionOf('Reconcile');
    const before = reconcile.invocations().length;
    const uncordon = () => environment.cluster.kubectl(['uncordon', ALL_NODES]);
    onTestFinished(async () => void (await uncordon()));

    // Without a node for its new Pod, the cache is not ready, and the app that depends on it is not applied.
    await environment.cluster.kubectl(['cordon', ALL_NODES]);
    const cache = (await readFile(CACHE)).replace(
      '      labels:',
      '      annotations: { why: a new Pod }\n      labels:',
    );
    const { commit, greeting } = await pushGreeting({ [CACHE]: cache });
    await expect.poll(() => writesOf(commit), { timeout: 50_000, interval: 100 }).toContain('cache deployments/cache');
    const holder = await readLeaseHolder();
    await reconcile.kill();
    const killedAt = Date.now();
    // Whatever the next one waits for, nobody else is given its message.
    await comeBackAfter('Reconcile', 330);

    expect(holder).toMatch(/^lambda-/u);
    expect(await readLeaseHolder()).toBe(holder);
    expect(await writesOf(commit)).not.toContain('podinfo configmaps/podinfo');

    await uncordon();
    await untilDeployed(commit, 120_000);

    expect(await settle(commit)).toEqual(once(greeting));
    const ofCache = (await writesOf(commit)).filter((object) => object !== 'podinfo configmaps/podinfo');
    // The killed one may not have come to record what it had done.
    expect(new Set(ofCache)).toEqual(new Set(['cache deployments/cache']));
    expect(ofCache.length).toBeLessThanOrEqual(2);
    const kustomizations = (await environment.journal.statuses()).filter(
      ({ object }) => object.kind === 'Kustomization',
    );
    expect(kustomizations.map(({ object }) => object.name).toSorted()).toEqual(KUSTOMIZATIONS.toSorted());
    for (const { conditions, lastAppliedRevision } of kustomizations) {
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
      expect(lastAppliedRevision).toContain(commit);
    }
    const runs = reconcile.invocations().slice(before);
    expect(runs[0]).toMatchObject({ outcome: 'failed' });
    expect(runs.find(({ outcome }) => outcome === 'answered')).toMatchObject({ coldStart: true });
    expect(await readLeaseWait(killedAt)).toBeGreaterThanOrEqual(LEASE_MS);
  }, 240_000);

  it('open one pull request for an image when the visibility of its message runs out while they do', async () => {
    await comeBackAfter('ImageUpdate', 3);
    const pulls = { method: 'POST', path: '/repos/{owner}/{repo}/pulls', times: 1 };
    const slow = environment.github.faults.add({ ...pulls, fault: { delayMs: 6_000 } });
    const before = environment.aws.functionOf('ImageUpdate').invocations().length;

    await environment.registry?.push('6.7.1');

    const listOwn = async () =>
      (await environment.user.listPulls()).filter(({ branch }) => branch.startsWith('tidegate/'));
    await expect.poll(listOwn, { timeout: 30_000, interval: 200 }).toHaveLength(1);
    expect(slow.hits()).toBe(1);
    await expect.poll(() => countMessages(refsOf('AWS::SQS::Queue', /^/u)), { timeout: 20_000 }).toBe(0);
    // The slow one, and one more at least that was given the same message meanwhile.
    await expect.poll(() => environment.aws.functionOf('ImageUpdate').invocations().length).toBeGreaterThan(before + 1);
    expect(await listOwn()).toHaveLength(1);
  });

  it('name exactly what failed of a batch, and do the rest of it', async () => {
    const url = await addBrokenSource();
    const record = (messageId: string, group: string, body: string): unknown => ({
      messageId,
      receiptHandle: messageId,
      body,
      attributes: { MessageGroupId: group },
    });
    const pushTo = (repository: string): string =>
      JSON.stringify({
        type: 'RepositoryPushed',
        repository,
        ref: 'refs/heads/main',
        after: 'a'.repeat(40),
        deliveryId: 'x',
      });

    const invocation = await environment.aws.functionOf('SourceSync').invoke({
      Records: [
        record('nonsense', 'a', '{"type":"Nonsense"}'),
        record('broken', 'b', pushTo(url)),
        record('behind it', 'b', pushTo(url)),
        record('sound', 'c', pushTo(environment.repositoryUrl)),
      ],
    });

    expect(invocation).toMatchObject({
      outcome: 'answered',
      payload: { batchItemFailures: [{ itemIdentifier: 'broken' }, { itemIdentifier: 'behind it' }] },
    });
  });

  it('leave work that nobody can do to the dead letters, and deploy what comes after', async () => {
    await comeBackAfter('SourceSync', 3);
    const url = await addBrokenSource();
    const MessageBody = JSON.stringify({
      type: 'RepositoryPushed',
      repository: url,
      ref: 'refs/heads/main',
      after: 'b'.repeat(40),
      deliveryId: 'poison',
    });
    await sqs.send(new SendMessageCommand({ QueueUrl: queueOf('SourceSync'), MessageBody, MessageGroupId: 'broken' }));

    const change = await pushGreeting();
    await untilDeployed(change.commit);

    const [dead = ''] = refsOf('AWS::SQS::Queue', /^SourceSync.*DeadLetters/u);
    const given: string[] = [];
    const look = async (): Promise<readonly string[]> => {
      const command = new ReceiveMessageCommand({ QueueUrl: dead, MaxNumberOfMessages: 10, VisibilityTimeout: 600 });
      given.push(...((await sqs.send(command)).Messages ?? []).map(({ Body = '' }) => Body));
      return given;
    };
    await expect.poll(look, { timeout: 40_000, interval: 500 }).toContain(MessageBody);
    await expect.poll(() => countMessages([queueOf('SourceSync')]), { timeout: 20_000 }).toBe(0);
    await sleep(500);
    expect(given.filter((body) => !body.includes('broken'))).toEqual([]);
  });

  /** A repository that GitHub never hands out, as a source of the cluster. */
  async function addBrokenSource(): Promise<string> {
    const url = `${environment.github.url}/acme/broken`;
    environment.github.faults.add({ path: /\/acme\/broken/u, times: 1_000, fault: { status: 500 } });
    const source = [
      'apiVersion: source.toolkit.fluxcd.io/v1',
      'kind: GitRepository',
      'metadata: { name: broken, namespace: flux-system }',
      `spec: { interval: 1h, url: ${url}, ref: { branch: main } }`,
    ].join('\n');
    const file = 'clusters/my-cluster/broken.yaml';
    if ((await environment.github.readFile(environment.repository, 'main', file)) === null) {
      await untilDeployed(await push({ [file]: source }));
    }
    return url;
  }
});
