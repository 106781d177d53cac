import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { claimInstallation } from '#shared/engine/lease/claim-installation.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { readSubstitutions } from '#shared/reconcile/read-substitutions.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import type { AuditEntry } from '#stand-ins/kubernetes/read-audit-log.ts';
import { startCluster, type RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';

import {
  changesOf,
  clock,
  configMap,
  deployment,
  install,
  namespace,
  outcomeOf,
  rendered,
  service,
} from './apply-fixture.ts';

/** As the settings say. No role is bound in the last one. */
const NAMESPACES = ['apps', 'team-b', 'unbound'];
const BOUND = { namespaces: ['apps', 'team-b'] };
const RBAC = join(import.meta.dirname, '../../infra/rbac');
const DAY_MS = 86_400_000;
const RoleShape = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  rules: z
    .array(
      z.strictObject({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
    )
    .default([]),
});

let cluster: RunningCluster;
type Api = ReturnType<typeof kubernetesHttpApi>;
let api: Api;
let lastPair: string;
let seen = 0;

beforeAll(async () => {
  cluster = await startCluster({ contextName: 'workload' });
  const manifest = await readFile(join(RBAC, 'workload.yaml'), 'utf8');
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: manifest });
  await cluster.kubectl(['apply', '--server-side', '-f', join(RBAC, 'platform.yaml')]);
  lastPair = manifest.split('\n---\n').slice(-2).join('\n---\n');
  await letIn('team-b');
  for (const name of ['unbound', 'elsewhere']) {
    await cluster.kubectl(['create', 'namespace', name]);
  }
  api = connectAs('workload');
});

afterAll(async () => {
  await api?.close();
  await cluster?.stop();
});

beforeEach(forgetRequests);

/** As the access entry of a profile lets a caller in. */
function connectAs(profile: string): Api {
  const admin = kubeconfigConnection({ file: cluster.kubeconfigPath });
  const entry = { 'impersonate-user': 'tidegate', 'impersonate-group': `tidegate:${profile}` };
  const connection = {
    ...admin,
    async credentials(request: { readonly renewed: boolean }) {
      const credentials = await admin.credentials(request);
      return { ...credentials, headers: { ...credentials.headers, ...entry } };
    },
  };
  return kubernetesHttpApi(connection, { version: profile });
}

/** As the manifest asks for: its last pair, a namespace and a binding, once more for each further namespace. */
async function letIn(name: string): Promise<void> {
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: lastPair.replaceAll(': apps', `: ${name}`) });
}

async function ourRequests(): Promise<readonly AuditEntry[]> {
  const all = await cluster.readAuditLog();
  return all.filter(({ userAgent }) => userAgent.startsWith('tidegate/workload'));
}

async function forgetRequests(): Promise<void> {
  seen = (await ourRequests()).length;
}

async function requests(): Promise<readonly AuditEntry[]> {
  return (await ourRequests()).slice(seen);
}

async function writes(): Promise<readonly string[]> {
  const made = await requests();
  return made.filter(({ verb }) => !['get', 'list'].includes(verb)).map(({ verb, uri }) => `${verb} ${uri}`);
}

async function exists(...what: readonly string[]): Promise<boolean> {
  return (await cluster.kubectl(['get', ...what, '--ignore-not-found', '-o', 'name'])).stdout !== '';
}

function roleBinding(ns: string): KubernetesObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'mine', namespace: ns },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'somebody' }],
  };
}

