import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import { parseApiVersion } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveObject } from '#shared/kubernetes/live-object.ts';
import { FIELD_MANAGER } from '#shared/kubernetes/names.ts';
import { type Attribution, type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { apiPath } from './api-path.ts';
import type { KubernetesConnection } from './kubernetes-connection.ts';
import { KubernetesHttpClient } from './kubernetes-http-client.ts';
import { parseGroupDiscovery, parseListPage, parseLiveMetadata, parseLiveObject } from './parse-api-answer.ts';

const PAGE = '500';
const LIST_RESTARTS = 3;
const AGGREGATED_DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const VersionShape = z.looseObject({ gitVersion: z.string() });

/** A Kubernetes API server over HTTP; `close` ends its connections. */
export function kubernetesHttpApi(
  connection: KubernetesConnection,
  options: { readonly version: string },
): KubernetesApi & { close(): Promise<void> } {
  const client = new KubernetesHttpClient(connection);
  const ownAgent = `tidegate/${options.version}`;
  const userAgent = (attribution?: Attribution) => formatUserAgent(ownAgent, attribution);

  const listAll = async (
    request: { readonly resource: ApiResource; readonly namespace?: string; readonly labelSelector?: string },
    accept: string,
  ): Promise<readonly LiveObject[]> => {
    for (let restart = 0; ; restart++) {
      try {
        return await listPages(request, accept);
      } catch (error) {
        // 410: the server compacted the version that the pages came from. What was read cannot be completed.
        if (!(error instanceof KubernetesApiError) || error.status.code !== 410 || restart >= LIST_RESTARTS) {
          throw error;
        }
      }
    }
  };

  const listPages = async (
    request: { readonly resource: ApiResource; readonly namespace?: string; readonly labelSelector?: string },
    accept: string,
  ): Promise<readonly LiveObject[]> => {
    const items: LiveObject[] = [];
    for (let next: string | undefined; next !== '';) {
      const page = parseListPage(
        await client.send({
          method: 'GET',
          path: apiPath(request.resource, request.namespace),
          query: {
            limit: PAGE,
            ...defined({ continue: next, labelSelector: request.labelSelector }),
          },
          accept,
          userAgent: ownAgent,
        }),
        request.resource,
      );
      items.push(...page.items);
      next = page.next;
    }
    return items;
  };

  const readGroups = async (path: string) => {
    const body = await client.send({ method: 'GET', path, accept: AGGREGATED_DISCOVERY, userAgent: ownAgent });
    if (typeof body !== 'object' || body === null || !('kind' in body) || body.kind !== 'APIGroupDiscoveryList') {
      throw new TidegateError(
        'ApiServerUnsupported',
        `API server ${connection.server}: ${path} has no aggregated discovery; Kubernetes 1.30 or newer is needed`,
        { disposition: 'stall', subject: connection.server },
      );
    }
    return parseGroupDiscovery(body);
  };

  return {
    async discover(): Promise<Discovery> {
      const [version, core, groups] = await Promise.all([
        client.send({ method: 'GET', path: '/version', userAgent: ownAgent }),
        readGroups('/api'),
        readGroups('/apis'),
      ]);
      return {
        serverVersion: VersionShape.parse(version).gitVersion,
        resources: [...core.resources, ...groups.resources],
        incomplete: [...core.incomplete, ...groups.incomplete],
      };
    },
    async listMetadata(request) {
      return (await listAll(request, METADATA_LIST)).map((item) => item.metadata);
    },
    list: (request) => listAll(request, 'application/json'),
    get: ({ resource, namespace, name }) =>
      orAbsent(async () =>
        parseLiveObject(
          await client.send({ method: 'GET', path: apiPath(resource, namespace, name), userAgent: ownAgent }),
          resource,
        ),
      ),
    getMetadata: ({ resource, namespace, name }) =>
      orAbsent(async () =>
        parseLiveMetadata(
          await client.send({
            method: 'GET',
            path: apiPath(resource, namespace, name),
            accept: METADATA,
            userAgent: ownAgent,
          }),
          resource,
        ),
      ),
    async apply({ resource, object, dryRun, attribution }) {
      const body = await client.send({
        method: 'PATCH',
        path: apiPath(inVersionOf(resource, object.apiVersion), object.metadata.namespace, object.metadata.name),
        query: { fieldManager: FIELD_MANAGER, force: 'true', ...(dryRun === true ? { dryRun: 'All' } : {}) },
        contentType: 'application/apply-patch+yaml',
        body: object,
        userAgent: userAgent(attribution),
      });
      return parseLiveObject(body, resource);
    },
    async create({ resource, object }) {
      const body = await client.send({
        method: 'POST',
        path: apiPath(inVersionOf(resource, object.apiVersion), object.metadata.namespace),
        query: { fieldManager: FIELD_MANAGER },
        body: object,
        userAgent: ownAgent,
      });
      return parseLiveObject(body, resource);
    },
    async replace({ resource, object }) {
      const body = await client.send({
        method: 'PUT',
        path: apiPath(inVersionOf(resource, object.apiVersion), object.metadata.namespace, object.metadata.name),
        query: { fieldManager: FIELD_MANAGER },
        body: object,
        userAgent: ownAgent,
      });
      return parseLiveObject(body, resource);
    },
    async delete({ address, uid, resourceVersion, attribution }) {
      const answer = await orAbsent(() =>
        client.send({
          method: 'DELETE',
          path: apiPath(address.resource, address.namespace, address.name),
          body: {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            propagationPolicy: 'Background',
            preconditions: { uid, resourceVersion },
          },
          userAgent: userAgent(attribution),
        }),
      );
      return answer === undefined ? 'gone' : 'deleted';
    },
    close: () => client.close(),
  };
}

async function orAbsent<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status.code === 404) return undefined;
    throw error;
  }
}

function inVersionOf(resource: ApiResource, apiVersion: string): ApiResource {
  return { ...resource, version: parseApiVersion(apiVersion).version };
}

// A header takes printable ASCII only; a branch name may hold anything.
function formatUserAgent(ownAgent: string, attribution: Attribution | undefined): string {
  return attribution === undefined
    ? ownAgent
    : `${ownAgent} (${attribution.kustomization}@${attribution.revision})`.replaceAll(/[^\x20-\x7e]/g, '?');
}
