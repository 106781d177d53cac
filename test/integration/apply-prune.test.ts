import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { ApplyPorts, ApplyRequest, DesiredSet } from '#shared/engine/model/apply-request.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import {
  changesOf,
  configMap,
  definition,
  deployment,
  install,
  namespace,
  outcomeOf,
  rendered,
  service,
  startApplyFixture,
  type ApplyFixture,
} from './apply-fixture.ts';

let fixture: ApplyFixture;

beforeAll(async () => {
  fixture = await startApplyFixture();
});

afterAll(() => fixture?.stop());

/** Deletions that reached the API server in a namespace with tidegate's name on them, from its own audit log. */
async function deletionsIn(ns: string): Promise<readonly string[]> {
  const entries = await fixture.cluster.readAuditLog();
  return entries
    .filter(({ verb, userAgent }) => verb.startsWith('delete') && userAgent.startsWith('tidegate/'))
    .filter(({ namespace, name }) => namespace === ns || name === ns)
    .map(({ resource, name }) => `${resource}/${name}`);
}

async function exists(ns: string, object: string): Promise<boolean> {
  const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', object, '--ignore-not-found', '-o', 'name']);
  return stdout.trim() !== '';
}

describe('pruning', () => {
  it('deletes the object that left Git and nothing else', async () => {
    const ns = 'prune-one';
    const installation = install(fixture.api, ns);
    const kept = [namespace(ns), deployment(ns, 'web'), service(ns, 'web')];
    await installation.apply([rendered(ns, [...kept, configMap(ns, 'old')], { wait: true })]);

    const outcome = await installation.apply([rendered(ns, kept, { wait: true })]);

    expect(changesOf(outcomeOf(outcome, ns))).toContain('deleted ConfigMap/prune-one/old');
    expect(await deletionsIn(ns)).toEqual(['configmaps/old']);
    const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', 'endpointslices', '-o', 'name']);
    expect(stdout).toContain('web');
  });

  it('keeps Endpoints that carry the label of their Service, when their kind is listed', async () => {
    const ns = 'prune-endpoints';
    const installation = install(fixture.api, ns);
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'by-hand', namespace: ns } };
    const kept = [namespace(ns), deployment(ns, 'web'), service(ns, 'web'), endpoints];
    await installation.apply([rendered(ns, [...kept, configMap(ns, 'old')], { wait: true })]);
    const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', 'endpoints/web', '-o', 'json']);
    expect(stdout).toContain('applyset.kubernetes.io/part-of');

    const outcome = await installation.apply([rendered(ns, kept, { wait: true })]);

    expect(outcomeOf(outcome, ns).withheld).toMatchObject([
      { id: { kind: 'Endpoints', name: 'web' }, guard: 'not-owned' },
    ]);
    expect(await deletionsIn(ns)).toEqual(['configmaps/old']);
  });

  it('does not delete an object that moved to another Kustomization', async () => {
    const ns = 'prune-moved';
    const installation = install(fixture.api, ns);
    const [from, to] = ['moved-from', 'moved-to'];
    await installation.apply([
      rendered(from, [namespace(ns), configMap(ns, 'moving'), configMap(ns, 'a')]),
      rendered(to, [configMap(ns, 'b')]),
    ]);

    const outcome = await installation.apply([
      rendered(from, [namespace(ns), configMap(ns, 'a')]),
      rendered(to, [configMap(ns, 'b'), configMap(ns, 'moving')]),
    ]);

    expect(changesOf(outcomeOf(outcome, to))).toContain('configured ConfigMap/prune-moved/moving');
    expect(await deletionsIn(ns)).toEqual([]);
    expect(outcomeOf(outcome, from).withheld).toEqual([]);
  });

  it('asks before a Kustomization is emptied, or more than a few go with one that is deleted, and takes exactly the approved count', async () => {
    const ns = 'prune-deleted';
    const installation = install(fixture.api, ns);
    const stays = rendered('deleted-stays', [namespace(ns)]);
    const maps = ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => configMap(ns, name));
    const goes = rendered('deleted-goes', maps);
    await installation.apply([stays, goes]);
    const approve = (count: number) => ({ approvals: [{ kustomization: goes.id, count }] });

    const emptied = await installation.apply([stays, { ...goes, render: { kind: 'rendered', objects: [] } }]);
    const unasked = await installation.apply([stays]);
    const miscounted = await installation.apply([stays], approve(5));
    const before = await deletionsIn(ns);
    const approved = await installation.apply([stays], approve(6));

    expect(outcomeOf(emptied, 'deleted-goes').withheld.map(({ guard }) => guard)).toEqual(Array(6).fill('share'));
    expect(outcomeOf(unasked, 'deleted-goes')).toMatchObject({ state: 'deleting' });
    expect(outcomeOf(unasked, 'deleted-goes').withheld[0]?.asksFor).toEqual({ kustomization: goes.id, count: 6 });
    expect(outcomeOf(miscounted, 'deleted-goes').state).toBe('deleting');
    expect(before).toEqual([]);
    expect(outcomeOf(approved, 'deleted-goes').state).toBe('deleted');
    expect(await deletionsIn(ns)).toHaveLength(6);
    const { stdout } = await fixture.cluster.kubectl(['-n', 'tidegate-system', 'get', 'configmaps', '-o', 'name']);
    expect(stdout).not.toContain('deleted-goes');
  });

  it('forgets a deleted Kustomization whose definition went with its objects', async () => {
    const ns = 'prune-definition';
    const installation = install(fixture.api, ns);
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'ebbs.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Ebb', plural: 'ebbs' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    const finalizers = ['example.com/wait'];
    const ebb = { apiVersion: 'example.com/v1', kind: 'Ebb', metadata: { name: 'low', namespace: ns, finalizers } };
    const [stays, goes] = [
      rendered('definition-stays', [namespace(ns)]),
      rendered('definition-goes', [definition, ebb]),
    ];
    await installation.apply([stays, goes]);
    const approvals = [{ kustomization: goes.id, count: 2 }];

    const leaving = outcomeOf(await installation.apply([stays], { approvals }), 'definition-goes');
    const patch = ['patch', 'ebbs/low', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'];
    await fixture.cluster.kubectl(['-n', ns, ...patch]);
    await fixture.cluster.kubectl(['wait', '--for=delete', 'crd/ebbs.example.com', '--timeout=20s']);
    // The server goes on serving a kind for a moment after its definition is gone.
    const gone = await vi.waitFor(
      async () => {
        const outcome = outcomeOf(await installation.apply([stays]), 'definition-goes');
        expect(outcome.state).toBe('deleted');
        return outcome;
      },
      { timeout: 30_000, interval: 500 },
    );

    expect(leaving).toMatchObject({ state: 'deleting', message: 'some of its objects are still there' });
    expect(gone.state).toBe('deleted');
  });

  it('leaves the objects of a deleted Kustomization that did not prune', async () => {
    const ns = 'prune-orphan';
    const installation = install(fixture.api, ns);
    const stays = rendered('orphan-stays', [namespace(ns)]);
    await installation.apply([stays, rendered('orphan-goes', [configMap(ns, 'one')], { prune: false })]);

    const outcome = await installation.apply([stays]);

    expect(outcomeOf(outcome, 'orphan-goes').state).toBe('deleted');
    expect(await exists(ns, 'configmap/one')).toBe(true);
  });

  it('does not wait for objects that are never pruned before it forgets a deleted Kustomization', async () => {
    const ns = 'prune-disabled';
    const installation = install(fixture.api, ns);
    const stays = rendered('disabled-stays', [namespace(ns)]);
    const kept = configMap(ns, 'kept', {}, { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
    const goes = rendered('disabled-goes', [configMap(ns, 'one'), kept]);
    await installation.apply([stays, goes]);

    const approvals = [{ kustomization: goes.id, count: 1 }];
    const outcome = await installation.apply([stays], { approvals });

    expect(outcomeOf(outcome, 'disabled-goes').state).toBe('deleted');
    expect(await deletionsIn(ns)).toEqual(['configmaps/one']);
    expect(await exists(ns, 'configmap/kept')).toBe(true);
  });

  it('keeps the objects of a Kustomization that was suspended when it was deleted', async () => {
    const ns = 'prune-suspended';
    const installation = install(fixture.api, ns);
    const stays = rendered('suspended-stays', [namespace(ns)]);
    const goes = rendered('suspended-goes', [configMap(ns, 'one')]);
    await installation.apply([stays, goes]);
    await installation.apply([stays, { ...goes, render: { kind: 'suspended', ready: true, desired: [] } }]);

    const approvals = [{ kustomization: goes.id, count: 1 }];
    const outcome = await installation.apply([stays], { approvals });

    // It is over, as in Flux: a status that waits for what never comes would never end.
    expect(outcomeOf(outcome, 'suspended-goes')).toMatchObject({
      state: 'deleted',
      message: 'deleted from Git while it was suspended; its objects stay',
    });
    expect(await deletionsIn(ns)).toEqual([]);
    expect(await exists(ns, 'configmap/one')).toBe(true);
  });

  it('reports an object whose label was removed by hand as orphaned, and does not delete it', async () => {
    const ns = 'prune-unlabelled';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'one'), configMap(ns, 'two')])]);
    await fixture.cluster.kubectl(['-n', ns, 'label', 'configmap/one', 'applyset.kubernetes.io/part-of-']);

    const outcome = await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'two')])]);

    expect(outcomeOf(outcome, ns).orphans.map(({ name }) => name)).toEqual(['one']);
    expect(await deletionsIn(ns)).toEqual([]);
  });
});

