import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { assumeRole } from '#shared/adapters/kubernetes/assume-role.ts';
import { eksConnection } from '#shared/adapters/kubernetes/eks-connection.ts';
import { createEksToken } from '#shared/adapters/kubernetes/eks-token.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { buildParentObject } from '#shared/engine/inventory/apply-set-parent.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import { configMaps, observeCluster } from '#shared/engine/observe/observe-cluster.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import type { EksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import { startEksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import type { RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import { startCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import type { AwsCaller } from '#stand-ins/kubernetes/verify-identity-request.ts';

import { installationFor } from './apply-fixture.ts';

const CLUSTER = 'production';
const MINUTE_MS = 60_000;
const RBAC = join(import.meta.dirname, '../../infra/rbac');

let moto: RunningMoto;
let sts: STSClient;
let webhook: EksTokenWebhook;
let cluster: RunningCluster;
let agent: Agent;
let skewMs = 0;

beforeAll(async () => {
  moto = await startMoto();
  sts = new STSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials, maxAttempts: 3 });
  webhook = await startEksTokenWebhook({
    clusterId: CLUSTER,
    region: moto.region,
    now: () => Date.now() + skewMs,
  });
  cluster = await startCluster({ tokenWebhook: webhook });
  agent = new Agent({ connect: { ca: cluster.certificateAuthority } });
  for (const profile of ['workload', 'platform']) {
    await cluster.kubectl(['apply', '--server-side', '-f', join(RBAC, `${profile}.yaml`)]);
    webhook.addAccessEntry({
      principalArn: roleArn(profile),
      username: `tidegate:${profile}:{{SessionName}}`,
      kubernetesGroups: [`tidegate:${profile}`],
    });
  }
  await cluster.kubectl(['create', 'secret', 'generic', 'theirs', '--from-literal=password=swordfish']);
});

afterAll(async () => {
  await agent?.destroy();
  await cluster?.stop();
  await webhook?.stop();
  sts?.destroy();
  await moto?.stop();
});

function roleArn(role: string): string {
  return `arn:aws:iam::${moto.account}:role/${role}`;
}

/** Has moto's STS give out credentials for a role, and the verifier told of them. */
async function becomeRole(role: string): Promise<AwsCaller> {
  const command = new AssumeRoleCommand({ RoleArn: roleArn(role), RoleSessionName: 'run-1' });
  const { Credentials, AssumedRoleUser } = await sts.send(command);
  const caller = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
    arn: AssumedRoleUser?.Arn ?? '',
  };
  webhook.addCaller(caller);
  return caller;
}

async function makeToken(caller: AwsCaller, change: { cluster?: string; now?: number } = {}): Promise<string> {
  return createEksToken({ cluster: CLUSTER, region: moto.region, credentials: caller, now: Date.now(), ...change });
}

type TestApi = ReturnType<typeof kubernetesHttpApi>;
type Method = 'GET' | 'POST' | 'DELETE';

