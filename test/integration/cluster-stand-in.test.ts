import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { cacheFolder } from '#stand-ins/build/build-go-module.ts';
import { withBuildLock } from '#stand-ins/build/with-build-lock.ts';
import { type ApiServerProxy, startApiServerProxy } from '#stand-ins/kubernetes/api-server-proxy.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import { isAlive } from '#stand-ins/kubernetes/is-alive.ts';
import { reservePorts } from '#stand-ins/kubernetes/reserve-ports.ts';
import { type RunningCluster, startCluster } from '#stand-ins/kubernetes/start-cluster.ts';

const run = promisify(execFile);

let cluster: RunningCluster;

beforeAll(async () => {
  cluster = await startCluster({ contextName: 'stand-in-test' });
  process.stdout.write(`the stand-in cluster was ready after ${cluster.readyAfterMs} ms\n`);
});

afterAll(() => cluster?.stop());

async function waitUntil(isTrue: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const giveUpAt = Date.now() + ms;
  while (Date.now() < giveUpAt) {
    if (await isTrue()) return true;
    await sleep(50);
  }
  return isTrue();
}

async function runDeployment(on: RunningCluster, namespace: string, replicas = 3): Promise<void> {
  await on.kubectl(['create', 'namespace', namespace]);
  await on.kubectl(['-n', namespace, 'create', 'deployment', 'web', '--image=web:1', `--replicas=${replicas}`]);
  await on.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=30s']);
}

