import { CreateAccessEntryCommand, DeleteClusterCommand, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createReconcileHandler } from '#functions/reconcile/handler.ts';
import { readInstallation } from '#infra/read-installation.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { eksConnection } from '#shared/adapters/kubernetes/eks-connection.ts';
import { inspectCluster } from '#shared/adapters/kubernetes/inspect-cluster.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { applySetId, nameApplySet } from '#shared/engine/inventory/apply-set-id.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import { ROOT_NAME } from '#shared/flux/resource-key.ts';
import { findConcerns } from '#shared/notify/find-concerns.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { readCertificateBundle, warnOfEksBundle } from '#shared/settings/certificate-bundle.ts';
import { formatClusterFile, parseClusterFile } from '#shared/settings/cluster-file.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { artifactDigest, packArtifact } from '#shared/sources/artifact.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import { listAccessEntries } from '#stand-ins/aws/list-access-entries.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import type { EksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import { startEksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import type { RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import { startCluster } from '#stand-ins/kubernetes/start-cluster.ts';

import { createEksCluster, describeProduction } from './eks-fixture.ts';
import { startCommand } from './start-command.ts';

const run = promisify(execFile);
const CLUSTER = 'production';
const QUEUE = 'tidegate-reconcile-production.fifo';
const RUNBOOK = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };
const FUNCTION = { accessKeyId: 'AKIDFUNCTION', secretAccessKey: 'secret of the function' };

type Handler = (body: string) => Promise<SQSBatchResponse>;

let folder: string;
let moto: RunningMoto;
let eks: EKSClient;
let sqs: SQSClient;
let webhook: EksTokenWebhook;
let first: RunningCluster;
let second: RunningCluster;
let journal: Journal;
let deployed: Handler;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-rebuilt-'));
  moto = await startMoto();
  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  eks = new EKSClient(connection);
  sqs = new SQSClient(connection);
  webhook = await startEksTokenWebhook({
    clusterId: 'prod',
    region: moto.region,
    accessEntries: () => listAccessEntries(moto, 'prod'),
  });
  webhook.addCaller({ ...FUNCTION, arn: `arn:aws:sts::${moto.account}:assumed-role/tidegate-reconcile/function` });
  [first, second] = await Promise.all([
    startCluster({ tokenWebhook: webhook, nodes: 1 }),
    startCluster({ tokenWebhook: webhook, nodes: 1 }),
  ]);
  const database = openSqliteDatabase(folder);
  closers.push(() => database.close());
  journal = createSqliteJournal(database, systemClock);
  await sqs.send(new CreateQueueCommand({ QueueName: QUEUE, Attributes: { FifoQueue: 'true' } }));
  await build(first);
  writeFileSync(settingsFile(), describeSettings(first));
  await commit();
});