describe('a run with the rights of the profile workload', () => {
  it('takes and gives back the lease', async () => {
    const lease = await acquireClusterLease(api, systemClock, { holder: 'it', giveUpAt: Date.now() + 10_000 });

    expect(lease?.holds()).toBe(true);
    await lease?.release();
  });

  it('takes a name for its installation, keeps it, and is told when somebody else has it', async () => {
    const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: './clusters/workload' };
    const claim = { cluster: 'workload', name: 'workload', place, knows: () => false };
    const others = { ...claim, place: { ...place, branch: 'other' } };

    const first = await claimInstallation(api, claim);
    const again = await claimInstallation(api, claim);
    const refused = await claimInstallation(api, others);

    expect([first, again]).toMatchObject([
      { outcome: 'held', how: 'new' },
      { outcome: 'held', how: 'known' },
    ]);
    expect(refused.outcome).toBe('refused');
    expect(new Set((await writes()).map((write) => write.split('?')[0]))).toEqual(
      new Set(['create /apis/coordination.k8s.io/v1/namespaces/tidegate-system/leases']),
    );
  });

  it('applies, waits for health, and lists each kind in each of its namespaces and nowhere else', async () => {
    const installation = install(api, 'first');
    const objects = [
      configMap('apps', 'first'),
      configMap('team-b', 'first'),
      deployment('apps', 'first'),
      service('team-b', 'first'),
    ];

    const outcome = await installation.apply([rendered('first', objects, { wait: true })], BOUND);

    expect(outcomeOf(outcome, 'first')).toMatchObject({ state: 'ready', failures: [], withheld: [] });
    expect(changesOf(outcomeOf(outcome, 'first'))).toHaveLength(4);
    await forgetRequests();

    const idle = await installation.apply([rendered('first', objects)], BOUND);

    expect(new Set(outcomeOf(idle, 'first').changes.map(({ action }) => action))).toEqual(new Set(['unchanged']));
    expect(await writes()).toEqual([]);
    const lists = (await requests()).filter(({ verb }) => verb === 'list');
    const members = lists.filter(({ uri }) => uri.includes('part-of'));
    expect(members.map((list) => `${list.resource} ${list.namespace} ${list.code}`).sort()).toEqual(
      ['configmaps', 'deployments', 'services'].flatMap((kind) => [`${kind} apps 200`, `${kind} team-b 200`]),
    );
    // What is not about members: the inventory, and what makes up the epoch.
    expect(lists.length - members.length).toBeLessThanOrEqual(5);
    expect((await requests()).filter(({ code }) => code >= 400)).toEqual([]);
  });

  it('puts drift right, and prunes what left Git', async () => {
    const installation = install(api, 'change');
    const before = ['a', 'b', 'c'].map((name) => configMap('team-b', `change-${name}`));
    const after = before.slice(0, 2);
    await installation.apply([rendered('change', before)], BOUND);
    await cluster.kubectl(['-n', 'team-b', 'patch', 'configmap/change-a', '-p', '{"data":{"key":"hacked"}}']);

    const outcome = outcomeOf(await installation.apply([rendered('change', after)], BOUND), 'change');

    expect(changesOf(outcome)).toEqual([
      'configured! ConfigMap/team-b/change-a',
      'deleted ConfigMap/team-b/change-c',
      'unchanged ConfigMap/team-b/change-b',
    ]);
    expect(outcome.state).toBe('ready');
  });

  it('leaves an object that somebody else owns', async () => {
    await cluster.kubectl(['-n', 'apps', 'create', 'configmap', 'theirs']);
    await cluster.kubectl(['-n', 'apps', 'label', 'configmap/theirs', 'kustomize.toolkit.fluxcd.io/name=theirs']);

    const outcome = outcomeOf(
      await install(api, 'foreign').apply([rendered('foreign', [configMap('apps', 'theirs')])], BOUND),
      'foreign',
    );

    expect(outcome).toMatchObject({ state: 'failed', failures: [{ reason: 'OwnedByOther' }] });
  });

  it.each<[string, KubernetesObject, string, RegExp]>([
    [
      'a kind without rights',
      roleBinding('apps'),
      'Forbidden',
      /cannot list resource "rolebindings".*RoleBinding\/apps/u,
    ],
    [
      'a namespace that is not named',
      configMap('elsewhere', 'x'),
      'NotAllowed',
      /^namespace elsewhere .*apps, team-b/u,
    ],
    [
      'a namespace without a binding',
      configMap('unbound', 'x'),
      'Forbidden',
      /cannot list.*"unbound".*workload\.yaml/u,
    ],
    ['a namespace itself', namespace('team-c'), 'NotAllowed', /^it is in no namespace.*profile: platform/u],
    [
      'a kind of the whole cluster',
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'wide' }, rules: [] },
      'NotAllowed',
      /^it is in no namespace.*administrator/u,
    ],
  ])(
    'refuses %s by name, goes on with the rest, and forgets it once it left Git',
    async (what, object, reason, says) => {
      const name = what.replaceAll(' ', '-');
      const installation = install(api, name);
      const scope = { namespaces: NAMESPACES };
      const fine = configMap('apps', name);
      const set = rendered(name, [fine, object]);

      const outcome = outcomeOf(
        await installation.apply([set, rendered(`${name}-2`, [configMap('team-b', name)])], scope),
        name,
      );

      expect(outcome).toMatchObject({ state: 'failed', reason: 'ReconciliationFailed', withheld: [] });
      expect(outcome.failures).toMatchObject([
        { id: { name: object.metadata.name }, reason, message: expect.stringMatching(says) },
      ]);
      expect(changesOf(outcome)).toEqual([`created ConfigMap/apps/${name}`]);
      expect(await exists('-n', 'team-b', `configmap/${name}`)).toBe(true);
      expect((await writes()).filter((write) => /elsewhere|unbound|team-c|wide|rolebindings/u.test(write))).toEqual([]);

      const approvals = [name, `${name}-2`].map((one) => ({
        kustomization: { namespace: 'flux-system', name: one },
        count: 1,
      }));
      const gone = await installation.apply([], { ...scope, approvals });

      expect(gone.sets.map(({ state }) => state)).toEqual(['deleted', 'deleted']);
    },
  );

  it('prunes nothing while an object of the same Kustomization is refused', async () => {
    const installation = install(api, 'doubt');
    const [one, two] = [configMap('apps', 'doubt-1'), configMap('apps', 'doubt-2')];
    await installation.apply([rendered('doubt', [one, two])], BOUND);

    const outcome = outcomeOf(
      await installation.apply([rendered('doubt', [one, configMap('elsewhere', 'doubt')])], BOUND),
      'doubt',
    );

    expect(outcome.withheld).toMatchObject([{ id: { name: 'doubt-2' }, guard: 'not-applied' }]);
    expect(await exists('-n', 'apps', 'configmap/doubt-2')).toBe(true);
  });

  it('leaves out what Git marks to be left out, such as a namespace that others make', async () => {
    const apps = namespace('apps');
    const marked = {
      ...apps,
      metadata: { ...apps.metadata, annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } },
    };

    const outcome = await install(api, 'marked').apply(
      [rendered('marked', [marked, configMap('apps', 'marked')])],
      BOUND,
    );

    expect(outcomeOf(outcome, 'marked')).toMatchObject({ state: 'ready', failures: [] });
  });
});