interface Violation {
  readonly guard: string;
  readonly request?: Partial<ApplyRequest>;
  readonly ports?: Partial<ApplyPorts>;
  readonly others?: (ns: string) => readonly DesiredSet[];
  readonly extra?: (ns: string) => readonly KubernetesObject[];
  readonly doomed?: (ns: string) => KubernetesObject;
  readonly prune?: boolean;
  readonly meddle?: (ns: string) => Promise<unknown>;
}

function unknownSet(name: string, render: DesiredSet['render']): readonly DesiredSet[] {
  return [{ ...rendered(name, []), render }];
}

function through(change: (api: KubernetesApi) => Partial<KubernetesApi>): { readonly api: KubernetesApi } {
  return { api: { ...fixture.api, ...change(fixture.api) } };
}

const violations: Readonly<Record<string, () => Violation>> = {
  'an artifact is doubtful': () => ({
    guard: 'artifact-incomplete',
    request: { doubts: ['GitRepository flux-system/app: the artifact is not what its digest says'] },
  }),
  'another Kustomization failed to render': () => ({
    guard: 'not-rendered',
    others: (ns) => unknownSet(`${ns}-broken`, { kind: 'failed', reason: 'BuildFailed', message: 'broken' }),
  }),
  'nobody knows what another Kustomization desires': () => ({
    guard: 'not-rendered',
    others: (ns) => unknownSet(`${ns}-idle`, { kind: 'unchanged', ready: true }),
  }),
  'an object of its Kustomization was refused': () => ({
    guard: 'not-applied',
    extra: (ns) => [{ ...configMap(ns, 'broken'), data: { 'not a key!': 'x' } }],
  }),
  'somebody else applied it with our label': () => ({
    guard: 'not-owned',
    meddle: async (ns) => {
      const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', 'configmap/doomed', '-o', 'json']);
      const { metadata } = JSON.parse(stdout) as { metadata: { labels: Record<string, string> } };
      await fixture.cluster.kubectl(['-n', ns, 'delete', 'configmap/doomed']);
      const copy = configMap(ns, 'doomed');
      const labeled = { ...copy, metadata: { ...copy.metadata, labels: metadata.labels } };
      await fixture.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(labeled) });
    },
  }),
  'a controller owns it': () => ({
    guard: 'controlled',
    meddle: async (ns) => {
      const { stdout } = await fixture.cluster.kubectl([
        '-n',
        ns,
        'get',
        'configmap/kept',
        '-o',
        'jsonpath={.metadata.uid}',
      ]);
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'kept', uid: stdout, controller: true };
      const patch = JSON.stringify({ metadata: { ownerReferences: [owner] } });
      await fixture.cluster.kubectl(['-n', ns, 'patch', 'configmap/doomed', '--type=merge', '-p', patch]);
    },
  }),
  'pruning is switched off for the object': () => ({
    guard: 'prune-disabled',
    doomed: (ns) => configMap(ns, 'doomed', {}, { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }),
  }),
  'pruning is switched off for the Kustomization': () => ({ guard: 'prune-disabled', prune: false }),
  'discovery has holes': () => ({
    guard: 'discovery-incomplete',
    ports: through((api) => ({
      discover: async () => ({ ...(await api.discover()), incomplete: ['metrics.k8s.io/v1beta1'] }),
    })),
  }),
  'the lease is lost when it comes to pruning': () => ({
    guard: 'lease-lost',
    ports: { holdsLease: () => false },
  }),
  'it changed after it was looked at': () => ({
    guard: 'changed-meanwhile',
    ports: through((api) => ({
      async delete(request) {
        const { namespace, name } = request.address;
        await fixture.cluster.kubectl(['-n', namespace, 'annotate', `configmap/${name}`, 'touched=yes']);
        return api.delete(request);
      },
    })),
  }),
  'too large a share would go': () => ({
    guard: 'share',
    request: { pruneGuard: { maxObjects: 0, maxPercent: 20 } },
  }),
};

