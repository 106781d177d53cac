import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type ClusterBinaries, ensureClusterBinaries } from './build-binaries.ts';
import {
  auditPolicy,
  type ClusterComponent,
  type ClusterFiles,
  type ClusterPorts,
  describeComponent,
  layOutClusterFiles,
} from './describe-control-plane.ts';
import { type AuditEntry, readAuditLog } from './read-audit-log.ts';
import { reservePorts } from './reserve-ports.ts';
import { startSupervisor, type SupervisedProcess, type Supervisor } from './start-supervisor.ts';
import { type ClusterUser, writeKubeconfig } from './write-kubeconfig.ts';

/** How a stand-in cluster is started. */
export interface StartClusterOptions {
  readonly contextName?: string;
  /** How many nodes kwok plays. */
  readonly nodes?: number;
  /** Where the kubeconfig of the administrator is written in addition to the cluster's own folder. */
  readonly kubeconfigPath?: string;
  readonly progress?: (line: string) => void;
  /** How long the cluster may take until it is ready. */
  readonly timeoutMs?: number;
}

/** What a run of kubectl said. */
export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** How one run of kubectl differs from the usual. */
export interface KubectlOptions {
  /** What kubectl reads from its standard input, for `-f -`. */
  readonly input?: string;
  /** Another kubeconfig than the administrator's, such as one that leads through a proxy. */
  readonly kubeconfigPath?: string;
  /** Resolves whatever the exit code is, instead of failing on one that is not 0. */
  readonly allowFailure?: boolean;
}

