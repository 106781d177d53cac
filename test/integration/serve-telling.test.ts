import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { composeServe } from '#serve/compose-serve.ts';
import type { Health } from '#serve/observe-health.ts';
import { startServe, type Serve } from '#serve/start-serve.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { readCertificateBundle } from '#shared/settings/certificate-bundle.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { startGitHub, type RunningGitHub } from '#stand-ins/github/start-github.ts';
import { startCluster, type RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';

import { kustomizationManifest } from './flux-manifests.ts';
import { until, WEBHOOK_SECRET } from './open-serve.ts';
import { startCommand, type StartedCommand } from './start-command.ts';

const REPOSITORY = 'acme/fleet';
const CLUSTER = 'prod';
const PATIENCE_MS = 60_000;

let cluster: RunningCluster;
let github: RunningGitHub;
let serve: Serve;
let folder: string;
let log = '';
let appId: number;
const processes: StartedCommand[] = [];

beforeAll(async () => {
  [cluster, github] = await Promise.all([startCluster({}), startGitHub()]);
  await cluster.kubectl(['create', 'namespace', 'flux-system']);
  github.createUser({ login: 'acme', type: 'Organization' });
  github.createUser({ login: 'alice' });
  await github.createRepository({ owner: 'acme', name: 'fleet', private: true, files: FILES });
  const app = github.createApp({
    slug: 'tidegate',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' },
  });
  github.install({ app: 'tidegate', account: 'acme' });
  appId = app.id;
  folder = mkdtempSync(join(tmpdir(), 'tidegate-telling-'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'key'), app.privateKey);
  writeFileSync(join(folder, 'secrets', 'webhook'), WEBHOOK_SECRET);
  serve = await startServe({
    settings: settingsIn(folder, { appId: app.id, privateKeySecret: 'key' }),
    compose: (resources) => composeServe(resources, { version: 'test', kubectl: cluster.kubectlPath }),
    log: createJsonLogger({ level: 'info', knownSecrets: [], now: () => Date.now(), write: (line) => (log += line) }),
  });
  github.setAppHook('tidegate', { url: `${serve.url}/webhook`, secret: WEBHOOK_SECRET });
}, 600_000);

afterAll(async () => {
  for (const one of processes) one.kill('SIGKILL');
  await Promise.all(processes.map(({ exit }) => exit));
  await serve.close();
  await github.close();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Settings of the cluster and repository of this file, with state and secrets below a folder. */
function settingsIn(
  folder: string,
  credentials: Pick<Settings['github'], 'appId' | 'privateKeySecret' | 'tokenSecret'>,
): Settings {
  return {
    installation: 'default',
    configRepository: { url: `${github.url}/${REPOSITORY}`, branch: 'main' },
    github: { apiUrl: github.apiUrl, ...credentials, webhookSecret: 'webhook', branchPrefix: 'tidegate/' },
    registries: { ecr: [] },
    statuses: { withheldPrune: 'pending' },
    clusters: [
      {
        name: CLUSTER,
        path: './clusters/prod',
        target: { kind: 'kubeconfig', context: cluster.contextName, file: cluster.kubeconfigPath },
        pruneGuard: { maxObjects: 5, maxPercent: 20 },
      },
    ],
    serve: {
      address: '127.0.0.1',
      port: 0,
      stateFolder: join(folder, 'state'),
      secretsFolder: join(folder, 'secrets'),
      tickSeconds: 1,
    },
  };
}

function kustomization(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(kustomizationManifest(name, spec));
}

function configMaps(count: number): string {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `cm-${index}`, namespace: 'default' } }),
  ).join('\n---\n');
}

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: three
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
`;
const RELEASE = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: flux-system}
spec: {interval: 5m, chart: {spec: {chart: redis, sourceRef: {kind: HelmRepository, name: bitnami}}}}
`;
const FILES = {
  'clusters/prod/big.yaml': kustomization('big'),
  'clusters/prod/bad.yaml': kustomization('bad'),
  'clusters/prod/asleep.yaml': kustomization('asleep', { suspend: true }),
  'clusters/prod/redis.yaml': RELEASE,
  'apps/big/all.yaml': configMaps(111),
  'apps/bad/web.yaml': DEPLOYMENT,
  'apps/asleep/one.yaml': configMaps(1),
};

async function push(files: Readonly<Record<string, string>>): Promise<string> {
  return github.commitFiles(REPOSITORY, 'main', files, 'Change', 'alice');
}

/** The newest status of a context on a commit. */
function statusOf(commit: string, context: string) {
  return github.statuses(REPOSITORY, commit).findLast((status) => status.context === context);
}