describe('pruning holds back', () => {
  it.each(Object.entries(violations))('when %s', async (title, violate) => {
    const ns = `guard-${title.replaceAll(/[^a-z]+/g, '-')}`.slice(0, 60).replace(/-$/, '');
    const { guard, request, ports, others, extra, doomed, prune = true, meddle } = violate();
    const kept = [namespace(ns), configMap(ns, 'kept'), configMap(ns, 'kept-too')];
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, [...kept, doomed?.(ns) ?? configMap(ns, 'doomed')], { prune })]);
    await meddle?.(ns);

    const sets = [rendered(ns, [...kept, ...(extra?.(ns) ?? [])], { prune }), ...(others?.(ns) ?? [])];
    const outcome = await installation.apply(sets, request, ports);

    const held = outcomeOf(outcome, ns).withheld.filter(({ id }) => id.name === 'doomed');
    // Without the lease nothing is even planned; any other guard names itself.
    expect(held.map((prune) => prune.guard)).toEqual(guard === 'lease-lost' ? [] : [guard]);
    expect(await exists(ns, 'configmap/doomed')).toBe(true);
    const landed = (await deletionsIn(ns)).length;
    expect(landed).toBe(guard === 'changed-meanwhile' ? 1 : 0);
  });

  it('when a Namespace or a definition would take desired objects with it', async () => {
    const ns = 'guard-in-use';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'kept')])]);

    const outcome = await installation.apply([rendered(ns, [configMap(ns, 'kept')])]);

    expect(outcomeOf(outcome, ns).withheld).toMatchObject([{ id: { kind: 'Namespace' }, guard: 'in-use' }]);
    expect(await deletionsIn(ns)).toEqual([]);
  });
});

