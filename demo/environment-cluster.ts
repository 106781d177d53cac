import { execFile } from 'node:child_process';
import { dirname } from 'node:path';

import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { startApiServerProxy } from '#stand-ins/kubernetes/api-server-proxy.ts';
import type { AuditEntry } from '#stand-ins/kubernetes/read-audit-log.ts';
import { startCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import type { TokenWebhook } from '#stand-ins/kubernetes/write-token-webhook-config.ts';

import { type ClusterView, openClusterView } from './cluster-view.ts';

/** The cluster that the story plays on. */
export interface EnvironmentCluster {
  readonly contextName: string;
  /** Undefined for a person's own cluster: the one that kubectl would use. */
  readonly kubeconfigPath: string | undefined;
  /** The folder of kubectl, for a PATH. */
  readonly binFolder: string | undefined;
  /** Where it is and what signs for it, for whoever brings a token; undefined for a person's own cluster. */
  readonly api: { readonly server: string; readonly certificateAuthority: string } | undefined;
  readonly readyAfterMs: number | undefined;
  readonly view: ClusterView;
  /** What a person with kubectl does to it. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  pids(): readonly number[];
  /** What the API server was asked; nothing for a person's own cluster, whose log is not at hand. */
  readAuditLog(): Promise<readonly AuditEntry[]>;
  stop(): Promise<void>;
}

/** Starts a control plane on this machine; with a delay, every request of Tidegate reaches it later. */
export async function startOwnCluster(options: {
  readonly delayMs: number;
  readonly progress: (line: string) => void;
  readonly tokenWebhook?: TokenWebhook;
}): Promise<EnvironmentCluster> {
  const { delayMs, ...clusterOptions } = options;
  const cluster = await startCluster(clusterOptions);
  try {
    const proxy = delayMs > 0 ? await startApiServerProxy({ target: cluster, latencyMs: delayMs }) : undefined;
    const view = await openClusterView(kubeconfigConnection({ file: cluster.kubeconfigPath }));
    return {
      contextName: cluster.contextName,
      kubeconfigPath: proxy?.kubeconfigPath ?? cluster.kubeconfigPath,
      binFolder: dirname(cluster.kubectlPath),
      api: { server: proxy?.server ?? cluster.server, certificateAuthority: cluster.certificateAuthority },
      readyAfterMs: cluster.readyAfterMs,
      view,
      kubectl: async (args, input) => (await cluster.kubectl(args, input === undefined ? {} : { input })).stdout,
      pids: () => cluster.pids(),
      readAuditLog: () => cluster.readAuditLog(),
      stop: async () => {
        await view.close();
        await proxy?.stop();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Uses a cluster of the person's own, with the kubectl on PATH. */
export async function useOwnContext(context: string): Promise<EnvironmentCluster> {
  const view = await openClusterView(kubeconfigConnection({ context }));
  return {
    contextName: context,
    kubeconfigPath: undefined,
    binFolder: undefined,
    api: undefined,
    readyAfterMs: undefined,
    view,
    kubectl: (args, input) => runKubectl(['--context', context, ...args], input),
    pids: () => [],
    readAuditLog: async () => [],
    stop: () => view.close(),
  };
}

function runKubectl(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', [...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