async function awaitStatus(commit: string, context: string, states: readonly string[]) {
  const found = () => {
    const status = statusOf(commit, context);
    return status !== undefined && states.includes(status.state) ? status : undefined;
  };
  await until(`${context} to be ${states.join(' or ')}`, () => found() !== undefined, PATIENCE_MS).catch(
    (error: unknown) => {
      const said = github
        .statuses(REPOSITORY, commit)
        .map(({ context, state, description }) => [context, state, description]);
      throw new Error(`${String(error)}: ${JSON.stringify(said)}; ${log.split('\n').slice(-15).join('\n')}`);
    },
  );
  return found();
}

async function health(): Promise<Health> {
  return (await (await fetch(`${serve.url}/healthz`)).json()) as Health;
}

function linesOf(level: string): readonly string[] {
  return log.split('\n').filter((line) => line.includes(`"level":"${level}"`));
}

describe('what people are told', () => {
  it('says beside the commit what failed, the field first, and what is suspended', async () => {
    const commit = (await github.head(REPOSITORY, 'main')) ?? '';

    const bad = await awaitStatus(commit, 'tidegate/prod/flux-system/bad', ['failure']);
    const asleep = await awaitStatus(commit, 'tidegate/prod/flux-system/asleep', ['success']);

    expect(bad?.description).toBe(
      '.spec.replicas: expected numeric, got string (apps/bad/web.yaml:5, Deployment/default/web)',
    );
    expect(asleep?.description).toMatch(/^Suspended: /u);
    expect(linesOf('error').some((line) => line.includes('expected numeric') && line.includes('"event"'))).toBe(true);
  });

  it('names in /healthz each thing that waits for a person, since when and what to do', async () => {
    const { status, problems, clusters } = await health();

    expect(status).toBe('degraded');
    expect(problems.map(({ what }) => what).toSorted((one, other) => one.localeCompare(other))).toEqual([
      'HelmRelease flux-system/redis of cluster prod',
      'Kustomization flux-system/bad of cluster prod',
    ]);
    for (const { since = '', todo } of problems) {
      expect(Math.abs(Date.parse(since) - Date.now())).toBeLessThan(600_000);
      expect(todo).toMatch(/Git|Flux/u);
    }
    expect(clusters[CLUSTER]).toMatchObject({ reachable: true, kustomizations: 4, ready: 2, suspended: 1, failed: 1 });
  });

  it(
    'says that a prune waits, what it is about and why, and leads to a page with the rest',
    { timeout: 180_000 },
    async () => {
      const commit = await push({
        'apps/big/all.yaml': configMaps(1),
        'apps/bad/web.yaml': DEPLOYMENT.replace('three', '1'),
        'clusters/prod/asleep.yaml': '# awake\n',
      });
      await until(
        'the prune to wait',
        async () => (await health()).clusters[CLUSTER]?.withheldPrunes === 110,
        PATIENCE_MS,
      );

      const status = await awaitStatus(commit, 'tidegate/prod/flux-system/big', ['pending']);
      await until(
        'the word about the prune',
        () => statusOf(commit, 'tidegate/prod/flux-system/big')?.description?.startsWith('PruneWithheld') === true,
        PATIENCE_MS,
      );
      const told = statusOf(commit, 'tidegate/prod/flux-system/big');
      const { status: state, problems } = await health();
      const waiting = problems.find(({ what }) => what === 'Kustomization flux-system/big of cluster prod');
      const page = await fetch(told?.targetUrl ?? '');
      const html = await page.text();

      expect(state).toBe('degraded');
      expect(waiting).toMatchObject({
        problem: expect.stringMatching(/^PruneWithheld: 110 objects wait: ConfigMap\/default\/cm-\d+ and 109 more: /u),
        todo: 'to approve, write approvePrune: "flux-system/big=110" on cluster prod in tidegate.yaml',
      });
      expect(Math.abs(Date.parse(waiting?.since ?? '') - Date.now())).toBeLessThan(600_000);
      expect(status?.state).toBe('pending');
      expect(told?.description).toMatch(/^PruneWithheld: ConfigMap\/default\/cm-\d+ and 109 more: .*110/u);
      expect(told?.description?.length).toBeLessThanOrEqual(140);
      expect(told?.targetUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/status\//u);
      expect(page.status).toBe(200);
      expect(html).toContain('flux-system/big=110');
      expect(html).toContain('110 objects stay');
      expect(linesOf('warn').filter((line) => line.includes('PruneWithheld'))).toHaveLength(1);
    },
  );

  it('shows the page to nobody who has no link', async () => {
    const url = github.statuses(REPOSITORY, (await github.head(REPOSITORY, 'main')) ?? '')[0]?.targetUrl ?? '';
    const answers = await Promise.all(
      [
        `${serve.url}/status/`,
        `${serve.url}/status/prod/flux-system/big`,
        `${url}x`,
        url.replace(/status\/(.)/u, (_, first) => `status/${first === '-' ? 'x' : '-'}`),
      ].map(async (one) => (await fetch(one)).status),
    );

    expect(answers).toEqual([404, 404, 404, 404]);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect(log).not.toContain(new URL(url).pathname);
  });

  it('says beside a push that its cluster does not answer, and when it does again', { timeout: 180_000 }, async () => {
    await cluster.killApiServer();
    const commit = await push({ 'apps/big/all.yaml': configMaps(2) });

    const away = await awaitStatus(commit, 'tidegate/prod', ['pending', 'error']);
    const during = await health();
    await cluster.restartApiServer();
    const back = await awaitStatus(commit, 'tidegate/prod', ['success']);
    const after = await health();

    expect(away?.description).toMatch(/^ApiServerUnreachable: cluster prod cannot be worked on: /u);
    expect(during.status).toBe('degraded');
    expect(during.clusters[CLUSTER]).toMatchObject({ reachable: false });
    expect(during.problems).toContainEqual(
      expect.objectContaining({
        what: 'cluster prod',
        problem: expect.stringContaining('ApiServerUnreachable'),
        todo: expect.stringContaining('see whether the API server runs'),
      }),
    );
    expect(back?.description).toMatch(/can be worked on again/u);
    expect(after.clusters[CLUSTER]).toMatchObject({ reachable: true });
    expect(after.problems.some(({ what }) => what === 'cluster prod')).toBe(false);
  });
});

describe('an installation whose token is wrong', () => {
  it('names what cannot be read in /healthz, and never the token', async () => {
    const own = mkdtempSync(join(tmpdir(), 'tidegate-wrong-'));
    const token = `ghp_${'c4nary'.repeat(6)}`;
    mkdirSync(join(own, 'secrets'));
    writeFileSync(join(own, 'secrets', 'token'), token);
    writeFileSync(join(own, 'secrets', 'webhook'), WEBHOOK_SECRET);
    const wrong = await startServe({
      settings: settingsIn(own, { tokenSecret: 'token' }),
      compose: (resources) => composeServe(resources, { version: 'test', kubectl: cluster.kubectlPath }),
      log: createJsonLogger({ level: 'error', knownSecrets: [], now: () => Date.now(), write: () => undefined }),
    });
    const read = async (): Promise<Health> => (await (await fetch(`${wrong.url}/healthz`)).json()) as Health;
    await until('it to be named', async () => (await read()).problems.length >= 1, PATIENCE_MS);
    const { problems } = await read();
    await wrong.close();
    await rm(own, { recursive: true, force: true });

    const source = problems.find(({ what }) => what === 'GitRepository flux-system/flux-system of cluster prod');
    expect(source?.problem).toMatch(/^AuthenticationFailed: /u);
    expect(JSON.stringify(problems)).not.toContain(token);
  });
});

describe('a kubeconfig whose certificate authority ends within 90 days', () => {
  it('is named in /healthz, with the day, also where the cluster does not answer', async () => {
    const pem = readFileSync(join(import.meta.dirname, '../fixtures/certificates/outgoing.pem'), 'base64');
    const [end = Number.NaN] = readCertificateBundle(pem).map(({ notAfter }) => notAfter);
    const own = mkdtempSync(join(tmpdir(), 'tidegate-ending-'));
    mkdirSync(join(own, 'secrets'));
    writeFileSync(join(own, 'secrets', 'token'), 'none');
    writeFileSync(join(own, 'secrets', 'webhook'), WEBHOOK_SECRET);
    const file = join(own, 'kubeconfig');
    const target = { server: 'https://127.0.0.1:1', 'certificate-authority-data': pem };
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'away', cluster: target }],
        users: [{ name: 'away', user: { token: 't' } }],
        contexts: [{ name: 'away', context: { cluster: 'away', user: 'away' } }],
      }),
    );
    const settings = settingsIn(own, { tokenSecret: 'token' });
    const ahead = end - 89 * 86_400_000 - Date.now();
    const ending = await startServe({
      settings: {
        ...settings,
        clusters: settings.clusters.map((one) => ({ ...one, target: { kind: 'kubeconfig', context: 'away', file } })),
      },
      compose: (resources) => composeServe(resources, { version: 'test', kubectl: cluster.kubectlPath }),
      clock: { ...systemClock, now: () => Date.now() + ahead },
      log: createJsonLogger({ level: 'error', knownSecrets: [], now: () => Date.now(), write: () => undefined }),
    });
    const find = async () => {
      const { problems } = (await (await fetch(`${ending.url}/healthz`)).json()) as Health;
      return problems.find(({ what }) => what === 'CertificateAuthority of cluster prod')?.problem;
    };
    await until('it to be named', async () => (await find()) !== undefined, PATIENCE_MS);
    const problem = await find();
    await ending.close();
    await rm(own, { recursive: true, force: true });

    expect(problem).toMatch(
      /^CertificateAuthorityEnding: .*prod ends on 2036-11-25, .*into the kubeconfig, and start serve/u,
    );
  });
});