/** Who changes an object while a run is at work, or what a run cannot see. */
function withoutLists(kinds: readonly string[]): { readonly api: KubernetesApi } {
  return through((api) => ({
    async listMetadata(request) {
      if (kinds.includes(request.resource.plural) && request.labelSelector === undefined) {
        const message = `${request.resource.plural} is forbidden: User "tidegate" cannot list resource`;
        throw new KubernetesApiError({ code: 403, reason: 'Forbidden', message, causes: [] });
      }
      return api.listMetadata(request);
    },
  }));
}

describe('an object that takes others with it', () => {
  it('is held back with what is in it, and goes when both are approved', async () => {
    const ns = 'weight-big';
    const installation = install(fixture.api, ns);
    const root = rendered('weight-root', [namespace(ns), namespace('weight-other')]);
    const rootAfter = rendered('weight-root', [namespace('weight-other')]);
    const maps = Array.from({ length: 50 }, (_, index) => configMap(ns, `map-${index}`));
    const big = rendered('weight-of-big', maps);
    await installation.apply([root, big]);
    await fixture.cluster.kubectl(['-n', ns, 'create', 'configmap', 'by-hand']);

    const held = await installation.apply([rootAfter]);
    const half = await installation.apply([rootAfter], { approvals: [{ kustomization: root.id, count: 2 }] });
    const before = await deletionsIn(ns);
    const approvals = [
      { kustomization: big.id, count: 50 },
      { kustomization: root.id, count: 2 },
    ];
    const approved = await installation.apply([rootAfter], { approvals });
    const done = await deletionsIn(ns);

    const [asked] = outcomeOf(held, 'weight-root').withheld;
    expect(asked).toMatchObject({ id: { kind: 'Namespace', name: ns }, guard: 'weight', asksFor: { count: 2 } });
    expect(asked?.message).toMatch(/^51 objects would go with it \(51 ConfigMap\): ConfigMap\/weight-big\/by-hand, /);
    expect(outcomeOf(held, 'weight-of-big').withheld).toHaveLength(50);
    expect(outcomeOf(half, 'weight-root').withheld).toMatchObject([{ id: { name: ns }, guard: 'holds-others' }]);
    expect(before).toEqual([]);
    expect(outcomeOf(approved, 'weight-of-big').state).toBe('deleted');
    expect(outcomeOf(approved, 'weight-root')).toMatchObject({ state: 'ready', withheld: [] });
    expect(changesOf(outcomeOf(approved, 'weight-root'))).toContain('deleted Namespace/weight-big');
    expect(done).toHaveLength(51);
  });

  it('goes without asking when Git said so of it, but not before what is held back in it', async () => {
    const ns = 'weight-marked';
    const installation = install(fixture.api, ns);
    const marked = { ...namespace(ns), metadata: { name: ns, annotations: { 'tidegate.dev/prune': 'enabled' } } };
    const kept = configMap(ns, 'kept', {}, { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
    const [first, stays] = [namespace('weight-stays'), rendered('marked-root', [namespace('weight-stays')])];
    await installation.apply([rendered('marked-root', [first, marked]), rendered('marked-app', [kept])]);

    const held = outcomeOf(await installation.apply([stays]), 'marked-root');
    await fixture.cluster.kubectl(['-n', ns, 'delete', 'configmap/kept']);
    const gone = outcomeOf(await installation.apply([stays]), 'marked-root');

    expect(held.withheld).toMatchObject([{ id: { name: ns }, guard: 'holds-others' }]);
    expect(held.withheld[0]?.message).toContain('ConfigMap/weight-marked/kept');
    expect(changesOf(gone)).toContain('deleted Namespace/weight-marked');
  });

  it('is asked for when a person said so in the cluster, for only what Git said of it last counts', async () => {
    const ns = 'weight-by-hand';
    const installation = install(fixture.api, ns);
    const stays = rendered('by-hand-root', [namespace('weight-by-hand-stays')]);
    const [plain, taken] = [namespace(ns), namespace('weight-taken-out')];
    const annotations = { 'tidegate.dev/prune': 'enabled' };
    const marked = { ...taken, metadata: { ...taken.metadata, annotations } };
    await installation.apply([
      { ...stays, render: { kind: 'rendered', objects: [namespace('weight-by-hand-stays'), plain, marked] } },
    ]);
    await installation.apply([
      { ...stays, render: { kind: 'rendered', objects: [namespace('weight-by-hand-stays'), plain, taken] } },
    ]);
    for (const name of [ns, 'weight-taken-out']) {
      await fixture.cluster.kubectl(['annotate', 'namespace', name, 'tidegate.dev/prune=enabled']);
    }

    const { withheld } = outcomeOf(await installation.apply([stays]), 'by-hand-root');

    expect(withheld.map(({ id, guard }) => `${id.name} ${guard}`).sort()).toEqual([
      'weight-by-hand weight',
      'weight-taken-out weight',
    ]);
    expect([...(await deletionsIn(ns)), ...(await deletionsIn('weight-taken-out'))]).toEqual([]);
  });

  it('is held back, whatever is approved, while nobody can look what it holds', async () => {
    const ns = 'weight-unseen';
    const installation = install(fixture.api, ns);
    const [root, stays] = ['unseen-root', namespace('unseen-stays')];
    await installation.apply([rendered(root, [stays, namespace(ns)])]);
    const approvals = [{ kustomization: rendered(root, []).id, count: 1 }];

    const held = await installation.apply([rendered(root, [stays])], { approvals }, withoutLists(['secrets']));

    expect(outcomeOf(held, root).withheld).toMatchObject([{ id: { name: ns }, guard: 'weight-unknown' }]);
    expect(outcomeOf(held, root).withheld[0]?.message).toContain('Secret could not be listed');
    expect(await deletionsIn(ns)).toEqual([]);
  });

  it('is asked for when it is a definition, with the resources that nobody of ours made', async () => {
    const ns = 'weight-kinds';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'a'), definition('surges', 'Surge')])]);
    for (const name of ['one', 'two']) {
      const surge = { apiVersion: 'example.com/v1', kind: 'Surge', metadata: { name, namespace: ns } };
      await fixture.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(surge) });
    }
    const without = [rendered(ns, [namespace(ns), configMap(ns, 'a')])];

    const held = outcomeOf(await installation.apply(without), ns);
    const approvals = [{ kustomization: { namespace: 'flux-system', name: ns }, count: 3 }];
    const gone = outcomeOf(await installation.apply(without, { approvals }), ns);

    expect(held.withheld).toMatchObject([{ guard: 'weight', asksFor: { count: 3 } }]);
    expect(held.withheld[0]?.message).toContain('2 objects would go with it (2 Surge)');
    expect(changesOf(gone)).toContain('deleted CustomResourceDefinition/surges.example.com');
  });

  it('is asked for when it is a claim, or owns one through others', async () => {
    const ns = 'weight-claims';
    const installation = install(fixture.api, ns);
    const claim = (name: string): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: ns },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const kept = [namespace(ns), configMap(ns, 'kept')];
    await installation.apply([rendered(ns, [...kept, configMap(ns, 'owner'), claim('direct')])]);
    const uidOf = async (object: string) =>
      (await fixture.cluster.kubectl(['-n', ns, 'get', object, '-o', 'jsonpath={.metadata.uid}'])).stdout;
    const owned = async (object: KubernetesObject, owner: string) => ({
      ...object,
      metadata: {
        ...object.metadata,
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: await uidOf(`configmap/${owner}`) }],
      },
    });
    const create = async (object: KubernetesObject) =>
      fixture.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
    await create(await owned(configMap(ns, 'between'), 'owner'));
    await create(await owned(claim('owned'), 'between'));

    const held = outcomeOf(await installation.apply([rendered(ns, kept)]), ns);

    expect(held.withheld.map(({ id, guard, message }) => `${id.name} ${guard} ${message}`).sort()).toEqual([
      'direct weight the data of its volume would go with it',
      `owner weight 1 object would go with it (1 PersistentVolumeClaim): PersistentVolumeClaim/${ns}/owned`,
    ]);
    expect(held.withheld.map(({ asksFor }) => asksFor?.count)).toEqual([3, 3]);
    expect(await deletionsIn(ns)).toEqual([]);
  });

  it('is not recreated by force, unless Git said of it that it may go', async () => {
    const ns = 'weight-forced';
    const installation = install(fixture.api, ns);
    const claim = (accessMode: string, annotations = {}): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: ns, annotations },
      spec: { accessModes: [accessMode], resources: { requests: { storage: '1Gi' } } },
    });
    const apply = async (object: KubernetesObject) =>
      outcomeOf(await installation.apply([rendered(ns, [namespace(ns), object], { force: true })]), ns);
    await apply(claim('ReadWriteOnce'));

    const refused = await apply(claim('ReadWriteMany'));
    const before = await deletionsIn(ns);
    const allowed = await apply(claim('ReadWriteMany', { 'tidegate.dev/prune': 'enabled' }));

    expect(refused.failures).toMatchObject([{ reason: 'RecreationWithheld', id: { name: 'data' } }]);
    expect(refused.failures[0]?.message).toContain('the data of its volume would go with it');
    expect(before).toEqual([]);
    expect(allowed.failures).toEqual([]);
    expect(await deletionsIn(ns)).toEqual(['persistentvolumeclaims/data']);
  });
});

