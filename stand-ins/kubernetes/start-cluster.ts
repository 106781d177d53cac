import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { makeTemporaryFolder } from '#stand-ins/build/make-temporary-folder.ts';

import { type ClusterBinaries, ensureClusterBinaries } from './build-binaries.ts';
import { type ApiServerConnection, connectToApiServer } from './connect-to-api-server.ts';
import {
  type ClusterComponent,
  type ClusterFiles,
  type ClusterPorts,
  describeComponent,
  layOutClusterFiles,
} from './describe-control-plane.ts';
import { type AuditEntry, readAuditLog } from './read-audit-log.ts';
import { reservePorts } from './reserve-ports.ts';
import { type KubectlOptions, type KubectlResult, runKubectl } from './run-kubectl.ts';
import { startSupervisor, type SupervisedProcess, type Supervisor } from './start-supervisor.ts';
import { createClusterUsers, writeClusterFiles } from './write-cluster-files.ts';
import { type ClusterUser, writeKubeconfig } from './write-kubeconfig.ts';
import { type TokenWebhook, writeTokenWebhookConfig } from './write-token-webhook-config.ts';

/** How a stand-in cluster is started. */
export interface StartClusterOptions {
  readonly contextName?: string;
  /** How many nodes kwok plays. */
  readonly nodes?: number;
  /** Where the kubeconfig of the administrator is written in addition to the cluster's own folder. */
  readonly kubeconfigPath?: string;
  readonly progress?: (line: string) => void;
  /** Whom the API server asks about tokens that it does not know; each time anew. */
  readonly tokenWebhook?: TokenWebhook;
  /** How long one step of the start may take. */
  readonly timeoutMs?: number;
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

const components: readonly ClusterComponent[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
];

async function readLogTail(files: ClusterFiles, component: ClusterComponent): Promise<string> {
  const log = await readFile(join(files.logs, `${component}.log`), 'utf8').catch(() => '');
  return log.trim().split('\n').slice(-8).join('\n');
}

function startComponents(
  binaries: ClusterBinaries,
  files: ClusterFiles,
  ports: ClusterPorts,
  supervisor: Supervisor,
  apiServerArguments: readonly string[],
): (component: ClusterComponent) => Promise<SupervisedProcess> {
  const env = { HOME: files.folder, PATH: '/usr/bin:/bin', KWOK_WORKDIR: files.folder };
  return (component) =>
    supervisor.start({
      name: component,
      command: component === 'kwok' ? binaries.kwok : binaries.controlPlane,
      args: [
        ...(component === 'kwok' ? [] : [component]),
        ...describeComponent(component, files, ports),
        ...(component === 'kube-apiserver' ? apiServerArguments : []),
      ],
      env,
      logFile: join(files.logs, `${component}.log`),
    });
}

async function createNodes(api: ApiServerConnection, nodes: number): Promise<void> {
  for (let node = 1; node <= nodes; node += 1) {
    const name = `node-${node}`;
    const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
    const created = await api.call('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
    });
    if (created.status !== 201) throw new Error(`node ${name} could not be created: ${JSON.stringify(created.body)}`);
  }
}

const nodeList = z.object({
  items: z.array(
    z.object({
      spec: z.object({ taints: z.array(z.object({ effect: z.string() })).default([]) }).prefault({}),
      status: z
        .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
        .prefault({}),
    }),
  ),
});

async function canRunPods(api: ApiServerConnection, nodes: number): Promise<boolean> {
  const account = await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
  const { items } = nodeList.parse((await api.call('GET', '/api/v1/nodes')).body);
  const usable = items.filter(
    ({ spec, status }) =>
      spec.taints.length === 0 && status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  return account.status === 200 && usable.length === nodes;
}

/** Starts a Kubernetes control plane with played nodes and waits until it can run workloads. */
export async function startCluster(options: StartClusterOptions = {}): Promise<RunningCluster> {
  const { contextName = 'tidegate-demo', nodes = 2, progress = () => {}, timeoutMs = 60_000 } = options;
  const binaries = await ensureClusterBinaries({ progress });
  const startedAt = Date.now();

  const { path: folder, keep: leaveFolder } = await makeTemporaryFolder('tidegate-cluster-');
  const files = layOutClusterFiles(folder);
  const reservation = await reservePorts(3);
  const [etcd = 0, etcdPeer = 0, apiServer = 0] = reservation.ports;
  const server = `https://127.0.0.1:${apiServer}`;
  const users = createClusterUsers();
  // From here on it is the supervisor that removes them, after what writes there.
  const supervisor = startSupervisor([folder, ...reservation.claims]);
  leaveFolder();
  const apiServerArguments =
    options.tokenWebhook === undefined ? [] : await writeTokenWebhookConfig(folder, options.tokenWebhook);
  const start = startComponents(binaries, files, { etcd, etcdPeer, apiServer }, supervisor, apiServerArguments);
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
    const giveUpAt = Date.now() + timeoutMs;
    for (;;) {
      if (await isTrue().catch(() => false)) return;
      for (const [component, process] of running) {
        const reason = process.exitReason();
        if (reason === undefined) continue;
        const log = await readLogTail(files, component);
        throw new Error(`${component} ended with ${reason} while the stand-in cluster waited for ${what}:\n${log}`);
      }
      if (Date.now() > giveUpAt) {
        const log = await readLogTail(files, 'kube-apiserver');
        throw new Error(
          `the stand-in cluster waited ${timeoutMs / 1000} s in vain for ${what}; its API server says:\n${log}`,
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

    const api = connectToApiServer(server, certificateAuthority, users.admin.token);
    closers.unshift(() => api.close());
    const isServing = async () => (await api.call('GET', '/readyz')).status === 200;

    await waitUntil('the API server', isServing);
    await Promise.all([launch('kube-controller-manager'), launch('kube-scheduler'), launch('kwok')]);
    await createNodes(api, nodes);
    await waitUntil('its nodes and the default service account', () => canRunPods(api, nodes));

    const processOf = (component: ClusterComponent) => {
      const found = running.get(component);
      if (found === undefined) {
        throw new Error(`${component} is not part of the stand-in cluster: ${components.join(', ')}`);
      }
      return found;
    };
    const killApiServer = async () => {
      const apiServer = processOf('kube-apiserver');
      if (apiServer.exitReason() === undefined) process.kill(apiServer.pid, 'SIGKILL');
      await apiServer.exited;
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
      kubectl: (args, kubectlOptions) =>
        runKubectl({ kubectlPath: binaries.kubectl, kubeconfigPath, folder }, args, kubectlOptions),
      readAuditLog: () => readAuditLog(files.auditLog),
      pids: () => [supervisor.pid, ...[...running.values()].map(({ pid }) => pid)],
      pause: (component) => void process.kill(processOf(component).pid, 'SIGSTOP'),
      resume: (component) => void process.kill(processOf(component).pid, 'SIGCONT'),
      killApiServer,
      restartApiServer: async () => {
        await killApiServer();
        await launch('kube-apiserver');
        await waitUntil('its API server to come back', isServing);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