describe('variables from a Secret that may not be read', () => {
  it('fail their Kustomization, and say which right is missing', async () => {
    const kustomization = {
      ...defaultRoot('./clusters/workload'),
      postBuild: { substitute: {}, substituteFrom: [{ kind: 'Secret' as const, name: 'vars', optional: true }] },
    };

    await expect(readSubstitutions(kustomization, api)).rejects.toMatchObject({
      code: 'BuildFailed',
      disposition: 'wait',
      message: expect.stringMatching(
        /^spec\.postBuild\.substituteFrom: Secret flux-system\/vars may not be read: .*give Tidegate get/u,
      ),
    });
  });
});

describe('a namespace that was taken out of the settings', () => {
  const two = [configMap('apps', 'left'), configMap('team-b', 'left'), configMap('team-b', 'left-2')];

  it('keeps what is in it, is named, and is pruned when it comes back', async () => {
    const installation = install(api, 'left');
    await installation.apply([rendered('left', two)], BOUND);
    const moved = [rendered('left', two.slice(0, 1))];

    const without = outcomeOf(await installation.apply(moved, { namespaces: ['apps'] }), 'left');
    const again = outcomeOf(await installation.apply(moved, { namespaces: ['apps'] }), 'left');

    for (const outcome of [without, again]) {
      expect(outcome).toMatchObject({ state: 'ready', failures: [] });
      expect(outcome.withheld).toMatchObject([
        { id: { kind: 'Namespace', name: 'team-b' }, guard: 'not-listed', message: expect.stringContaining('stays') },
      ]);
    }
    expect(await exists('-n', 'team-b', 'configmap/left')).toBe(true);

    const back = outcomeOf(await installation.apply(moved, BOUND), 'left');

    expect(back.withheld).toEqual([]);
    expect(changesOf(back).filter((change) => change.startsWith('deleted'))).toHaveLength(2);
  });

  it('is forgotten when somebody clears up as the message says', async () => {
    const installation = install(api, 'cleared');
    const set = (ns: string) => [rendered('cleared', [configMap(ns, 'cleared')])];
    await installation.apply(set('team-b'), BOUND);
    const named = outcomeOf(await installation.apply(set('apps'), { namespaces: ['apps'] }), 'cleared');
    const [, label = '', annotation = '', parent = ''] =
      /labeled (\S+) and .* annotation (\S+) of ConfigMap tidegate-system\/(\S+)$/u.exec(
        named.withheld[0]?.message ?? '',
      ) ?? [];
    await cluster.kubectl(['-n', 'team-b', 'delete', 'configmaps', '-l', label]);
    await cluster.kubectl(['-n', 'tidegate-system', 'annotate', `configmap/${parent}`, `${annotation}-`]);

    const after = await installation.apply(set('apps'), { namespaces: ['apps'] });

    expect(outcomeOf(after, 'cleared').withheld).toEqual([]);
    expect(await exists('-n', 'team-b', 'configmap/cleared')).toBe(false);
  });

  it('keeps the inventory of a deleted Kustomization until it is back or gone', async () => {
    const installation = install(api, 'left-deleted');
    await letIn('short-lived');
    const scope = { namespaces: ['apps', 'short-lived'] };
    await installation.apply([rendered('left-deleted', [configMap('short-lived', 'it')])], scope);

    const kept = await installation.apply([], { namespaces: ['apps'] });

    expect(outcomeOf(kept, 'left-deleted')).toMatchObject({
      state: 'deleting',
      message: expect.stringContaining('namespace short-lived'),
      withheld: [{ id: { name: 'short-lived' } }],
    });
    expect(await exists('-n', 'short-lived', 'configmap/it')).toBe(true);

    await cluster.kubectl(['delete', 'namespace', 'short-lived', '--wait=true']);
    const done = await installation.apply([], { namespaces: ['apps'] });

    expect(outcomeOf(done, 'left-deleted').state).toBe('deleted');
  });
});