/** Starts `tidegate serve` for a repository, with state and secrets below a folder, in a process of its own. */
function startProcess(own: string, repository: string): StartedCommand {
  const settings = [
    `configRepository: { url: "${github.url}/${repository}", branch: main }`,
    `github: { apiUrl: "${github.apiUrl}", appId: ${appId}, privateKeySecret: key, webhookSecret: webhook }`,
    `clusters: [ { name: ${CLUSTER}, path: ./clusters/prod, kubeconfig: { context: ${cluster.contextName}, file: ${cluster.kubeconfigPath} } } ]`,
    `serve: { address: 127.0.0.1, port: 0, stateFolder: ${join(own, 'state')}, secretsFolder: ${join(folder, 'secrets')}, tickSeconds: 5 }`,
  ];
  writeFileSync(join(own, 'tidegate.yaml'), `${settings.join('\n')}\n`);
  const path = [dirname(cluster.kubectlPath), process.env['PATH'] ?? ''].join(delimiter);
  const started = startCommand(['serve', '--config', join(own, 'tidegate.yaml')], { PATH: path });
  processes.push(started);
  return started;
}

async function configMapNames(): Promise<readonly string[]> {
  const { stdout } = await cluster.kubectl(['get', 'configmaps', '-n', 'default', '-o', 'name']);
  return stdout.trim().split('\n').sort();
}