afterAll(async () => {
  for (const close of closers) await close();
  eks?.destroy();
  sqs?.destroy();
  await Promise.all([first?.stop(), second?.stop()]);
  await webhook?.stop();
  await moto?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function settingsFile(): string {
  return join(folder, 'tidegate.yaml');
}

function role(): string {
  return `arn:aws:iam::${moto.account}:role/tidegate-reconcile`;
}

function describeSettings({ server, certificateAuthority }: RunningCluster): string {
  const production = { region: moto.region, endpoint: server, certificateAuthority: base64(certificateAuthority) };
  return describeProduction(production);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** What people do to EKS: a cluster of the same name, with an API server of its own. */
async function build({ server, certificateAuthority }: RunningCluster): Promise<void> {
  await createEksCluster(eks, 'prod');
  await moto.placeEksCluster({ name: 'prod', endpoint: server, certificateAuthority });
}

/** The configuration repository: two ConfigMaps in a namespace of their own. */
async function commit(): Promise<void> {
  const manifests = [
    'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one, namespace: shop }\ndata: { key: value }\n',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: two, namespace: shop }\ndata: { key: value }\n',
  ].join('---\n');
  const tree = new Map([[`clusters/${CLUSTER}/all.yaml`, { bytes: Buffer.from(manifests), executable: false }]]);
  const bytes = await packArtifact(tree);
  const digest = artifactDigest(bytes);
  await createDiskArtifactStore(join(folder, 'artifacts')).put(digest, bytes);
  await journal.write([
    {
      type: 'SourceHead',
      source: { cluster: CLUSTER, kind: 'GitRepository', ...ROOT_NAME },
      revision: `main@sha1:${'1'.repeat(40)}`,
      digest,
      url: 'https://github.com/acme/fleet-infra',
      observedAt: Date.now(),
    },
  ]);
}

/**
 * What `cdk deploy` brings about: the function with the settings as they stand, as it reads them.
 * @param ahead how far its clock is before ours; milliseconds.
 */
async function deploy(ahead = 0): Promise<Handler> {
  const { settings } = await readInstallation(settingsFile());
  const [target] = eksClusters(settings);
  if (target === undefined) throw new Error('no cluster');
  const file = parseClusterFile(formatClusterFile(settings, target));
  const api = kubernetesHttpApi(
    eksConnection({ ...file.eks, credentials: () => Promise.resolve(FUNCTION), now: () => Date.now() }),
    { version: 'test' },
  );
  closers.push(() => api.close());
  const handle = createReconcileHandler({
    cluster: file.cluster,
    server: file.eks.endpoint,
    warnOfAuthority: (now) => warnOfEksBundle(CLUSTER, file.eks.certificateAuthority, now),
    installation: {
      name: file.installation,
      repository: file.configRepository.url,
      branch: file.configRepository.branch,
      store: 'dynamodb/journal',
    },
    ports: {
      api,
      artifacts: createDiskArtifactStore(join(folder, 'artifacts')),
      records: diskApplyRecords(join(folder, 'records')),
      journal,
      renderer: await createKubectlRenderer({ kubectl: first.kubectlPath }),
      renders: createRenderCache(100),
      trees: createTreeRoom(),
      clock: { ...systemClock, now: () => Date.now() + ahead },
      log: SILENT,
    },
    acquireLease: () => acquireClusterLease(api, systemClock, { holder: 'lambda', giveUpAt: Date.now() + 5_000 }),
  });
  return (body) => {
    const record = { messageId: 'one', body, attributes: { MessageGroupId: CLUSTER } } as SQSRecord;
    return handle({ Records: [record] }, { getRemainingTimeInMillis: () => 120_000 });
  };
}

const TICK = JSON.stringify({ type: 'Tick', id: 'tick' });
const DONE = { batchItemFailures: [] };

/** What waits in the queue of the cluster. */
async function receive(): Promise<readonly string[]> {
  const QueueUrl = `${moto.url}/${moto.account}/${QUEUE}`;
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.map(({ Body = '' }) => Body);
}

async function names(cluster: RunningCluster): Promise<readonly string[]> {
  const { stdout } = await cluster.kubectl(['get', 'configmaps', '--namespace=shop', '--output=name']);
  return stdout.split('\n').filter((name) => name !== '' && !name.includes('kube-root-ca'));
}

async function readyOf(kind: string, namespace: string, name: string): Promise<unknown> {
  const record = await journal.read(CLUSTER, `status/${kind}/${namespace}/${name}`);
  return record?.type === 'Status' ? record.conditions.find(({ type }) => type === 'Ready') : undefined;
}

async function events(): Promise<readonly { readonly reason: string; readonly message: string }[]> {
  const records = await journal.list(CLUSTER, 'event/');
  return records.flatMap((record) => (record.type === 'Event' ? [record] : []));
}

/** The commands of a section of the runbook, each as its arguments. */
function commandsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = new RegExp(`${heading}[^]*?\`\`\`sh\\n([^]*?)^\`\`\`$`, 'mu').exec(RUNBOOK) ?? [];
  return section
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => [...line.matchAll(/'([^']*)'|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? ''));
}

/** Does what a command of the runbook says, on the stand-ins; one that is not known here fails. */
async function follow(command: readonly string[]): Promise<string> {
  const [program = '', ...args] = command;
  const valueOf = (option: string): string => command[command.indexOf(option) + 1] ?? '';
  switch ([program, ...args.slice(0, program === 'kubectl' ? 1 : 2)].join(' ')) {
    case 'npx tidegate cluster':
    case 'npx tidegate check-config': {
      const started = startCommand([...args.slice(1), '--config', settingsFile()], moto.env);
      const exitCode = await started.exit;
      if (exitCode === 0) return started.output();
      throw new Error(`${command.join(' ')} ended with ${exitCode}: ${started.errors()}`);
    }
    case 'npx cdk deploy':
      deployed = await deploy();
      return '';
    case 'aws eks create-access-entry': {
      await eks.send(
        new CreateAccessEntryCommand({
          clusterName: valueOf('--cluster-name'),
          principalArn: valueOf('--principal-arn').replace('<role>', role()),
          kubernetesGroups: [valueOf('--kubernetes-groups')],
          type: valueOf('--type'),
        }),
      );
      return '';
    }
    case 'aws eks update-kubeconfig': {
      // The stand-in's kubeconfig is there; what it would be of has to be.
      const { cluster } = await eks.send(new DescribeClusterCommand({ name: valueOf('--name') }));
      return cluster?.endpoint ?? '';
    }
    case 'kubectl apply':
      return (await run(second.kubectlPath, ['--kubeconfig', second.kubeconfigPath, ...args])).stdout;
    case 'aws sqs send-message': {
      const queueUrl = valueOf('--queue-url').replace(/^https:\/\/sqs\.[\w-]+\.amazonaws\.com/u, moto.url);
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageGroupId: valueOf('--message-group-id'),
          MessageDeduplicationId: valueOf('--message-deduplication-id'),
          MessageBody: valueOf('--message-body'),
        }),
      );
      return '';
    }
    default:
      throw new Error(`nobody plays: ${command.join(' ')}`);
  }
}