/** A Kubernetes control plane that runs on this machine until it is stopped. */
export interface RunningCluster {
  readonly contextName: string;
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  /** PEM; what the API server shows its clients, for a proxy that stands in front of it. */
  readonly servingCertificate: { readonly certificate: string; readonly key: string };
  /** A member of system:masters. */
  readonly admin: ClusterUser;
  /** Authenticated, and allowed what RBAC allows it: nothing at first. */
  readonly plainUser: ClusterUser;
  readonly kubeconfigPath: string;
  readonly plainUserKubeconfigPath: string;
  readonly kubectlPath: string;
  readonly folder: string;
  /** How long it took until the cluster was ready. */
  readonly readyAfterMs: number;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  readAuditLog(): Promise<readonly AuditEntry[]>;
  /** The process ids of the components and of their supervisor. */
  pids(): readonly number[];
  pause(component: ClusterComponent): void;
  resume(component: ClusterComponent): void;
  /** Ends the API server with SIGKILL and leaves its port to nobody. */
  killApiServer(): Promise<void>;
  /** Ends the API server with SIGKILL if it runs, starts it on the same data and waits until it is ready. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

interface ClusterUsers {
  readonly admin: ClusterUser;
  readonly plainUser: ClusterUser;
  readonly controllers: readonly ClusterUser[];
}

interface Deadline {
  readonly at: number;
  readonly description: string;
}

const components: readonly ClusterComponent[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
];

function createUser(name: string): ClusterUser {
  return { name, token: randomBytes(24).toString('hex') };
}

function createUsers(): ClusterUsers {
  return {
    admin: createUser('tidegate-admin'),
    plainUser: createUser('plain-user'),
    controllers: ['system:kube-controller-manager', 'system:kube-scheduler', 'system:kwok'].map(createUser),
  };
}

async function writeClusterFiles(files: ClusterFiles, users: ClusterUsers): Promise<void> {
  for (const folder of [files.etcdData, files.certificates, files.logs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.serviceAccountPublicKey, publicKey.export({ type: 'spki', format: 'pem' }));
  const line = (user: ClusterUser, group: string) => `${user.token},${user.name},${user.name},"${group}"`;
  const tokens = [
    ...[users.admin, ...users.controllers].map((user) => line(user, 'system:masters')),
    line(users.plainUser, 'plain-users'),
  ];
  await writeFile(files.tokens, `${tokens.join('\n')}\n`, { mode: 0o600 });
  await writeFile(files.auditPolicy, auditPolicy);
}

async function readLogTail(files: ClusterFiles, component: ClusterComponent): Promise<string> {
  const log = await readFile(join(files.logs, `${component}.log`), 'utf8').catch(() => '');
  return log.trim().split('\n').slice(-8).join('\n');
}

function startComponents(
  binaries: ClusterBinaries,
  files: ClusterFiles,
  ports: ClusterPorts,
  supervisor: Supervisor,
): (component: ClusterComponent) => Promise<SupervisedProcess> {
  const env = { HOME: files.folder, PATH: '/usr/bin:/bin', KWOK_WORKDIR: files.folder };
  return (component) =>
    supervisor.start({
      name: component,
      command: component === 'kwok' ? binaries.kwok : binaries.controlPlane,
      args: [...(component === 'kwok' ? [] : [component]), ...describeComponent(component, files, ports)],
      env,
      logFile: join(files.logs, `${component}.log`),
    });
}

function createKubectl(
  binaries: ClusterBinaries,
  files: ClusterFiles,
  adminKubeconfig: string,
): RunningCluster['kubectl'] {
  return (args, options = {}) =>
    new Promise((resolve, reject) => {
      const env = {
        PATH: '/usr/bin:/bin',
        HOME: files.folder,
        KUBECONFIG: options.kubeconfigPath ?? adminKubeconfig,
        KUBECACHEDIR: join(files.folder, 'kubectl-cache'),
      };
      const child = execFile(
        binaries.kubectl,
        [...args],
        { env, cwd: files.folder, maxBuffer: 256 * 1024 * 1024 },
        (error, stdout, stderr) => {
          const code = child.exitCode ?? 1;
          if (error !== null && options.allowFailure !== true) {
            reject(new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim() || error.message}`, { cause: error }));
          } else {
            resolve({ stdout, stderr, code });
          }
        },
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input ?? '');
    });
}

/** Starts a Kubernetes control plane with played nodes and waits until it can run workloads. */
export async function startCluster(options: StartClusterOptions = {}): Promise<RunningCluster> {
  const { contextName = 'tidegate-demo', nodes = 2, progress = () => {}, timeoutMs = 60_000 } = options;
  const binaries = await ensureClusterBinaries({ progress });
  const startedAt = Date.now();
  const deadline: Deadline = { at: startedAt + timeoutMs, description: `${timeoutMs / 1000} s` };

  const folder = await mkdtemp(join(tmpdir(), 'tidegate-cluster-'));
  const files = layOutClusterFiles(folder);
  const reservation = await reservePorts(3);
  const [etcd = 0, etcdPeer = 0, apiServer = 0] = reservation.ports;
  const server = `https://127.0.0.1:${apiServer}`;
  const users = createUsers();
  const supervisor = startSupervisor([folder, ...reservation.claims]);
  const start = startComponents(binaries, files, { etcd, etcdPeer, apiServer }, supervisor);
  const running = new Map<ClusterComponent, SupervisedProcess>();
  const closers: (() => Promise<unknown>)[] = [() => supervisor.stop()];
  let stopping: Promise<void> | undefined;

  function stop(): Promise<void> {
    stopping ??= (async () => {
      for (const close of closers) await close();
    })();
    return stopping;
  }

  async function launch(component: ClusterComponent): Promise<void> {
    running.set(component, await start(component));
  }

  async function waitUntil(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    for (;;) {
      if (await isTrue().catch(() => false)) return;
      for (const [component, process] of running) {
        const reason = process.exitReason();
        if (reason === undefined) continue;
        const log = await readLogTail(files, component);
        throw new Error(`${component} ended with ${reason} while the stand-in cluster waited for ${what}:\n${log}`);
      }
      if (Date.now() > deadline.at) {
        const log = await readLogTail(files, 'kube-apiserver');
        throw new Error(
          `the stand-in cluster waited ${deadline.description} in vain for ${what}; its API server says:\n${log}`,
        );
      }
      await sleep(50);
    }
  }

  try {
    await writeClusterFiles(files, users);
    await launch('etcd');
    await launch('kube-apiserver');
    await waitUntil('the certificate of the API server', async () => (await readFile(files.certificateKey)).length > 0);
    const certificateAuthority = await readFile(files.certificate, 'utf8');
    const servingCertificate = { certificate: certificateAuthority, key: await readFile(files.certificateKey, 'utf8') };

    const everyone = [users.admin, users.plainUser, ...users.controllers];
    for (const user of everyone) {
      await writeKubeconfig(files.kubeconfigOf(user.name), { contextName, server, certificateAuthority, user });
    }
    const kubeconfigPath = options.kubeconfigPath ?? files.kubeconfigOf(users.admin.name);
    if (options.kubeconfigPath !== undefined) {
      await writeKubeconfig(kubeconfigPath, { contextName, server, certificateAuthority, user: users.admin });
    }

    const agent = new Agent({ connect: { ca: certificateAuthority } });
    closers.unshift(() => agent.destroy());
    const call = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
      const answer = await request(`${server}${path}`, {
        dispatcher: agent,
        method,
        headers: { authorization: `Bearer ${users.admin.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headersTimeout: 5_000,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    };
    const isServing = async () => (await call('GET', '/readyz')).status === 200;

    await waitUntil('the API server', isServing);
    await Promise.all([launch('kube-controller-manager'), launch('kube-scheduler'), launch('kwok')]);
    for (let node = 1; node <= nodes; node += 1) {
      const name = `node-${node}`;
      const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
      await call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    }
    await waitUntil('its nodes and the default service account', async () => {
      const account = await call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
      const ready = (await call('GET', '/api/v1/nodes')).text.match(/"type":"Ready","status":"True"/g) ?? [];
      const usable = !(await call('GET', '/api/v1/nodes')).text.includes('"effect":"NoSchedule"');
      return account.status === 200 && ready.length === nodes && usable;
    });

    const processOf = (component: ClusterComponent) => {
      const process = running.get(component);
      if (process === undefined)
        throw new Error(`${component} is not part of the stand-in cluster: ${components.join(', ')}`);
      return process;
    };
    const killApiServer = async () => {
      const process_ = processOf('kube-apiserver');
      if (process_.exitReason() === undefined) process.kill(process_.pid, 'SIGKILL');
      await process_.exited;
    };

    return {
      contextName,
      server,
      certificateAuthority,
      servingCertificate,
      admin: users.admin,
      plainUser: users.plainUser,
      kubeconfigPath,
      plainUserKubeconfigPath: files.kubeconfigOf(users.plainUser.name),
      kubectlPath: binaries.kubectl,
      folder,
      readyAfterMs: Date.now() - startedAt,
      kubectl: createKubectl(binaries, files, kubeconfigPath),
      readAuditLog: () => readAuditLog(files.auditLog),
      pids: () => [supervisor.pid, ...[...running.values()].map(({ pid }) => pid)],
      pause: (component) => void process.kill(processOf(component).pid, 'SIGSTOP'),
      resume: (component) => void process.kill(processOf(component).pid, 'SIGCONT'),
      killApiServer,
      restartApiServer: async () => {
        await killApiServer();
        await launch('kube-apiserver');
        await waitUntilServing(isServing, files);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function waitUntilServing(isServing: () => Promise<boolean>, files: ClusterFiles): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (!(await isServing().catch(() => false))) {
    if (Date.now() > giveUpAt) {
      throw new Error(`the API server did not come back within 60 s:\n${await readLogTail(files, 'kube-apiserver')}`);
    }
    await sleep(50);
  }
}