describe('a Kustomization that still brings others', () => {
  it('renders something: its last object goes without asking', async () => {
    const ns = 'parent-of';
    const installation = install(fixture.api, ns);
    const child = rendered('parent-of-child', [namespace(ns)]);
    const parent = { ...rendered('parent-of-it', [configMap(ns, 'last')]), children: [child.id] };
    await installation.apply([child, parent]);
    const barren = { ...parent, render: { kind: 'rendered', objects: [] } } as const;

    const gone = outcomeOf(await installation.apply([child, barren]), 'parent-of-it');

    expect(gone).toMatchObject({ state: 'ready', withheld: [] });
    expect(await deletionsIn(ns)).toEqual(['configmaps/last']);
  });
});

describe('a Kustomization that is gone from Git', () => {
  it('goes without asking when it is small, and its inventory with it', async () => {
    const ns = 'small';
    const installation = install(fixture.api, ns);
    const stays = rendered('small-stays', [namespace(ns)]);
    await installation.apply([stays, rendered('small-app', [configMap(ns, 'only')])]);

    const gone = outcomeOf(await installation.apply([stays]), 'small-app');

    expect(gone).toMatchObject({ state: 'deleted', withheld: [] });
    expect(await deletionsIn(ns)).toEqual(['configmaps/only']);
  });
});
