import { z } from 'zod';

import type { KubernetesConnection } from '#shared/adapters/kubernetes/kubernetes-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import type { LiveObject } from '#shared/kubernetes/live-object.ts';

import { notYet, sighted, type Sighting } from './wait-for.ts';

/** The kinds that the story looks at. */
export type WatchedKind = 'Namespace' | 'Deployment' | 'Service' | 'ConfigMap';

/** What the audience sees of the cluster: live objects, never what Tidegate says of them. */
export interface ClusterView {
  get(kind: WatchedKind, namespace: string, name: string): Promise<LiveObject | undefined>;
  /** Whether a Deployment runs an image with this tag and nothing else, with every replica available. */
  isReady(namespace: string, name: string, tag: string): Promise<Sighting<LiveObject>>;
  /** `Kind/namespace/name ► uid` of everything watched in some namespaces, the namespaces included. */
  listUids(namespaces: readonly string[]): Promise<ReadonlyMap<string, string>>;
  readonly serverVersion: string;
  close(): Promise<void>;
}

const DeploymentFacts = z.object({
  metadata: z.object({ generation: z.number() }),
  spec: z.object({
    replicas: z.number(),
    template: z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) }),
  }),
  status: z.object({
    observedGeneration: z.number().default(0),
    replicas: z.number().default(0),
    updatedReplicas: z.number().default(0),
    availableReplicas: z.number().default(0),
  }),
});

const watched: readonly WatchedKind[] = ['Namespace', 'Deployment', 'Service', 'ConfigMap'];

/** Opens the eyes on a cluster. */
export async function openClusterView(connection: KubernetesConnection): Promise<ClusterView> {
  const api = kubernetesHttpApi(connection, { version: 'demo' });
  const { resources, serverVersion } = await api.discover();
  const byKind = new Map(watched.map((kind) => [kind, findResource(resources, kind)]));

  function resourceOf(kind: WatchedKind): ApiResource {
    return byKind.get(kind) ?? findResource(resources, kind);
  }

  const get: ClusterView['get'] = (kind, namespace, name) => api.get({ resource: resourceOf(kind), namespace, name });

  return {
    serverVersion,
    get,
    isReady: async (namespace, name, tag) => {
      const live = await get('Deployment', namespace, name);
      return live === undefined ? notYet(`no Deployment ${namespace}/${name}`) : judgeDeployment(live, tag);
    },
    listUids: async (namespaces) => {
      const uids = new Map<string, string>();
      for (const kind of watched) {
        for (const item of await api.listMetadata({ resource: resourceOf(kind) })) {
          const namespace = kind === 'Namespace' ? item.name : (item.namespace ?? '');
          if (namespaces.includes(namespace)) uids.set(`${kind}/${namespace}/${item.name}`, item.uid);
        }
      }
      return uids;
    },
    close: () => api.close(),
  };
}

function findResource(resources: readonly ApiResource[], kind: WatchedKind): ApiResource {
  const group = kind === 'Deployment' ? 'apps' : '';
  const found = resources.find((resource) => resource.kind === kind && resource.group === group);
  if (found === undefined) throw new Error(`the cluster serves no ${kind}`);
  return found;
}

function judgeDeployment(live: LiveObject, tag: string): Sighting<LiveObject> {
  const { metadata, spec, status } = DeploymentFacts.parse(live);
  const images = spec.template.spec.containers.map(({ image }) => image);
  const isCurrent =
    status.observedGeneration >= metadata.generation && images.every((image) => image.endsWith(`:${tag}`));
  const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
  if (isCurrent && counts.every((count) => count === spec.replicas)) return sighted(live);
  const numbers = `${status.availableReplicas} of ${spec.replicas} replicas available, ${status.updatedReplicas} updated`;
  return notYet(`Deployment ${live.metadata.namespace}/${live.metadata.name} with ${images.join(', ')}: ${numbers}`);
}
