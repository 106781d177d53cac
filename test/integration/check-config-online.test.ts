import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { APP_EVENTS, APP_PERMISSIONS } from '#cli/app-manifest.ts';
import { startMoto } from '#local/aws/start-moto.ts';
import type { RunningMoto } from '#local/aws/start-moto.ts';
import { startCluster } from '#local/cluster/start-cluster.ts';
import type { RunningCluster } from '#local/cluster/start-cluster.ts';
import { startGitHub } from '#local/github/start-github.ts';
import type { RunningGitHub } from '#local/github/start-github.ts';
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

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tidegate-online-'));
  [github, cluster, moto] = await Promise.all([startGitHub(), startCluster(), startMoto()]);
  await github.createRepository({ owner: 'acme', name: 'fleet-infra', private: true, files: { 'a.txt': 'a\n' } });
  await github.createRepository({ owner: 'acme', name: 'other', private: true, files: { 'a.txt': 'a\n' } });
});

afterAll(async () => {
  await Promise.all([github.close(), cluster.stop(), moto.stop()]);
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
    await eks.send(
      new CreateClusterCommand({
        name: 'prod',
        roleArn: `arn:aws:iam::${moto.account}:role/eks`,
        resourcesVpcConfig: { subnetIds: ['subnet-0123456789abcdef0'] },
        accessConfig: { authenticationMode: 'CONFIG_MAP' },
      }),
    );
    eks.destroy();
    const entry = (name: string): string =>
      `{ name: p, path: ./p, eks: { name: ${name}, region: ${moto.region}, endpoint: "https://eks.dev", certificateAuthority: AAAA } }`;

    const there = await ask({ credential: 'tokenSecret', secret: token(), cluster: entry('prod') });
    const away = await ask({ credential: 'tokenSecret', secret: token(), cluster: entry('nowhere') });

    expect(there.problems.map(({ field }) => field)).toEqual([
      'clusters[0].eks.name',
      'clusters[0].eks.endpoint',
      'clusters[0].eks.certificateAuthority',
    ]);
    expect(away.problems).toMatchObject([
      { field: 'clusters[0].eks.name', message: expect.stringContaining('does not exist in this account') },
    ]);
    expect(away.seen).toEqual(['GitHub was not asked: its credential lies in Secrets Manager']);
  });
});