describe('a namespace of the settings that was deleted, and its role binding with it', () => {
  it('holds nothing, and nobody waits for it', async () => {
    const installation = install(api, 'vanished');
    await letIn('vanished');
    const scope = { namespaces: ['apps', 'vanished'] };
    const [kept, lost] = [configMap('apps', 'vanished'), configMap('vanished', 'it')];
    await installation.apply([rendered('vanished', [kept, lost])], scope);
    await cluster.kubectl(['delete', 'namespace', 'vanished', '--wait=true']);

    const desired = outcomeOf(await installation.apply([rendered('vanished', [kept, lost])], scope), 'vanished');
    const without = outcomeOf(await installation.apply([rendered('vanished', [kept])], scope), 'vanished');
    await forgetRequests();
    await installation.apply([rendered('vanished', [kept])], scope);
    const noOp = await writes();
    const approvals = [{ kustomization: { namespace: 'flux-system', name: 'vanished' }, count: 1 }];
    const gone = outcomeOf(await installation.apply([], { ...scope, approvals }), 'vanished');

    expect(desired.failures).toMatchObject([{ id: { namespace: 'vanished', name: 'it' }, reason: 'Forbidden' }]);
    expect(without).toMatchObject({ state: 'ready', withheld: [] });
    expect(noOp).toEqual([]);
    expect(gone.state).toBe('deleted');
  });
});

describe('a run with the rights of the profile platform', () => {
  it('applies, checks and prunes kinds of the whole cluster and what they are made of', async () => {
    const platform = connectAs('platform');
    const installation = install(platform, 'platform');
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'made' } };
    const rules = [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }];
    const kept = [namespace('made'), configMap('made', 'it'), roleBinding('made')];
    const all = [...kept, { ...role, rules }];
    try {
      const first = outcomeOf(await installation.apply([rendered('platform', all)]), 'platform');
      const idle = outcomeOf(await installation.apply([rendered('platform', all)]), 'platform');
      const last = outcomeOf(await installation.apply([rendered('platform', kept)]), 'platform');

      expect(first).toMatchObject({ state: 'ready', failures: [] });
      expect(new Set(idle.changes.map(({ action }) => action))).toEqual(new Set(['unchanged']));
      expect(changesOf(last)).toContain('deleted ClusterRole/made');
      expect(await exists('clusterrole/made')).toBe(false);
    } finally {
      await platform.close();
    }
  });

  it('says what stays behind when the cluster is limited to namespaces after that', async () => {
    const platform = connectAs('platform');
    const installation = install(platform, 'narrowed');
    const set = rendered('narrowed', [configMap('apps', 'narrowed'), configMap('elsewhere', 'narrowed')]);
    try {
      await installation.apply([set]);
      const limited = [rendered('narrowed', [configMap('apps', 'narrowed')])];
      const outcome = outcomeOf(await installation.apply(limited, BOUND, { api }), 'narrowed');

      expect(outcome.withheld).toMatchObject([{ id: { kind: 'Namespace', name: 'elsewhere' }, guard: 'not-listed' }]);
      expect(await exists('-n', 'elsewhere', 'configmap/narrowed')).toBe(true);
    } finally {
      await platform.close();
    }
  });
});

