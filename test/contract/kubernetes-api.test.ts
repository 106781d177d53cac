import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import type { KubernetesConnection } from '#shared/adapters/kubernetes/kubernetes-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import { startApiServerProxy, type ApiServerProxy } from '#stand-ins/kubernetes/api-server-proxy.ts';
import { startCluster, type RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';

let cluster: RunningCluster;
let proxy: ApiServerProxy;
let api: ReturnType<typeof kubernetesHttpApi>;

beforeAll(async () => {
  cluster = await startCluster({ contextName: 'api-contract' });
  proxy = await startApiServerProxy({ target: cluster });
  api = kubernetesHttpApi(kubeconfigConnection({ file: proxy.kubeconfigPath }), { version: '0.0.0' });
});

afterEach(() => proxy.clearFaults());

afterAll(async () => {
  await api?.close();
  await proxy?.stop();
  await cluster?.stop();
});

const configMaps: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: [],
};

function configMap(name: string, value = 'one') {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { value } };
}

function addressOf(name: string) {
  return { resource: configMaps, namespace: 'default', name };
}

describe('the Kubernetes API', () => {
  it('discovers kinds with their scope, and the version of the server', async () => {
    const discovery = await api.discover();

    expect(discovery.serverVersion).toMatch(/^v1\.\d+\.\d+/);
    expect(discovery.incomplete).toEqual([]);
    const find = (kind: string) => discovery.resources.find((resource) => resource.kind === kind);
    expect(find('Deployment')).toMatchObject({ group: 'apps', version: 'v1', plural: 'deployments', namespaced: true });
    expect(find('Namespace')).toMatchObject({ group: '', namespaced: false });
  });

  it('calls discovery incomplete while an aggregated API does not answer', async () => {
    const service = {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1.broken.example.com' },
      spec: {
        group: 'broken.example.com',
        version: 'v1',
        groupPriorityMinimum: 10,
        versionPriority: 10,
        service: { name: 'nowhere', namespace: 'default' },
        insecureSkipTLSVerify: true,
      },
    };
    await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(service) });

    await expect.poll(async () => (await api.discover()).incomplete).toEqual(['broken.example.com/v1']);

    await cluster.kubectl(['delete', 'apiservice/v1.broken.example.com']);
  });

  it('applies as tidegate, says for whom, and returns what it owns', async () => {
    const attribution = { kustomization: 'flux-system/app', revision: 'main@sha1:ünïcode' };

    const live = await api.apply({ resource: configMaps, object: configMap('applied'), attribution });

    expect(live.metadata.managedFields).toMatchObject([{ manager: 'tidegate', operation: 'Apply' }]);
    const entries = await cluster.readAuditLog();
    expect(entries.find(({ name }) => name === 'applied')?.userAgent).toBe(
      'tidegate/0.0.0 (flux-system/app@main@sha1:?n?code)',
    );
  });

  it('changes nothing in a dry run', async () => {
    await api.apply({ resource: configMaps, object: configMap('dry'), dryRun: true });

    expect(await api.get(addressOf('dry'))).toBeUndefined();
  });

  it('reads all pages of a list', async () => {
    const names = Array.from({ length: 1101 }, (_, index) => `page-${index}`);
    const items = names.map((name) => ({
      ...configMap(name),
      metadata: { name, namespace: 'default', labels: { paged: 'yes' } },
    }));
    await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    proxy.resetCounters();

    const found = await api.listMetadata({ resource: configMaps, namespace: 'default', labelSelector: 'paged' });

    expect(new Set(found.map(({ name }) => name))).toEqual(new Set(names));
    expect(proxy.requests()).toHaveLength(3);
  });

  it('begins a list again when the server has forgotten where its pages came from', async () => {
    proxy.resetCounters();
    proxy.addFault({ match: ({ uri }) => uri.includes('continue='), nth: 1, fault: { kind: 'status', status: 410 } });

    const found = await api.listMetadata({ resource: configMaps, namespace: 'default', labelSelector: 'paged' });

    expect(new Set(found.map(({ name }) => name)).size).toBe(1101);
    expect(found).toHaveLength(1101);
    expect(proxy.requests()).toHaveLength(5);
  });

  it('gives whole objects their kind, which lists leave out', async () => {
    const found = await api.list({ resource: configMaps, namespace: 'default', labelSelector: 'paged' });

    expect(found[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { value: 'one' } });
  });

  it('finds nothing where there is nothing', async () => {
    expect(await api.get(addressOf('absent'))).toBeUndefined();
    expect(await api.getMetadata(addressOf('absent'))).toBeUndefined();
  });

  it('replaces only the version that was read', async () => {
    const first = await api.apply({ resource: configMaps, object: configMap('swapped') });
    await api.apply({ resource: configMaps, object: configMap('swapped', 'two') });

    const late = api.replace({ resource: configMaps, object: { ...first, data: { value: 'late' } } });

    await expect(late).rejects.toMatchObject({ status: { code: 409, reason: 'Conflict' } });
  });

  it('deletes only what was looked at', async () => {
    const first = await api.apply({ resource: configMaps, object: configMap('doomed') });
    const second = await api.apply({ resource: configMaps, object: configMap('doomed', 'two') });
    const doomed = { address: addressOf('doomed'), uid: first.metadata.uid };

    const late = api.delete({ ...doomed, resourceVersion: first.metadata.resourceVersion });
    await expect(late).rejects.toMatchObject({ status: { code: 409 } });

    const now = { ...doomed, resourceVersion: second.metadata.resourceVersion };
    expect(await api.delete(now)).toBe('deleted');
    expect(await api.delete(now)).toBe('gone');
  });

  it('tells why the server refused, field by field', async () => {
    const object = { ...configMap('refused'), data: { 'not a key!': 'x' } };

    const refusal: unknown = await api.apply({ resource: configMaps, object }).catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(KubernetesApiError);
    expect(refusal).toMatchObject({
      status: { code: 422, reason: 'Invalid', causes: [{ field: 'data[not a key!]' }] },
    });
  });

  it.each([
    ['is throttled', { kind: 'status', status: 429, retryAfterSeconds: 1 }],
    ['meets a server that is not ready', { kind: 'status', status: 503, retryAfterSeconds: 1 }],
    ['meets a server error', { kind: 'status', status: 500 }],
    ['loses its connection', { kind: 'reset' }],
    ['loses the answer', { kind: 'lostAnswer' }],
    ['gets half an answer', { kind: 'truncate', bytes: 20 }],
  ] as const)('repeats an apply that %s', async (what, fault) => {
    const name = what.replaceAll(' ', '-');
    proxy.addFault({ match: ({ method }) => method === 'PATCH', nth: 1, fault });

    await api.apply({ resource: configMaps, object: configMap(name) });

    expect(await api.get(addressOf(name))).toMatchObject({ data: { value: 'one' } });
  });

  it('does not repeat a create whose answer was lost', async () => {
    proxy.resetCounters();
    proxy.addFault({ match: ({ method }) => method === 'POST', nth: 1, fault: { kind: 'lostAnswer' } });

    const lost: unknown = await api
      .create({ resource: configMaps, object: configMap('once') })
      .catch((e: unknown) => e);

    expect(lost).toBeInstanceOf(TidegateError);
    expect(lost).toMatchObject({ code: 'ApiServerUnreachable', disposition: 'retry' });
    expect(proxy.requests()).toHaveLength(1);
  });

  it('gives up on a server that stays down', async () => {
    proxy.addFault({ match: () => true, fault: { kind: 'reset' } });

    await expect(api.get(addressOf('any'))).rejects.toMatchObject({ disposition: 'retry' });
  });

  it('asks once for new credentials when the server refuses the old ones', async () => {
    const good = kubeconfigConnection({ file: proxy.kubeconfigPath });
    const asked: boolean[] = [];
    const expired: KubernetesConnection = {
      server: good.server,
      async credentials({ renewed }) {
        asked.push(renewed);
        const credentials = await good.credentials({ renewed });
        return renewed ? credentials : { ...credentials, headers: { Authorization: 'Bearer expired' } };
      },
    };
    const client = kubernetesHttpApi(expired, { version: '0.0.0' });

    expect(await client.get(addressOf('absent'))).toBeUndefined();

    expect(asked).toEqual([false, true]);
    await client.close();
  });

  it('says what the server says to one who may not', async () => {
    const connection = kubeconfigConnection({ file: cluster.plainUserKubeconfigPath });
    const client = kubernetesHttpApi(connection, { version: '0.0.0' });

    await expect(client.listMetadata({ resource: configMaps })).rejects.toMatchObject({
      status: { code: 403, reason: 'Forbidden' },
    });
    await client.close();
  });

  it('names the contexts there are when the one asked for is not there', () => {
    expect(() => kubeconfigConnection({ file: cluster.kubeconfigPath, context: 'other' })).toThrow(/api-contract/);
  });
});