async function call(
  token: string,
  method: Method,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await request(`${cluster.server}${path}`, {
    dispatcher: agent,
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

function withQuery(token: string, change: (query: string) => string): string {
  const [origin = '', query = ''] = Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString().split('?');
  return `k8s-aws-v1.${Buffer.from(`${origin}?${change(query)}`).toString('base64url')}`;
}

const whoAmI = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

describe('the API server of EKS', () => {
  it('takes our token for the user and the groups of the access entry', async () => {
    const token = await makeToken(await becomeRole('workload'));

    const { status, text } = await call(token, 'POST', WHO, whoAmI);

    expect(status).toBe(201);
    expect(JSON.parse(text)).toMatchObject({
      status: {
        userInfo: {
          username: 'tidegate:workload:run-1',
          groups: expect.arrayContaining(['tidegate:workload', 'system:authenticated']),
        },
      },
    });
  });

  it.each<[string, (caller: AwsCaller) => Promise<string>]>([
    ['token is expired', (caller) => makeToken(caller, { now: Date.now() - 16 * MINUTE_MS })],
    ['token is of the future', (caller) => makeToken(caller, { now: Date.now() + 16 * MINUTE_MS })],
    ['signature does not match', (caller) => makeToken(caller, { cluster: 'staging' })],
    ['signature does not match', (caller) => makeToken({ ...caller, secretAccessKey: 'guessed' })],
    [
      'signature does not match',
      async (caller) => withQuery(await makeToken(caller), (query) => query.replace('Expires=60', 'Expires=61')),
    ],
    [
      'query parameter "x-id" is not allowed',
      async (caller) => withQuery(await makeToken(caller), (query) => `${query}&x-id=GetCallerIdentity`),
    ],
    [
      'query parameter "Action" is there twice',
      async (caller) => withQuery(await makeToken(caller), (query) => `${query}&Action=GetCallerIdentity`),
    ],
    ['access key is not known to STS', (caller) => makeToken({ ...caller, accessKeyId: 'ASIAUNKNOWN' })],
    ['session token is not that of the access key', (caller) => makeToken({ ...caller, sessionToken: 'other' })],
  ])('refuses: %s', async (reason, make) => {
    const token = await make(await becomeRole('workload'));

    const { status } = await call(token, 'POST', WHO, whoAmI);

    expect(status).toBe(401);
    expect(webhook.refusals().at(-1)).toContain(reason);
  });

  it('refuses a role that has no access entry', async () => {
    const token = await makeToken(await becomeRole('stranger'));

    expect((await call(token, 'POST', WHO, whoAmI)).status).toBe(401);
    expect(webhook.refusals().at(-1)).toBe(`${roleArn('stranger')} has no access entry`);
  });

  /** A connection of ours whose clock shows one time when the first token is made and another from then on. */
  async function connect(
    firstTokenAt: () => number,
    thenAt: () => number,
  ): Promise<{ readonly api: TestApi; readonly made: () => number }> {
    const caller = await becomeRole('workload');
    let made = 0;
    const connection = eksConnection({
      name: CLUSTER,
      region: moto.region,
      endpoint: cluster.server,
      certificateAuthority: Buffer.from(cluster.certificateAuthority).toString('base64'),
      credentials: async () => {
        made += 1;
        return caller;
      },
      now: () => (made === 0 ? firstTokenAt() : thenAt()),
    });
    return { api: kubernetesHttpApi(connection, { version: 'test' }), made: () => made };
  }

  it('gets a new token from us after ten minutes, one for all requests, and none of them fails', async () => {
    const { api, made } = await connect(() => Date.now() - 11 * MINUTE_MS, Date.now);
    const before = webhook.refusals().length;
    try {
      await Promise.all(Array.from({ length: 8 }, () => api.discover()));
      expect(made()).toBe(2);
      expect(webhook.refusals()).toHaveLength(before);
    } finally {
      await api.close();
    }
  });

  it('gets a new token from us when it refuses the one of a function that was frozen for too long', async () => {
    const { api, made } = await connect(Date.now, () => Date.now() + skewMs);
    const before = webhook.refusals().length;
    skewMs = 16 * MINUTE_MS;
    try {
      expect((await api.discover()).serverVersion).toMatch(/^v1\./u);
      expect(made()).toBeGreaterThan(1);
      expect(webhook.refusals().slice(before)).toContain('token is expired');
    } finally {
      skewMs = 0;
      await api.close();
    }
  });
});

describe('a role of another account', () => {
  it('is assumed once for many tokens, and again before its 15 minutes are over', async () => {
    let now = 0;
    const credentials = assumeRole({
      roleArn: roleArn('platform'),
      sessionName: 'production/main@sha1:0123',
      region: moto.region,
      now: () => now,
      client: sts,
    });
    const first = await credentials();
    now = 3 * MINUTE_MS;
    expect(await credentials()).toBe(first);
    now = 4 * MINUTE_MS;
    const second = await credentials();

    expect(second.accessKeyId).not.toBe(first.accessKeyId);
    const arn = `arn:aws:sts::${moto.account}:assumed-role/platform/production-main@sha1-0123`;
    webhook.addCaller({ ...second, arn });
    const { text } = await call(await makeToken({ ...second, arn }), 'POST', WHO, whoAmI);
    expect(text).toContain('tidegate:platform:production-main@sha1-0123');
  });

  it('says which right is missing', async () => {
    await moto.injectFault({ operation: 'POST /', status: 403, code: 'AccessDenied', message: 'no', times: 1 });
    const credentials = assumeRole({
      roleArn: roleArn('platform'),
      sessionName: 's',
      region: moto.region,
      now: Date.now,
      client: sts,
    });

    await expect(credentials()).rejects.toMatchObject({
      code: 'AuthenticationFailed',
      disposition: 'retry',
      message: expect.stringContaining('grant sts:AssumeRole'),
    });
  });
});

const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'made' } };
const binding = (name: string): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: name }],
});
const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const RBAC_API = '/apis/rbac.authorization.k8s.io/v1';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/tidegate-system/leases';
const asMasters = { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' };
const asAccount = { 'impersonate-user': 'system:serviceaccount:apps:default' };

describe('the profile', () => {
  it.each<[string, number, string, Method, string, unknown?, Record<string, string>?]>([
    ['workload', 201, 'a ConfigMap in its namespace', 'POST', '/api/v1/namespaces/apps/configmaps', configMap],
    ['workload', 200, 'Secrets in its namespace', 'GET', '/api/v1/namespaces/apps/secrets'],
    ['workload', 200, 'the definitions of kinds', 'GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'],
    ['workload', 200, 'the inventory', 'GET', '/api/v1/namespaces/tidegate-system/configmaps'],
    ['workload', 403, 'all leases of its own namespace', 'GET', LEASES],
    ['workload', 403, 'a ClusterRoleBinding', 'POST', `${RBAC_API}/clusterrolebindings`, binding('mine')],
    ['workload', 403, 'a RoleBinding', 'GET', `${RBAC_API}/namespaces/apps/rolebindings`],
    ['workload', 403, 'the Secret of another namespace', 'GET', '/api/v1/namespaces/default/secrets/theirs'],
    ['workload', 403, 'the Secrets of all namespaces', 'GET', '/api/v1/secrets'],
    ['workload', 403, 'a ConfigMap elsewhere', 'POST', '/api/v1/namespaces/default/configmaps', configMap],
    ['workload', 403, 'a namespace', 'POST', '/api/v1/namespaces', namespace('mine')],
    ['workload', 403, 'system:masters', 'GET', '/api/v1/namespaces', undefined, asMasters],
    // Who one is, everybody may ask: what is refused here is to be somebody else.
    ['workload', 403, 'a service account', 'POST', WHO, whoAmI, asAccount],
    ['platform', 201, 'a ClusterRoleBinding', 'POST', `${RBAC_API}/clusterrolebindings`, binding('platform-made')],
    ['platform', 201, 'a namespace', 'POST', '/api/v1/namespaces', namespace('platform-made')],
    ['platform', 200, 'the Secret of a namespace', 'GET', '/api/v1/namespaces/default/secrets/theirs'],
    ['platform', 403, 'system:masters', 'GET', '/api/v1/namespaces', undefined, asMasters],
    ['platform', 403, 'a service account', 'POST', WHO, whoAmI, asAccount],
  ])('%s answers %i to %s', async (profile, expected, _what, method, path, body, headers) => {
    const token = await makeToken(await becomeRole(profile));

    const { status, text } = await call(token, method, path, body, headers);

    expect({ status, text: status === expected ? '' : text }).toEqual({ status: expected, text: '' });
  });

  it.each(['workload', 'platform'])(
    '%s is enough to take the lease, to observe and to keep the inventory',
    async (profile) => {
      const caller = await becomeRole(profile);
      const connection = eksConnection({
        name: CLUSTER,
        region: moto.region,
        endpoint: cluster.server,
        certificateAuthority: Buffer.from(cluster.certificateAuthority).toString('base64'),
        credentials: async () => caller,
        now: Date.now,
      });
      const api = kubernetesHttpApi(connection, { version: 'test' });
      try {
        const lease = await acquireClusterLease(api, systemClock, { holder: profile, giveUpAt: Date.now() + 10_000 });
        expect(lease?.holds()).toBe(true);
        const observed = await observeCluster(api, {
          cluster: CLUSTER,
          installation: installationFor(CLUSTER),
          sets: [],
          now: Date.now(),
        });
        const kustomization = { namespace: 'flux-system', name: profile };
        const parent = { cluster: CLUSTER, kustomization, kinds: [], namespaces: [], whenDeleted: 'prune' } as const;
        await api.apply({ resource: configMaps(observed.discovery), object: buildParentObject(parent) });
        await lease?.release();

        const after = await observeCluster(api, {
          cluster: CLUSTER,
          installation: installationFor(CLUSTER),
          sets: [],
          now: Date.now(),
        });
        expect(after.parents).toContainEqual(expect.objectContaining({ cluster: CLUSTER, kustomization }));
      } finally {
        await api.close();
      }
    },
  );
});