describe('a second serve on the cluster, in a process of its own', () => {
  it(
    'with another repository is refused by name, and nothing of the first is pruned',
    { timeout: 180_000 },
    async () => {
      const own = mkdtempSync(join(folder, 'other-'));
      const added = JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'of-other', namespace: 'default' },
      });
      await github.createRepository({
        owner: 'acme',
        name: 'other',
        private: true,
        files: { 'clusters/prod/new.yaml': added },
      });
      const before = await configMapNames();

      const other = startProcess(own, 'acme/other');
      const commit = (await github.head('acme/other', 'main')) ?? '';
      const told = () =>
        github.statuses('acme/other', commit).findLast(({ state }) => state === 'failure')?.description;
      await until('the refusal', () => told() !== undefined, PATIENCE_MS).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${other.output().slice(-3000)} ${other.errors()}`);
      });
      other.kill('SIGTERM');

      expect(await other.exit).toBe(0);
      expect(told()).toMatch(/^InstallationRefused: .*acme\/fleet/u);
      expect(await configMapNames()).toEqual(before);
      expect(before.filter((name) => name.startsWith('configmap/cm-'))).toHaveLength(111);
    },
  );

  it(
    'that takes the place of the first goes on with what was applied, although the root is broken by then',
    { timeout: 240_000 },
    async () => {
      const broken = await push({ 'clusters/prod/broken.yaml': 'kind: ConfigMap\nmetadata:\n  name: x: y\n' });
      const said = await awaitStatus(broken, 'tidegate/prod/flux-system/flux-system', ['failure']);
      await serve.close();
      await cluster.kubectl(['delete', 'configmap/cm-0', '-n', 'default']);
      const before = await configMapNames();

      const next = startProcess(folder, REPOSITORY);
      const url = () => /"url":"(http:[^"]+)"/u.exec(next.output())?.[1];
      await until('it to serve', () => url() !== undefined, PATIENCE_MS);
      github.setAppHook('tidegate', { url: `${url()}/webhook`, secret: WEBHOOK_SECRET });
      const commit = await push({ 'apps/bad/web.yaml': DEPLOYMENT.replace('three', '2') });
      const again = await awaitStatus(commit, 'tidegate/prod/flux-system/flux-system', ['failure']);
      await until(
        'drift to be corrected',
        async () => (await configMapNames()).includes('configmap/cm-0'),
        PATIENCE_MS,
      );
      const during = await configMapNames();
      const { stdout: replicas } = await cluster.kubectl(['get', 'deployment/web', '-o', 'jsonpath={.spec.replicas}']);
      const mended = await push({ 'clusters/prod/broken.yaml': '# mended\n' });
      const root = await awaitStatus(mended, 'tidegate/prod/flux-system/flux-system', ['success']);
      next.kill('SIGTERM');

      for (const status of [said, again]) {
        expect(status?.description).toMatch(/^BuildFailed: clusters\/prod\/broken\.yaml:3:/u);
      }
      expect(replicas).toBe('1');
      expect(during).toEqual([...before, 'configmap/cm-0'].sort());
      expect(root?.state).toBe('success');
      expect(await next.exit).toBe(0);
    },
  );
});
