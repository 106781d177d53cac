import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { EKSClient } from '@aws-sdk/client-eks';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { APP_EVENTS, APP_PERMISSIONS } from '#cli/app-manifest.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import type { RunningGitHub } from '#stand-ins/github/start-github.ts';
import { startGitHub } from '#stand-ins/github/start-github.ts';
import type { EksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import { startEksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import type { RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import { startCluster } from '#stand-ins/kubernetes/start-cluster.ts';

import { createEksCluster } from './eks-fixture.ts';
import { startCommand } from './start-command.ts';

const run = promisify(execFile);
const Answer = z.object({
  valid: z.boolean(),
  problems: z.array(z.object({ line: z.number(), field: z.string(), message: z.string() })),
  seen: z.array(z.string()),
});

let root: string;
let github: RunningGitHub;
let cluster: RunningCluster;
let moto: RunningMoto;
let webhook: EksTokenWebhook;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tidegate-online-'));
  [github, moto] = await Promise.all([startGitHub(), startMoto()]);
  webhook = await startEksTokenWebhook({ clusterId: 'prod', region: moto.region });
  cluster = await startCluster({ tokenWebhook: webhook });
  await github.createRepository({ owner: 'acme', name: 'fleet-infra', private: true, files: { 'a.txt': 'a\n' } });
  await github.createRepository({ owner: 'acme', name: 'other', private: true, files: { 'a.txt': 'a\n' } });
});

afterAll(async () => {
  await Promise.all([github.close(), cluster.stop().then(() => webhook.stop()), moto.stop()]);
  rmSync(root, { recursive: true, force: true });
});

interface Installation {
  readonly credential: 'tokenSecret' | 'privateKeySecret';
  readonly secret: string;
  readonly branch?: string;
  readonly apiUrl?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly ecr?: string;
}

/** Asks about an installation that lies in a folder of its own. */
async function ask(installation: Installation): Promise<z.infer<typeof Answer>> {
  const folder = mkdtempSync(join(root, 'installation-'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'credential'), installation.secret);
  writeFileSync(join(folder, 'secrets', 'webhook'), 'secret');
  const { apiUrl = github.apiUrl, branch = 'main', credential } = installation;
  const { kubeconfig = cluster.kubeconfigPath, context = cluster.contextName } = installation;
  const ours = `{ name: laptop, path: ./clusters/laptop, kubeconfig: { context: ${context}, file: ${kubeconfig} } }`;
  const settings = [
    `configRepository: { url: "${github.url}/acme/fleet-infra", branch: ${branch} }`,
    `github: { apiUrl: "${apiUrl}", ${credential}: credential, webhookSecret: webhook }`,
    `clusters: [ ${installation.cluster ?? ours} ]`,
    ...(installation.ecr === undefined ? [] : [`registries: { ecr: [ ${installation.ecr} ] }`]),
  ];
  writeFileSync(join(folder, 'tidegate.yaml'), `${settings.join('\n')}\n`);
  const args = ['check-config', '--online', '--json', '--config', join(folder, 'tidegate.yaml')];
  const command = startCommand(args, moto.env);
  const exitCode = await command.exit;
  const answer = Answer.parse(JSON.parse(command.output()));
  expect({ exitCode, errors: command.errors() }).toEqual({ exitCode: answer.valid ? 0 : 2, errors: '' });
  return answer;
}

const token = (): string => github.createToken({ login: 'octavia', repositories: ['acme/fleet-infra'] });

function makeApp(slug: string, permissions: Readonly<Record<string, 'read' | 'write'>> = APP_PERMISSIONS): string {
  const app = github.createApp({ slug, permissions, events: [...APP_EVENTS] });
  return JSON.stringify({ appId: app.id, privateKey: app.privateKey });
}

/** A cluster of the settings; the API server of this file unless another one is named. */
function eksEntry({ name = 'prod', endpoint = cluster.server } = {}): string {
  const certificateAuthority = Buffer.from(cluster.certificateAuthority).toString('base64');
  const eks = { name, region: moto.region, endpoint, certificateAuthority };
  return JSON.stringify({ name: 'p', path: './p', eks });
}

describe('check-config --online', () => {
  it('says whom a token belongs to and what answers for the cluster', async () => {
    const answer = await ask({ credential: 'tokenSecret', secret: token() });

    expect(answer).toEqual({
      valid: true,
      problems: [],
      seen: [
        'GitHub: octavia on acme/fleet-infra, branch main',
        expect.stringMatching(/^cluster laptop: Kubernetes v1\./u),
      ],
    });
  });

  it.each<[string, () => Partial<Installation>, object]>([
    [
      'a token that GitHub does not know',
      () => ({ secret: `ghp_${'x'.repeat(36)}` }),
      { line: 2, field: 'github.tokenSecret', message: /does not accept the token: put a valid one/u },
    ],
    [
      'a token that does not reach the repository',
      () => ({ secret: github.createToken({ login: 'octavia', repositories: ['acme/other'] }) }),
      { line: 1, field: 'configRepository.url', message: /^acme\/fleet-infra is not there for octavia/u },
    ],
    [
      'a branch that is not there',
      () => ({ branch: 'mian' }),
      { line: 1, field: 'configRepository.branch', message: /^acme\/fleet-infra has no branch "mian"/u },
    ],
    [
      'an address where no GitHub is',
      () => ({ apiUrl: 'http://127.0.0.1:1/api/v3' }),
      { line: 2, field: 'github.apiUrl', message: /^http:\/\/127\.0\.0\.1:1\/api\/v3: GitHub answered/u },
    ],
  ])('names %s, with its line', async (_, change, expected) => {
    const { problems } = await ask({ credential: 'tokenSecret', secret: token(), ...change() });

    expect(problems).toHaveLength(1);
    const [problem] = problems;
    const { message, ...place } = expected as { message: RegExp };
    expect(problem).toMatchObject(place);
    expect(problem?.message).toMatch(message);
    expect(problem?.message).not.toContain('ghp_');
  });

  it('says as which App it acts', async () => {
    const secret = makeApp('tidegate');
    github.install({ app: 'tidegate', account: 'acme', repositories: ['acme/fleet-infra'] });

    const answer = await ask({ credential: 'privateKeySecret', secret });

    expect(answer.problems).toEqual([]);
    expect(answer.seen[0]).toBe('GitHub: tidegate[bot] on acme/fleet-infra, branch main');
  });

  it('names an App that is not installed, and one that lacks permissions', async () => {
    const elsewhere = makeApp('elsewhere');
    github.install({ app: 'elsewhere', account: 'acme', repositories: ['acme/other'] });
    const weak = makeApp('weak', { contents: 'read', metadata: 'read' });
    github.install({ app: 'weak', account: 'acme', repositories: ['acme/fleet-infra'] });

    const answers = [
      await ask({ credential: 'privateKeySecret', secret: elsewhere }),
      await ask({ credential: 'privateKeySecret', secret: weak }),
    ];

    expect(answers.map(({ problems }) => problems.map(({ field, message }) => `${field}: ${message}`))).toEqual([
      [
        expect.stringMatching(
          /^configRepository\.url: elsewhere\[bot\] is not installed on acme\/fleet-infra: install it on http.*\/installations\/new$/u,
        ),
      ],
      [
        expect.stringMatching(
          /^github\.privateKeySecret: the App lacks the permissions contents: write, pull_requests: write, statuses: write: /u,
        ),
      ],
    ]);
  });

  it('names the rights that the user of a context does not have', async () => {
    await cluster.kubectl(['create', 'serviceaccount', 'reader', '-n', 'default']);
    const binding = ['create', 'clusterrolebinding', 'reader', '--clusterrole=view', '--serviceaccount=default:reader'];
    await cluster.kubectl(binding);
    const { stdout: bearer } = await cluster.kubectl(['create', 'token', 'reader', '-n', 'default']);
    const kubeconfig = join(root, 'reader');
    const flags = (...args: readonly string[]) =>
      run(cluster.kubectlPath, ['config', '--kubeconfig', kubeconfig, ...args]);
    await flags('set-cluster', 'c', `--server=${cluster.server}`, '--insecure-skip-tls-verify=true');
    await flags('set-credentials', 'u', `--token=${bearer.trim()}`);
    await flags('set-context', 'reader', '--cluster=c', '--user=u');

    const { problems } = await ask({ credential: 'tokenSecret', secret: token(), kubeconfig, context: 'reader' });

    expect(problems).toMatchObject([
      {
        line: 3,
        field: 'clusters[0].kubeconfig.context',
        message:
          'the context may not get, create, update leases.coordination.k8s.io in tidegate-system; create, patch, delete configmaps in tidegate-system; get, list, create, update, patch, delete everything; allowed: the rights of infra/rbac/platform.yaml',
      },
    ]);
  });

  it('names a cluster that does not answer', async () => {
    const kubeconfig = join(root, 'away');
    writeFileSync(
      kubeconfig,
      'apiVersion: v1\nkind: Config\nclusters: [ { name: c, cluster: { server: "https://127.0.0.1:1" } } ]\nusers: [ { name: u, user: {} } ]\ncontexts: [ { name: away, context: { cluster: c, user: u } } ]\n',
    );

    const { problems } = await ask({ credential: 'tokenSecret', secret: token(), kubeconfig, context: 'away' });

    expect(problems).toMatchObject([{ field: 'clusters[0].kubeconfig.context' }]);
    expect(problems[0]?.message).toMatch(/^https:\/\/127\.0\.0\.1:1 cannot be asked: API server .* got no answer: /u);
  });

  it('compares an EKS cluster with what EKS says of it', async () => {
    const eks = new EKSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    const hardened = { publicAccessCidrs: ['203.0.113.0/24'], endpointPrivateAccess: true };
    for (const [name, access] of [['prod', {}] as const, ['hardened', hardened] as const]) {
      await createEksCluster(eks, name, { mode: 'CONFIG_MAP', access });
    }
    eks.destroy();
    const entry = (name: string): string => eksEntry({ name, endpoint: 'https://127.0.0.1:1' });

    const there = await ask({ credential: 'tokenSecret', secret: token(), cluster: entry('prod') });
    const closed = await ask({ credential: 'tokenSecret', secret: token(), cluster: entry('hardened') });
    const away = await ask({ credential: 'tokenSecret', secret: token(), cluster: entry('nowhere') });

    expect(there.problems.map(({ field }) => field)).toEqual([
      'clusters[0].eks.name',
      'clusters[0].eks.endpoint',
      'clusters[0].eks.certificateAuthority',
    ]);
    expect(closed.problems).toContainEqual(
      expect.objectContaining({
        field: 'clusters[0].eks.endpoint',
        message: expect.stringContaining('is reached from vpc-0123456789abcdef0 alone; allowed: vpc'),
      }),
    );
    expect(away.problems).toMatchObject([
      { field: 'clusters[0].eks.name', message: expect.stringContaining('does not exist in this account') },
    ]);
    expect(away.seen).toEqual(['GitHub was not asked: its credential lies in Secrets Manager']);
  });

  it('asks as far as it may whether the function of an EKS cluster has its rights', async () => {
    const askEks = async () => {
      const answer = await ask({ credential: 'tokenSecret', secret: token(), cluster: eksEntry() });
      const of = (texts: readonly string[]) => texts.filter((text) => /function/u.test(text));
      return [...of(answer.problems.map(({ field, message }) => `${field}: ${message}`)), ...of(answer.seen)];
    };
    const unknown = await askEks();
    const arn = `arn:aws:iam::${moto.account}:user/olga`;
    webhook.addCaller({ ...moto.credentials, arn });
    webhook.addAccessEntry({ principalArn: arn, username: 'olga', kubernetesGroups: ['operators'] });
    const weak = await askEks();
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'operators',
      '--clusterrole=cluster-admin',
      '--group=operators',
    ]);
    const without = await askEks();
    await cluster.kubectl(['apply', '-f', join(import.meta.dirname, '../../infra/rbac/platform.yaml')]);
    const all = await askEks();

    expect([unknown, weak, without, all]).toEqual([
      [
        expect.stringMatching(
          /^cluster p: the rights of its function could not be asked about: the cluster does not know the AWS credentials/u,
        ),
      ],
      [
        expect.stringMatching(
          /^cluster p: the rights of its function could not be asked about: .* may not create subjectaccessreviews/u,
        ),
      ],
      [
        'clusters[0].eks.profile: group tidegate:platform of its function may not get, create, update leases.coordination.k8s.io in tidegate-system; list, create, patch, delete configmaps in tidegate-system; get, list, create, update, patch, delete everything; apply infra/rbac/platform.yaml to the cluster',
      ],
      [
        expect.stringMatching(
          /^cluster p: Kubernetes v1\..*; group tidegate:platform of its function has its rights$/u,
        ),
      ],
    ]);
  });

  it('asks ECR for each repository of the settings whether it can be read', async () => {
    const ecr = new ECRClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    for (const repositoryName of ['web', 'team-a/app']) {
      await ecr.send(new CreateRepositoryCommand({ repositoryName }));
    }
    ecr.destroy();
    const registry = (...repositories: readonly string[]): string =>
      JSON.stringify({ account: moto.account, region: moto.region, repositories });
    const there = registry('web', 'team-a/*');
    const away = registry('web', 'wbe', 'team-b/*');

    const right = await ask({ credential: 'tokenSecret', secret: token(), ecr: there });
    const wrong = await ask({ credential: 'tokenSecret', secret: token(), ecr: away });

    expect(right.problems).toEqual([]);
    expect(right.seen).toContain(
      `ECR ${moto.account} in ${moto.region}: web, team-a/app can be read, with the credentials of this machine; in AWS the function image-update has a role of its own`,
    );
    expect(wrong.problems.map(({ line, field, message }) => `${line} ${field}: ${message}`)).toEqual([
      `4 registries.ecr[0].repositories[1]: ECR repository wbe of account ${moto.account} in ${moto.region} does not exist: create it, or correct the name`,
      `4 registries.ecr[0].repositories[2]: ECR registry of account ${moto.account} in ${moto.region} has no repository team-b/*: create one, or correct the name`,
    ]);
  });
});