describe('what was applied before the cluster was limited to namespaces', () => {
  const NAME = 'before-limits';
  const fine = configMap('apps', NAME);
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: NAME }, rules: [] };
  let platform: Api;

  beforeAll(() => {
    platform = connectAs('platform');
  });

  afterAll(() => platform.close());

  it('is named when it is of a kind of the whole cluster, until somebody clears up as the message says', async () => {
    const installation = install(platform, NAME);
    await installation.apply([rendered(NAME, [fine, role])]);

    const left = outcomeOf(await installation.apply([rendered(NAME, [fine])], BOUND, { api }), NAME);
    const deleted = outcomeOf(await installation.apply([], BOUND, { api }), NAME);

    for (const { withheld } of [left, deleted]) {
      expect(withheld).toContainEqual({
        id: { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: '*' },
        guard: 'not-listed',
        message: expect.stringMatching(/no namespace that Tidegate may work in/u),
      });
    }
    expect(left.state).toBe('ready');
    expect(deleted.state).toBe('deleting');
    expect(await exists(`clusterrole/${NAME}`)).toBe(true);

    const [, label = '', annotation = '', parent = ''] =
      /labeled (\S+) .* annotation (\S+) of ConfigMap tidegate-system\/(\S+)$/u.exec(left.withheld[0]?.message ?? '') ??
      [];
    await cluster.kubectl(['delete', 'clusterroles', '-l', label]);
    const edit = ['annotate', '--overwrite', `configmap/${parent}`, `${annotation}=ConfigMap`];
    await cluster.kubectl(['-n', 'tidegate-system', ...edit]);
    const approvals = [{ kustomization: { namespace: 'flux-system', name: NAME }, count: 1 }];
    const gone = outcomeOf(await installation.apply([], { ...BOUND, approvals }, { api }), NAME);

    expect(gone).toMatchObject({ state: 'deleted', withheld: [] });
  });

  it('is named when it is beside the inventory', async () => {
    const name = 'beside-inventory';
    const installation = install(platform, name);
    await installation.apply([rendered(name, [configMap('apps', name), configMap('tidegate-system', name)])]);

    const left = outcomeOf(await installation.apply([rendered(name, [configMap('apps', name)])], BOUND, { api }), name);

    expect(left.withheld).toMatchObject([{ id: { kind: 'Namespace', name: 'tidegate-system' }, guard: 'not-listed' }]);
  });

  it('holds up nobody when it was to stay anyway', async () => {
    const name = 'stays-anyway';
    const installation = install(platform, name);
    await installation.apply([rendered(name, [configMap('elsewhere', name)], { prune: false })]);

    const gone = outcomeOf(await installation.apply([], BOUND, { api }), name);

    expect(gone).toMatchObject({ state: 'deleted', withheld: [] });
    expect(await exists('-n', 'elsewhere', `configmap/${name}`)).toBe(true);
  });
});

