import { setTimeout as sleep } from 'node:timers/promises';

import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { applyCluster } from '#shared/engine/apply-cluster.ts';
import { DEFAULT_INSTALLATION } from '#shared/engine/inventory/apply-set-id.ts';
import { makeIdentity } from '#shared/engine/lease/installation.ts';
import type {
  ApplyOutcome,
  ApplyPorts,
  ApplyRequest,
  DesiredSet,
  SetOutcome,
  SetSettings,
} from '#shared/engine/model/apply-request.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';
import { startApiServerProxy, type ApiServerProxy } from '#stand-ins/kubernetes/api-server-proxy.ts';
import { startCluster, type RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';

export const clock = {
  now: () => Date.now(),
  sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

/** A cluster, the proxy that counts in front of it, and a client that goes through the proxy. */
export interface ApplyFixture {
  readonly cluster: RunningCluster;
  readonly proxy: ApiServerProxy;
  readonly api: KubernetesApi;
  stop(): Promise<void>;
}

export async function startApplyFixture(): Promise<ApplyFixture> {
  const cluster = await startCluster({ contextName: 'apply-test' });
  const proxy = await startApiServerProxy({ target: cluster });
  const api = kubernetesHttpApi(kubeconfigConnection({ file: proxy.kubeconfigPath }), { version: 'test' });
  await cluster.kubectl(['create', 'namespace', 'tidegate-system']);
  return {
    cluster,
    proxy,
    api,
    async stop() {
      await api.close();
      await proxy.stop();
      await cluster.stop();
    },
  };
}

/** One cluster of the settings, with records in memory: what a caller of the engine would keep between runs. */
export interface Installation {
  apply(
    sets: readonly DesiredSet[],
    request?: Partial<ApplyRequest>,
    ports?: Partial<ApplyPorts>,
  ): Promise<ApplyOutcome>;
  loseRecords(): void;
}

/** Each has a place of its own, so that several on one API server leave each other's sets alone. */
export function installationFor(cluster: string): ApplyRequest['installation'] {
  const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: `./clusters/${cluster}` };
  return { name: DEFAULT_INSTALLATION, identity: makeIdentity(place), place, adopted: [] };
}

export function install(api: KubernetesApi, cluster: string): Installation {
  let blob: Uint8Array | undefined;
  return {
    apply: (sets, request = {}, ports = {}) =>
      applyCluster(
        {
          cluster,
          installation: installationFor(cluster),
          sets,
          doubts: [],
          pruneGuard: { maxObjects: 5, maxPercent: 20 },
          approvals: [],
          deadline: Date.now() + 60_000,
          awaitHealthUntil: Date.now() + 30_000,
          ...request,
        },
        {
          api,
          clock,
          holdsLease: () => true,
          isSuperseded: async () => false,
          records: {
            load: async () => blob,
            save: async (_cluster, bytes) => {
              blob = bytes;
            },
          },
          ...ports,
        },
      ),
    loseRecords() {
      blob = undefined;
    },
  };
}

export function rendered(
  name: string,
  objects: readonly KubernetesObject[],
  settings: Partial<SetSettings> = {},
): DesiredSet {
  return {
    id: { namespace: 'flux-system', name },
    revision: 'main@sha1:1111111111111111111111111111111111111111',
    settings: {
      prune: true,
      force: false,
      wait: false,
      timeoutMs: 30_000,
      healthChecks: [],
      deletionPolicy: 'MirrorPrune',
      dependsOn: [],
      ...settings,
    },
    render: { kind: 'rendered', objects },
    children: [],
  };
}

export function namespace(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function configMap(
  namespace: string,
  name: string,
  data: Readonly<Record<string, string>> = { key: 'value' },
  annotations: Readonly<Record<string, string>> = {},
): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, annotations }, data };
}

export function deployment(namespace: string, name: string, image = 'app:1', replicas = 2): KubernetesObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } },
    },
  };
}

export function service(namespace: string, name: string): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
}

/** The outcome of one Kustomization. */
export function outcomeOf(outcome: ApplyOutcome, name: string): SetOutcome {
  const found = outcome.sets.find((set) => set.id.name === name);
  if (found === undefined) throw new Error(`no outcome for ${name} in ${JSON.stringify(outcome)}`);
  return found;
}

/** `created ConfigMap/ns/name`, `configured! …` for drift: what one reads in a change set. */
export function changesOf(set: SetOutcome): readonly string[] {
  return set.changes
    .map(
      ({ action, drift, id }) =>
        `${action}${drift ? '!' : ''} ${id.kind}/${id.namespace === '' ? '' : `${id.namespace}/`}${id.name}`,
    )
    .sort();
}

/** A definition of `<plural>.example.com` that any object fits. */
export function definition(plural: string, kind: string): KubernetesObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind, plural },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
}