describe.sequential('a cluster that is built anew under its name', () => {
  it('was deployed to, and is not due', async () => {
    await eks.send(
      new CreateAccessEntryCommand({
        clusterName: 'prod',
        principalArn: role(),
        kubernetesGroups: ['tidegate:platform'],
      }),
    );
    await first.kubectl(['apply', '-f', join(import.meta.dirname, '../../infra/rbac/platform.yaml')]);
    deployed = await deploy();

    expect(await deployed(TICK)).toEqual(DONE);
    expect(await names(first)).toEqual(['configmap/one', 'configmap/two']);
    const before = webhook.accepted();
    expect(await deployed(TICK)).toEqual(DONE);
    expect(webhook.accepted()).toBe(before);
  });

  it('lets the function in no more, which the cluster in the journal says, and each tick tries again', async () => {
    await eks.send(new DeleteClusterCommand({ name: 'prod' }));
    await build(second);
    // A backup of some other time: it carries the labels of ours, and nobody knows who applied it.
    const set = applySetId(nameApplySet({ ...ROOT_NAME }, 'default'));
    const left = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: left, namespace: shop, labels: { applyset.kubernetes.io/part-of: ${set} } }\n`;
    await second.kubectl(['create', 'namespace', 'shop']);
    await second.kubectl(['apply', '--server-side', '--field-manager=tidegate', '-f', '-'], { input: left });

    // A process of its own with a token of its own: an API server remembers for ten seconds whose a token was, and tokens that
    // are made within one second are the same.
    await sleep(1_000 - (Date.now() % 1_000));
    deployed = await deploy();
    const reconcile = await deployed(JSON.stringify({ type: 'Reconcile', cluster: CLUSTER, reason: 'test' }));
    const refused = webhook.refusals().length;
    const tick = await deployed(TICK);

    expect([reconcile, tick].map(({ batchItemFailures }) => batchItemFailures.length)).toEqual([1, 1]);
    expect(webhook.refusals().length).toBeGreaterThan(refused);
    expect(webhook.refusals().at(-1)).toContain('has no access entry');
    expect(await readyOf('Cluster', '', CLUSTER)).toMatchObject({ status: 'False', reason: 'AuthenticationFailed' });
  });

  it('has everything applied once somebody follows the runbook to its end, command by command', async () => {
    // Who builds clusters is let in by EKS.
    const admin = `arn:aws:iam::${moto.account}:user/olga`;
    webhook.addCaller({ ...moto.credentials, arn: admin });
    webhook.addAccessEntry({ principalArn: admin, kubernetesGroups: ['system:masters'] });
    const commands = commandsOf('## A cluster was rebuilt');
    const before = readFileSync(settingsFile(), 'utf8');

    const told: string[] = [];
    for (const command of commands) told.push(await follow(command));

    expect(readFileSync(settingsFile(), 'utf8')).toBe(
      before
        .replace(first.server, second.server)
        .replace(base64(first.certificateAuthority), base64(second.certificateAuthority)),
    );
    // The first command names those that follow, for this cluster.
    const named = (told[0] ?? '').split('\n').map((line) => line.trim());
    const shown = commands.map((command) => command.join(' ').replace(/<role>/u, 'X'));
    const generic = named.map((line) => line.replace(/<[^>]*>/u, 'X'));
    expect(generic).toEqual(expect.arrayContaining(shown.slice(1, 4)));
    expect(generic).toContain('npx cdk deploy');
    expect(told.at(-1)).toContain('its function was told to reconcile');
    const messages = await receive();
    expect(messages.map((body) => WorkMessage.parse(JSON.parse(body)))).toEqual([
      { type: 'Reconcile', cluster: CLUSTER, reason: 'Refreshed' },
    ]);
    expect(await deployed(messages[0] ?? '')).toEqual(DONE);

    expect(await names(second)).toEqual(['configmap/left', 'configmap/one', 'configmap/two']);
    expect(await readyOf('Kustomization', ROOT_NAME.namespace, ROOT_NAME.name)).toMatchObject({ status: 'True' });
    expect(await readyOf('Cluster', '', CLUSTER)).toMatchObject({ status: 'True' });
  });

  it('says that it is another one, takes nothing of the old one for drift, and prunes nothing that it finds', async () => {
    const told = await events();

    const reasons = told.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'ClusterReplaced')).toHaveLength(1);
    expect(reasons).not.toContain('DriftCorrected');
    expect(told.findLast(({ reason }) => reason === 'PruneWithheld')?.message).toMatch(
      /ConfigMap\/shop\/left.*before this installation came to the cluster/u,
    );
  });

  it('is then as any other: not due, and in order when it is looked at again', async () => {
    const before = webhook.accepted();
    expect(await deployed(TICK)).toEqual(DONE);
    expect(webhook.accepted()).toBe(before);

    expect(await deployed(JSON.stringify({ type: 'Reconcile', cluster: CLUSTER, reason: 'test' }))).toEqual(DONE);

    expect((await events()).filter(({ reason }) => reason === 'ClusterReplaced')).toHaveLength(1);
  });

  it('is worked on at the next tick too, where nobody sends a message after the deployment', async () => {
    await second.kubectl(['delete', 'configmap', 'one', '--namespace=shop']);
    const record = await journal.read(CLUSTER, 'installation');
    if (record?.type !== 'Installation') throw new Error('no installation in the journal');
    // As the journal of the old cluster had it.
    await journal.write([{ ...record, server: first.server, clusterUid: 'the uid of the old one' }]);

    expect(await deployed(TICK)).toEqual(DONE);

    expect(await names(second)).toContain('configmap/one');
    expect((await events()).filter(({ reason }) => reason === 'ClusterReplaced')).toHaveLength(2);
  });
});

describe('what a person does by hand', () => {
  it('reconciles a cluster that is not due, by the message of the runbook', async () => {
    await second.kubectl(['delete', 'configmap', 'two', '--namespace=shop']);
    expect(await deployed(TICK)).toEqual(DONE);
    expect(await names(second)).not.toContain('configmap/two');
    const [reconcile = []] = commandsOf('Have it work now\\.');

    await follow(reconcile);

    for (const body of await receive()) expect(await deployed(body)).toEqual(DONE);
    expect(await names(second)).toContain('configmap/two');
  });
});

describe('a certificate authority that ends within 90 days', () => {
  it('is a concern of its cluster, and stays one after a run, until its end is far away again', async () => {
    const [end = Number.NaN] = readCertificateBundle(base64(second.certificateAuthority)).map(
      ({ notAfter }) => notAfter,
    );
    const concerns = async () =>
      (await journal.list(CLUSTER, 'status/')).flatMap((one) => (one.type === 'Status' ? findConcerns(one) : []));
    const message = JSON.stringify({ type: 'Reconcile', cluster: CLUSTER, reason: 'test' });
    const before = await concerns();

    const late = await deploy(end - 89 * 86_400_000 - Date.now());
    expect([await late(message), await late(message)]).toEqual([DONE, DONE]);

    expect(before.map(({ reason }) => reason)).not.toContain('CertificateAuthorityEnding');
    const ends = new Date(end).toISOString().slice(0, 10);
    const line = expect.stringContaining(
      `production ends on ${ends}, and no successor is trusted; run \`tidegate cluster`,
    );
    expect(await concerns()).toEqual([
      ...before,
      expect.objectContaining({ reason: 'CertificateAuthorityEnding', line }),
    ]);

    expect(await deployed(message)).toEqual(DONE);
    expect(await concerns()).toEqual(before);
  });
});

describe('a bundle of two certificate authorities', () => {
  it('trusts both at once, and each alone only its own', async () => {
    const both = [first, second].map(({ certificateAuthority }) => certificateAuthority.trimEnd()).join('\n');
    const ask = async ({ server }: RunningCluster, pem: string): Promise<string> => {
      const options = { name: 'prod', region: moto.region, endpoint: server, certificateAuthority: base64(pem) };
      const credentials = () => Promise.resolve(moto.credentials);
      const connection = eksConnection({ ...options, credentials, now: () => Date.now() });
      return (await inspectCluster(connection, [], { version: 'test' })).serverVersion;
    };

    expect(await ask(first, both)).toMatch(/^v1\./u);
    expect(await ask(second, both)).toMatch(/^v1\./u);
    await expect(ask(second, first.certificateAuthority)).rejects.toThrow(/certificate/u);
  });
});