describe('the manifests of the profiles', () => {
  /** What a server decides for itself while it takes an object: no request shows these. */
  const UNSEEN = ['bind', 'escalate'];
  const ROLES = ['roles', 'clusterroles'].map((kind) => `${kind}.rbac.authorization.k8s.io`);

  it.each(['platform', 'workload'])('give what a run with profile %s uses, and no other verb', async (profile) => {
    const name = `uses-${profile}`;
    const limited = profile === 'workload' ? BOUND : {};
    const less = profile === 'workload' ? { namespaces: ['apps'] } : {};
    const inTurn = connectAs(profile);
    const installation = install(inTurn, name);
    const manual = configMap('apps', name);
    const all = [manual, configMap('apps', `${name}-gone`), configMap('team-b', name), deployment('apps', name)];
    await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manual) });
    await cluster.kubectl(['-n', 'tidegate-system', 'delete', 'leases', '--all']);
    try {
      const lease = await acquireClusterLease(inTurn, systemClock, { holder: name, giveUpAt: Date.now() + 10_000 });
      await lease?.release();
      await installation.apply([rendered(name, all, { wait: true })], limited);
      await installation.apply([rendered(name, all.slice(0, 1))], limited);
      await installation.apply([rendered(name, [manual, configMap('team-b', name)])], limited);
      await installation.apply([rendered(name, [manual])], less);
      const approvals = [1, 2].map((count) => ({ kustomization: { namespace: 'flux-system', name }, count }));
      const gone = await installation.apply([], { ...limited, approvals });

      expect(outcomeOf(gone, name).state).toBe('deleted');
    } finally {
      await inTurn.close();
    }
    const made = (await cluster.readAuditLog()).filter(
      ({ userAgent, code }) => userAgent.startsWith(`tidegate/${profile}`) && (code < 300 || code === 404),
    );
    const isUsed = ({ verb, kinds, namespace }: Right): boolean =>
      made.some(
        (request) =>
          (namespace === undefined || request.namespace === namespace) &&
          // An apply that creates is a PATCH, and takes the right to create as well.
          (request.verb === verb || (verb === 'create' && request.verb === 'patch' && request.code === 201)) &&
          kinds.some((kind) => kind === '*.*' || kind === `${request.resource}.${request.group}`),
      );
    const unused = (await readRights(profile)).filter((right) => !isUsed(right));

    expect(unused.map(({ verb, kinds }) => `${verb} ${kinds.join(', ')}`)).toEqual(
      profile === 'platform' ? ROLES.flatMap((kind) => UNSEEN.map((verb) => `${verb} ${kind}`)) : [],
    );
  });
});

/** A verb, and what it is for: used on one of them, it is used. */
interface Right {
  readonly verb: string;
  readonly kinds: readonly string[];
  /** Absent: anywhere. */
  readonly namespace?: string | undefined;
}

async function readRights(profile: string): Promise<readonly Right[]> {
  const documents = parseAllDocuments(await readFile(join(RBAC, `${profile}.yaml`), 'utf8'));
  return documents.flatMap((document): readonly Right[] => {
    const { metadata, rules } = RoleShape.parse(document.toJS());
    const each = rules.flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({
          verb,
          kinds: apiGroups.map((group) => `${resource}.${group}`),
          namespace: metadata.namespace,
        })),
      ),
    );
    // Which kinds of workload there are is for Git to say, so that each verb counts once for all of them.
    return metadata.name === 'tidegate:workload:apply'
      ? [...Map.groupBy(each, ({ verb }) => verb)].map(([verb, of]) => ({
          verb,
          kinds: of.flatMap((one) => one.kinds),
        }))
      : each;
  });
}

describe('without the right to see what changes objects on their way in', () => {
  it('trusts its records for a day, then applies everything once', async () => {
    await cluster.kubectl(['delete', 'clusterrolebinding/tidegate:workload:observe']);
    const installation = install(api, 'blind');
    const sets = [rendered('blind', [configMap('apps', 'blind'), configMap('team-b', 'blind')])];
    const at = (days: number) => {
      const now = () => Date.now() + days * DAY_MS;
      const request = { ...BOUND, deadline: now() + 60_000, awaitHealthUntil: now() + 30_000 };
      return installation.apply(sets, request, { clock: { ...clock, now } });
    };
    await at(0);
    await forgetRequests();
    const patches = async () => (await requests()).filter(({ verb }) => verb === 'patch').length;

    const sameDay = await at(0);
    expect(await patches()).toBe(0);
    const nextDay = await at(1);
    expect(await patches()).toBe(2);
    await at(1);
    expect(await patches()).toBe(2);

    for (const outcome of [sameDay, nextDay]) {
      expect(outcomeOf(outcome, 'blind').state).toBe('ready');
      expect(changesOf(outcomeOf(outcome, 'blind'))).toEqual([
        'unchanged ConfigMap/apps/blind',
        'unchanged ConfigMap/team-b/blind',
      ]);
    }
  });
});