describe('the stand-in cluster', () => {
  it('makes a Deployment available', async () => {
    await runDeployment(cluster, 'deploys');
    const { stdout } = await cluster.kubectl([
      '-n',
      'deploys',
      'get',
      'deploy',
      'web',
      '-o',
      'jsonpath={.status.availableReplicas}',
    ]);
    expect(stdout).toBe('3');
  });

  it('replaces the pods of a Deployment whose image changes', async () => {
    await runDeployment(cluster, 'rolls-out');
    await cluster.kubectl(['-n', 'rolls-out', 'set', 'image', 'deployment/web', 'web=web:2']);
    await cluster.kubectl(['-n', 'rolls-out', 'rollout', 'status', 'deployment/web', '--timeout=30s']);
    const images = async () =>
      (await cluster.kubectl(['-n', 'rolls-out', 'get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[0].image}']))
        .stdout;
    expect(await waitUntil(async () => (await images()) === 'web:2 web:2 web:2', 20_000)).toBe(true);
  });

  it('completes a Job', async () => {
    await cluster.kubectl(['create', 'job', 'once', '--image=work:1']);
    await cluster.kubectl(['wait', 'job/once', '--for=condition=Complete', '--timeout=30s']);
    const { stdout } = await cluster.kubectl(['get', 'job', 'once', '-o', 'jsonpath={.status.succeeded}']);
    expect(stdout).toBe('1');
  });

  it('keeps a pod that shall never be ready from becoming ready', async () => {
    const metadata = { name: 'stuck', annotations: { 'local.tidegate.dev/never-ready': 'true' } };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c', image: 'web:1' }] } };
    await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) });
    await cluster.kubectl(['run', 'sibling', '--image=web:1']);
    await cluster.kubectl(['wait', 'pod/sibling', '--for=condition=Ready', '--timeout=30s']);
    const { stdout } = await cluster.kubectl(['get', 'pod', 'stuck', '-o', 'jsonpath={.status.phase}']);
    expect(stdout).toBe('Pending');
  });

  it('deletes a namespace with everything in it', async () => {
    await runDeployment(cluster, 'goes-away');
    await cluster.kubectl(['delete', 'namespace', 'goes-away', '--timeout=50s']);
    const left = await cluster.kubectl(['get', 'namespace', 'goes-away'], { allowFailure: true });
    expect(left.stderr).toContain('NotFound');
    expect(
      (await cluster.kubectl(['get', 'pods', '-A', '-o', 'name', '--field-selector=metadata.namespace=goes-away']))
        .stdout,
    ).toBe('');
  });

  it('asks RBAC what a plain user may do', async () => {
    const asPlainUser = { kubeconfigPath: cluster.plainUserKubeconfigPath, allowFailure: true };
    const refused = await cluster.kubectl(['get', 'configmaps'], asPlainUser);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('User "plain-user" cannot list resource "configmaps"'),
    });
    await cluster.kubectl(['create', 'role', 'reader', '--verb=list', '--resource=configmaps']);
    await cluster.kubectl(['create', 'rolebinding', 'reader', '--role=reader', '--user=plain-user']);
    expect(
      await waitUntil(async () => (await cluster.kubectl(['get', 'configmaps'], asPlainUser)).code === 0, 5_000),
    ).toBe(true);
  });

  it('writes down who wrote what with which tool', async () => {
    await cluster.kubectl(['create', 'configmap', 'audited']);
    const entry = (await cluster.readAuditLog()).find(({ name, verb }) => name === 'audited' && verb === 'create');
    expect(entry).toMatchObject({
      resource: 'configmaps',
      namespace: 'default',
      user: 'tidegate-admin',
      userAgent: expect.stringMatching(/^kubectl\/v1\.36\.1 /),
      code: 201,
    });
  });

  it('keeps its objects when the API server is killed and started again', async () => {
    await cluster.kubectl(['create', 'configmap', 'survivor']);
    await cluster.killApiServer();
    const refused = await cluster.kubectl(['get', 'configmap', 'survivor'], { allowFailure: true });
    expect(refused.stderr).toContain('refused');
    await cluster.restartApiServer();
    expect((await cluster.kubectl(['get', 'configmap', 'survivor', '-o', 'name'])).stdout).toBe('configmap/survivor\n');
  });

  it('stands still while a component is paused', async () => {
    cluster.pause('kube-controller-manager');
    try {
      await cluster.kubectl(['create', 'deployment', 'unnoticed', '--image=web:1']);
      await sleep(1_000);
      expect((await cluster.kubectl(['get', 'replicasets', '-l', 'app=unnoticed', '-o', 'name'])).stdout).toBe('');
    } finally {
      cluster.resume('kube-controller-manager');
    }
    await cluster.kubectl(['rollout', 'status', 'deployment/unnoticed', '--timeout=30s']);
  });

  it('runs beside another that knows nothing of it', async () => {
    const [one, other] = await Promise.all([startCluster({ nodes: 1 }), startCluster({ nodes: 3 })]);
    try {
      await one.kubectl(['create', 'namespace', 'only-here']);
      expect((await other.kubectl(['get', 'namespaces', '-o', 'name'])).stdout).not.toContain('only-here');
      expect((await other.kubectl(['get', 'nodes', '-o', 'name'])).stdout.trim().split('\n')).toHaveLength(3);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
    expect([...one.pids(), ...other.pids()].filter(isAlive)).toEqual([]);
    expect([one.folder, other.folder].filter(existsSync)).toEqual([]);
  });

  it('leaves no process and no folder when its owner is killed', async () => {
    const program = `
      const { startCluster } = await import('#stand-ins/kubernetes/start-cluster.ts');
      const cluster = await startCluster({ nodes: 1 });
      console.log(JSON.stringify({ pids: cluster.pids(), folder: cluster.folder }));
      setInterval(() => {}, 1_000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: owner.stdout }), 'line');
    const { pids, folder } = z
      .object({ pids: z.array(z.number()), folder: z.string() })
      .parse(JSON.parse(String(line)));
    expect(pids).toHaveLength(6);
    expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
    owner.kill('SIGKILL');
    await waitUntil(() => !pids.some(isAlive), 5_000);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    const claims = process.env['TIDEGATE_PORTS'] ?? join(tmpdir(), 'tidegate-ports');
    const claimants = await Promise.all(
      (await readdir(claims)).map((port) => readFile(join(claims, port), 'utf8').catch(() => '')),
    );
    expect(claimants).not.toContain(String(owner.pid));
  });
});

describe('the proxy in front of the API server', () => {
  let proxy: ApiServerProxy;
  let agent: Agent;

  beforeEach(async () => {
    proxy = await startApiServerProxy({ target: cluster });
    agent = new Agent({ connect: { ca: cluster.certificateAuthority } });
  });

  afterEach(async () => {
    await agent.destroy();
    await proxy.stop();
  });

  async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) {
    const answer = await request(`${proxy.server}${path}`, {
      dispatcher: agent,
      method,
      headers: { authorization: `Bearer ${cluster.admin.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  }

  const configMaps = '/api/v1/namespaces/default/configmaps';
  const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  const exists = async (name: string) =>
    (await cluster.kubectl(['get', 'configmap', name, '-o', 'name'], { allowFailure: true })).code === 0;

  it('serves kubectl through its own kubeconfig and counts what kubectl does', async () => {
    const through = { kubeconfigPath: proxy.kubeconfigPath };
    const input = JSON.stringify(configMap('counted'));
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], { ...through, input });
    await cluster.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], { ...through, input });
    await cluster.kubectl(['delete', 'configmap', 'counted'], through);
    expect(proxy.count({ verb: 'APPLY', resource: 'configmaps', dryRun: false })).toBe(1);
    expect(proxy.count({ verb: 'APPLY', resource: 'configmaps', dryRun: true })).toBe(1);
    expect(proxy.count({ verb: 'DELETE', name: 'counted' })).toBe(1);
    expect(proxy.counts()).toContainEqual({
      verb: 'APPLY',
      dryRun: false,
      template: '/api/v1/namespaces/{namespace}/configmaps/{name}',
      count: 1,
    });
    proxy.resetCounters();
    expect(proxy.count()).toBe(0);
  });

  it('passes a watch on as it comes', async () => {
    const path = `${configMaps}?watch=true&fieldSelector=metadata.name%3Dwatched`;
    const watch = await request(`${proxy.server}${path}`, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${cluster.admin.token}` },
    });
    await cluster.kubectl(['create', 'configmap', 'watched']);
    let first = '';
    for await (const chunk of watch.body) {
      first += String(chunk);
      if (first.includes('\n')) break;
    }
    expect(JSON.parse(first)).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'watched' } } });
    expect(proxy.count({ verb: 'WATCH' })).toBe(1);
  });

  it('answers the nth matching request with the status it was told, and only that one', async () => {
    proxy.addFault({
      match: { verb: 'LIST', resource: 'configmaps' },
      nth: 2,
      fault: { kind: 'status', status: 429, retryAfterSeconds: 7 },
    });
    const answers = [await call('GET', configMaps), await call('GET', configMaps), await call('GET', configMaps)];
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200]);
    expect(answers[1]?.headers['retry-after']).toBe('7');
    expect(JSON.parse(answers[1]?.text ?? '')).toMatchObject({ kind: 'Status', status: 'Failure', code: 429 });
  });

  it('resets a connection before the API server hears of the request', async () => {
    proxy.addFault({ match: { verb: 'CREATE' }, fault: { kind: 'reset' } });
    await expect(call('POST', configMaps, configMap('never-made'))).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await exists('never-made')).toBe(false);
  });

  it('loses an answer after the change was made', async () => {
    proxy.addFault({ match: { verb: 'CREATE' }, fault: { kind: 'lostAnswer' } });
    await expect(call('POST', configMaps, configMap('made-unheard'))).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await exists('made-unheard')).toBe(true);
  });

  it('cuts an answer short', async () => {
    proxy.addFault({ match: { verb: 'LIST' }, fault: { kind: 'truncate', bytes: 40 } });
    await expect(call('GET', configMaps)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    proxy.clearFaults();
    expect((await call('GET', configMaps)).status).toBe(200);
  });

  it('delays one request by a fault and every request by its latency', async () => {
    const took = async () => {
      const started = performance.now();
      await call('GET', '/version');
      return performance.now() - started;
    };
    const slow = proxy.addFault({
      match: ({ template }) => template === '/version',
      fault: { kind: 'delay', ms: 300 },
    });
    expect(await took()).toBeGreaterThanOrEqual(295);
    slow.remove();
    proxy.setLatency(200);
    expect(await took()).toBeGreaterThanOrEqual(195);
  });

  it('never answers a request that hangs, and lets go of it when it stops', async () => {
    proxy.addFault({ match: { verb: 'LIST' }, fault: { kind: 'hang' } });
    const outcome = call('GET', configMaps).then(
      () => 'answered',
      () => 'broken',
    );
    expect(await Promise.race([outcome, sleep(500, 'waiting')])).toBe('waiting');
    expect((await call('GET', '/version')).status).toBe(200);
    await proxy.stop();
    expect(await outcome).toBe('broken');
    proxy = await startApiServerProxy({ target: cluster });
  });

  it('tells before a request is forwarded and after it was answered', async () => {
    const seen: string[] = [];
    const telling = await startApiServerProxy({
      target: cluster,
      onRequest: async ({ index, name }) => void seen.push(`request ${index} ${name} exists=${await exists(name)}`),
      onAnswer: async ({ index, name }, status) =>
        void seen.push(`answer ${index} ${name} ${status} exists=${await exists(name)}`),
    });
    try {
      const input = JSON.stringify(configMap('told'));
      await request(`${telling.server}${configMaps}/told?fieldManager=test`, {
        dispatcher: agent,
        method: 'PATCH',
        headers: { authorization: `Bearer ${cluster.admin.token}`, 'content-type': 'application/apply-patch+yaml' },
        body: input,
      });
    } finally {
      await telling.stop();
    }
    expect(seen).toEqual(['request 1 told exists=false', 'answer 1 told 201 exists=true']);
  });

  it('breaks the connection when the API server is gone, and serves again when it is back', async () => {
    await cluster.killApiServer();
    await expect(call('GET', '/version')).rejects.toThrow(/socket|ECONNRESET|other side/);
    await cluster.restartApiServer();
    expect((await call('GET', '/version')).status).toBe(200);
  });
});

describe('the binaries of the stand-in cluster', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-binaries-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are found again without a build', async () => {
    const said: string[] = [];
    const { kubectl, kwok } = await ensureClusterBinaries({ progress: (line) => said.push(line) });
    expect(said).toEqual([]);
    expect((await run(kubectl, ['version', '--client'])).stdout).toContain('v1.36.1');
    expect(kwok.startsWith(cacheFolder())).toBe(true);
  });

  it('are refused in one line when Go is missing', async () => {
    const failure = ensureClusterBinaries({ env: { ...process.env, PATH: folder } });
    await expect(failure).rejects.toThrow(
      /^go is needed to build the stand-ins and was not found: install Go 1\.26 or newer .* and put it on PATH$/,
    );
  });

  it.each(['go1.21.3', 'go1.25.9', 'go0.99'])('are refused in one line when Go is %s', async (version) => {
    const go = join(folder, 'go');
    await writeFile(go, `#!/bin/sh\necho ${version}; echo linux; echo amd64\n`);
    await chmod(go, 0o755);
    const failure = ensureClusterBinaries({ env: { ...process.env, PATH: `${folder}:/usr/bin:/bin` } });
    await expect(failure).rejects.toThrow(
      new RegExp(`^go is version ${version.slice(2)}, too old to build the stand-ins: install Go 1\\.26 or newer .*$`),
    );
  });

  it('leave nothing half-built behind when the build fails', async () => {
    const go = join(folder, 'go');
    await writeFile(
      go,
      '#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.1; echo linux; echo amd64; exit; fi\necho no such module >&2; exit 1\n',
    );
    await chmod(go, 0o755);
    const env = { ...process.env, TIDEGATE_CACHE: join(folder, 'cache'), PATH: `${folder}:/usr/bin:/bin` };
    await expect(ensureClusterBinaries({ env })).rejects.toThrow(/failed with exit code 1:\nno such module$/);
    expect(await readdir(join(folder, 'cache', 'tidegate', 'cluster'))).toEqual([]);
  });

  it('are built by one process at a time, and a dead process does not hold the lock', async () => {
    const lock = { path: join(folder, 'lock'), waitingFor: 'the build', progress: () => {} };
    const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(dead, 'exit');
    await writeFile(lock.path, `${dead.pid}\n`);
    let inside = 0;
    const most: number[] = [];
    const work = async () => {
      inside += 1;
      most.push(inside);
      await sleep(50);
      inside -= 1;
    };
    await Promise.all([1, 2, 3, 4].map(() => withBuildLock(lock, work)));
    expect(most).toEqual([1, 1, 1, 1]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leave no lock and no compiler behind when their build is interrupted', async () => {
    const go = join(folder, 'go');
    const script = [
      '#!/bin/sh',
      'if [ "$1" = env ]; then echo go1.26.1; echo linux; echo amd64; exit; fi',
      `echo $$ > ${join(folder, 'compiler')}`,
      'exec sleep 60',
    ];
    await writeFile(go, `${script.join('\n')}\n`);
    await chmod(go, 0o755);
    const program = `
      const { ensureClusterBinaries } = await import('#stand-ins/kubernetes/build-binaries.ts');
      await ensureClusterBinaries();`;
    const builder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: 'inherit',
      env: { ...process.env, TIDEGATE_CACHE: folder, PATH: `${folder}:/usr/bin:/bin` },
    });
    const readCompiler = async () => Number((await readFile(join(folder, 'compiler'), 'utf8').catch(() => '')).trim());
    expect(await waitUntil(async () => (await readCompiler()) > 0, 10_000)).toBe(true);
    const compiler = await readCompiler();
    builder.kill('SIGTERM');
    const [code] = await once(builder, 'exit');
    expect(code).toBe(143);
    expect(await waitUntil(() => !isAlive(compiler), 2_000)).toBe(true);
    const left = await readdir(join(folder, 'tidegate', 'cluster'));
    expect(left.filter((name) => name.includes('.lock'))).toEqual([]);
  });

  it('say what they wait for while another process builds', async () => {
    const said: string[] = [];
    const lock = {
      path: join(folder, 'lock'),
      waitingFor: 'the build of kwok',
      progress: (line: string) => said.push(line),
    };
    await Promise.all([
      withBuildLock(lock, () => sleep(300)),
      sleep(50).then(() => withBuildLock(lock, async () => {})),
    ]);
    expect(said).toEqual([`waiting for the build of kwok by process ${process.pid}`]);
  });
});

describe('reserved ports', () => {
  it('are never given out twice until they are released', async () => {
    const reservations = await Promise.all(Array.from({ length: 20 }, () => reservePorts(3)));
    try {
      const ports = reservations.flatMap(({ ports }) => ports);
      expect(new Set(ports).size).toBe(60);
    } finally {
      await Promise.all(reservations.map((reservation) => reservation.release()));
    }
  });
});
