import { afterAll, beforeAll, describe, expect, it } from 'vitest';

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

function writes() {
  return fixture.proxy
    .requests()
    .filter(({ method }) => method !== 'GET')
    .map(({ method, uri }) => `${method} ${uri}`);
}

function app(ns: string, image = 'app:1') {
  return [namespace(ns), configMap(ns, 'settings'), deployment(ns, 'web', image), service(ns, 'web')];
}

describe('applying a Kustomization', () => {
  it('creates a namespace and all that lives in it, and waits until it is healthy', async () => {
    const installation = install(fixture.api, 'first');

    const outcome = await installation.apply([rendered('first', app('first'), { wait: true })]);

    const set = outcomeOf(outcome, 'first');
    expect(set).toMatchObject({ state: 'ready', reason: 'ReconciliationSucceeded', failures: [] });
    expect(changesOf(set)).toEqual([
      'created ConfigMap/first/settings',
      'created Deployment/first/web',
      'created Namespace/first',
      'created Service/first/web',
    ]);
    expect(set.health.map(({ status }) => status)).toEqual(['Current', 'Current', 'Current', 'Current']);
  });

  it('checks what has not changed with one request a kind and a handful, and writes nothing', async () => {
    const installation = install(fixture.api, 'idle');
    const maps = Array.from({ length: 60 }, (_, index) => configMap('idle', `map-${index}`));
    const sets = [rendered('idle', [...app('idle'), ...maps], { wait: true })];
    await installation.apply(sets);
    const lazy = [rendered('idle', [...app('idle'), ...maps])];
    fixture.proxy.resetCounters();

    const outcome = await installation.apply(lazy);

    expect(new Set(outcomeOf(outcome, 'idle').changes.map(({ action }) => action))).toEqual(new Set(['unchanged']));
    expect(writes()).toEqual([]);
    const kinds = 4;
    expect(fixture.proxy.requests().length).toBeLessThanOrEqual(kinds + 9);
  });

  it('applies all again without records, and changes nothing by it', async () => {
    const installation = install(fixture.api, 'forgetful');
    const sets = [rendered('forgetful', app('forgetful'), { wait: true })];
    await installation.apply(sets);
    installation.loseRecords();

    const outcome = await installation.apply(sets);

    expect(new Set(outcomeOf(outcome, 'forgetful').changes.map(({ action }) => action))).toEqual(
      new Set(['unchanged']),
    );
  });

  it('corrects drift and names it', async () => {
    const ns = 'drift';
    const installation = install(fixture.api, ns);
    const sets = [rendered(ns, app(ns), { wait: true })];
    await installation.apply(sets);
    const kubectl = (args: readonly string[]) => fixture.cluster.kubectl(args);
    await kubectl(['-n', ns, 'scale', 'deployment/web', '--replicas=5']);
    await kubectl(['-n', ns, 'patch', 'configmap/settings', '--type=merge', '-p', '{"data":{"key":"edited"}}']);
    await kubectl(['-n', ns, 'delete', 'service/web']);
    await kubectl(['label', `namespace/${ns}`, 'applyset.kubernetes.io/part-of-']);

    const outcome = await installation.apply(sets);

    expect(changesOf(outcomeOf(outcome, ns))).toEqual([
      'configured! ConfigMap/drift/settings',
      'configured! Deployment/drift/web',
      'configured! Namespace/drift',
      'created! Service/drift/web',
    ]);
    const { stdout } = await kubectl(['-n', ns, 'get', 'deployment/web', '-o', 'jsonpath={.spec.replicas}']);
    expect(stdout).toBe('2');
  });

  it('corrects what somebody wrote in the name of tidegate', async () => {
    const ns = 'impostor';
    const installation = install(fixture.api, ns);
    const sets = [rendered(ns, [namespace(ns), configMap(ns, 'settings')])];
    await installation.apply(sets);
    await fixture.api.apply({
      resource: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: [] },
      object: configMap(ns, 'settings', { key: 'forged' }),
    });

    const outcome = await installation.apply(sets);

    expect(changesOf(outcomeOf(outcome, ns))).toContain('configured! ConfigMap/impostor/settings');
  });

  it('tells a change that Git made from drift, and keeps the revision that brought each object', async () => {
    const ns = 'changed';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, app(ns), { wait: true })]);
    const second = { ...rendered(ns, app(ns, 'app:2'), { wait: true }), revision: 'main@sha1:2' };

    const set = outcomeOf(await installation.apply([second]), ns);

    expect(changesOf(set)).toContain('configured Deployment/changed/web');
    const revisions = set.changes.filter(({ revision }) => revision === 'main@sha1:2').map(({ id }) => id.kind);
    expect(revisions).toEqual(['Deployment']);
  });

  it('rebuilds namespaces that are being deleted', async () => {
    const ns = 'disaster';
    const installation = install(fixture.api, ns);
    const sets = [rendered(ns, app(ns), { wait: true })];
    await installation.apply(sets);
    await fixture.cluster.kubectl(['delete', 'namespace', ns, '--wait=false']);

    const set = outcomeOf(await installation.apply(sets), ns);

    expect(set).toMatchObject({ state: 'ready', failures: [] });
    expect(changesOf(set)).toContain('created! Namespace/disaster');
    expect(changesOf(set)).toContain('created! Deployment/disaster/web');
  });

  it('applies a definition and an object of its kind from one Kustomization', async () => {
    const ns = 'definitions';
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'tides.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Tide', plural: 'tides' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    const tide = { apiVersion: 'example.com/v1', kind: 'Tide', metadata: { name: 'high', namespace: ns }, height: 3 };

    const outcome = await install(fixture.api, ns).apply([rendered(ns, [tide, namespace(ns), definition])]);

    expect(outcomeOf(outcome, ns)).toMatchObject({ state: 'ready', failures: [] });
  });

  it('fails an object alone whose kind the server does not have, and applies it once the kind is there', async () => {
    const ns = 'unknown-kind';
    const installation = install(fixture.api, ns);
    const gale = { apiVersion: 'example.com/v1', kind: 'Gale', metadata: { name: 'strong', namespace: ns } };
    const sets = (...names: readonly string[]) => [
      rendered(ns, [namespace(ns), gale, ...names.map((name) => configMap(ns, name))]),
      rendered('after-unknown-kind', [configMap(ns, 'after')], {
        dependsOn: [{ namespace: 'flux-system', name: ns }],
      }),
    ];
    await installation.apply(sets('old', 'kept'));

    const lacking = await installation.apply(sets('kept', 'new'));
    await fixture.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(definition('gales', 'Gale')) });
    await fixture.cluster.kubectl(['wait', '--for=condition=Established', 'crd/gales.example.com', '--timeout=20s']);
    const complete = await installation.apply(sets('kept', 'new'));

    const set = outcomeOf(lacking, ns);
    expect(set.failures).toMatchObject([{ id: { kind: 'Gale', name: 'strong' }, reason: 'UnknownKind' }]);
    expect(set.message).toContain('Gale/unknown-kind/strong: UnknownKind: no kind Gale.example.com on the server');
    expect(changesOf(set)).toContain('created ConfigMap/unknown-kind/new');
    expect(set.withheld.map(({ id, guard }) => `${id.name} ${guard}`)).toContain('old not-applied');
    expect(outcomeOf(lacking, 'after-unknown-kind').state).toBe('blocked');
    expect(outcomeOf(complete, ns)).toMatchObject({ state: 'ready', failures: [], withheld: [] });
    expect(changesOf(outcomeOf(complete, ns))).toEqual([
      'created Gale/unknown-kind/strong',
      'deleted ConfigMap/unknown-kind/old',
      'unchanged ConfigMap/unknown-kind/kept',
      'unchanged ConfigMap/unknown-kind/new',
      'unchanged Namespace/unknown-kind',
    ]);
    expect(outcomeOf(complete, 'after-unknown-kind').state).toBe('ready');
  });

  it('applies it in the same run when a Kustomization further on brings its kind', async () => {
    const ns = 'late-kind';
    const squall = { apiVersion: 'example.com/v1', kind: 'Squall', metadata: { name: 'sudden', namespace: ns } };
    const base = rendered('late-base', [namespace(ns)]);
    const homeless = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'homeless' } };
    const uses = rendered('late-uses', [squall, configMap(ns, 'beside')]);
    const fails = rendered('late-fails', [{ ...squall, metadata: { name: 'other', namespace: ns } }, homeless]);
    const brings = rendered('late-brings', [definition('squalls', 'Squall')], { dependsOn: [base.id] });
    const after = rendered('late-after', [configMap(ns, 'after')], { dependsOn: [uses.id] });

    const outcome = await install(fixture.api, ns).apply([base, uses, fails, brings, after]);

    expect(outcome.sets.map(({ id, state }) => `${id.name} ${state}`).sort()).toEqual([
      'late-after ready',
      'late-base ready',
      'late-brings ready',
      'late-fails failed',
      'late-uses ready',
    ]);
    expect(changesOf(outcomeOf(outcome, 'late-uses'))).toEqual([
      'created ConfigMap/late-kind/beside',
      'created Squall/late-kind/sudden',
    ]);
    expect(outcomeOf(outcome, 'late-uses')).toMatchObject({ failures: [], withheld: [] });
    expect(outcomeOf(outcome, 'late-fails').failures.map(({ id, reason }) => `${id.name} ${reason}`)).toEqual([
      'homeless NamespaceNotSpecified',
    ]);
  });

  it('leaves the rest applied when one object is refused, and prunes nothing of that Kustomization', async () => {
    const ns = 'partial';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'old'), configMap(ns, 'kept')])]);
    const broken = { ...configMap(ns, 'broken'), data: { 'not a key!': 'x' } };

    const outcome = await installation.apply([rendered(ns, [namespace(ns), configMap(ns, 'new'), broken])]);

    const set = outcomeOf(outcome, ns);
    expect(set.state).toBe('failed');
    expect(set.failures.map(({ id, reason }) => `${id.name} ${reason}`)).toEqual(['broken Invalid']);
    expect(changesOf(set)).toContain('created ConfigMap/partial/new');
    expect(set.withheld.map(({ id, guard }) => `${id.name} ${guard}`).sort()).toEqual([
      'kept not-applied',
      'old not-applied',
    ]);
  });

  it('applies what depends on a Kustomization after that one is ready, and blocks it when that one fails', async () => {
    const ns = 'order';
    const base = rendered('order-base', [namespace(ns), deployment(ns, 'base')], { wait: true });
    const dependsOn = [base.id];
    const sets = [
      rendered('order-app', [configMap(ns, 'app')], { dependsOn }),
      base,
      rendered('order-lost', [], { dependsOn: [{ namespace: 'flux-system', name: 'nowhere' }] }),
    ];

    const outcome = await install(fixture.api, ns).apply(sets);

    expect(outcome.sets.map(({ id, state }) => `${id.name} ${state}`)).toEqual([
      'order-base ready',
      'order-app ready',
      'order-lost blocked',
    ]);
  });

  it('lets one of two claimants have an object and fails the other by name', async () => {
    const ns = 'claims';
    const installation = install(fixture.api, ns);
    const sets = [
      rendered('claims-b', [configMap(ns, 'shared', { from: 'b' })]),
      rendered('claims-a', [namespace(ns), configMap(ns, 'shared', { from: 'a' })]),
    ];

    await installation.apply(sets);
    const outcome = await installation.apply(sets);

    expect(outcomeOf(outcome, 'claims-a').state).toBe('ready');
    expect(outcomeOf(outcome, 'claims-b').failures).toMatchObject([{ reason: 'ClaimedTwice' }]);
    expect(outcomeOf(outcome, 'claims-b').message).toContain('flux-system/claims-a');
    expect(changesOf(outcomeOf(outcome, 'claims-a'))).toContain('unchanged ConfigMap/claims/shared');
  });

  it('refuses an object that Flux owns, and takes it over when Git says so', async () => {
    const ns = 'foreign';
    const installation = install(fixture.api, ns);
    await fixture.cluster.kubectl(['create', 'namespace', ns]);
    await fixture.cluster.kubectl(['-n', ns, 'create', 'configmap', 'theirs', '--from-literal=key=theirs']);
    await fixture.cluster.kubectl([
      '-n',
      ns,
      'label',
      'configmap/theirs',
      'kustomize.toolkit.fluxcd.io/name=apps',
      'kustomize.toolkit.fluxcd.io/namespace=flux-system',
    ]);

    const refused = await installation.apply([rendered(ns, [configMap(ns, 'theirs')])]);
    await fixture.cluster.kubectl(['-n', ns, 'annotate', 'configmap/theirs', 'tidegate.dev/adopt=enabled']);
    const byHand = await installation.apply([rendered(ns, [configMap(ns, 'theirs')])]);
    const adopt = { 'tidegate.dev/adopt': 'enabled' };
    const adopted = await installation.apply([rendered(ns, [configMap(ns, 'theirs', { key: 'ours' }, adopt)])]);

    expect(outcomeOf(refused, ns).failures).toMatchObject([{ reason: 'OwnedByOther' }]);
    expect(outcomeOf(refused, ns).message).toContain('Flux Kustomization flux-system/apps');
    expect(outcomeOf(byHand, ns).failures).toMatchObject([{ reason: 'OwnedByOther' }]);
    expect(changesOf(outcomeOf(adopted, ns))).toEqual(['configured ConfigMap/foreign/theirs']);
  });

  it('takes over what kubectl applied, without leaving fields behind that Git does not hold', async () => {
    const ns = 'taken';
    await fixture.cluster.kubectl(['create', 'namespace', ns]);
    const before = configMap(ns, 'settings', { key: 'old', extra: 'gone' });
    await fixture.cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(before) });

    await install(fixture.api, ns).apply([rendered(ns, [configMap(ns, 'settings', { key: 'new' })])]);

    const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', 'configmap/settings', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ data: { key: 'new' } });
    expect(stdout).not.toContain('gone');
  });

  it('fails on an immutable field with the words of the server, and recreates only with force', async () => {
    const ns = 'immutable';
    const installation = install(fixture.api, ns);
    const selecting = (label: string) => {
      const labels = { app: label };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1' }] } };
      return { ...deployment(ns, 'web'), spec: { replicas: 1, selector: { matchLabels: labels }, template } };
    };
    await installation.apply([rendered(ns, [namespace(ns), selecting('one')])]);

    const refused = await installation.apply([rendered(ns, [namespace(ns), selecting('two')])]);
    const forced = await installation.apply([rendered(ns, [namespace(ns), selecting('two')], { force: true })]);

    expect(outcomeOf(refused, ns).failures).toMatchObject([{ reason: 'Invalid' }]);
    expect(outcomeOf(refused, ns).message).toContain('field is immutable');
    expect(outcomeOf(forced, ns).state).toBe('ready');
    expect(outcomeOf(forced, ns).changes.find(({ id }) => id.kind === 'Deployment')).toMatchObject({
      action: 'created',
      note: 'recreated: spec.selector cannot be changed',
    });
  });

  it('shows no value of a Secret that the server refuses', async () => {
    const ns = 'secrets';
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password', namespace: ns },
      data: { password: 'canary-not-base64!' },
    };

    const outcome = await install(fixture.api, ns).apply([rendered(ns, [namespace(ns), secret])]);

    expect(outcomeOf(outcome, ns).state).toBe('failed');
    expect(JSON.stringify(outcome)).not.toContain('canary');
  });

  it('keeps the hash of a Secret nowhere but beside it, and still tells its drift from a change in Git', async () => {
    const ns = 'secret-hash';
    const secret = (password: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password', namespace: ns },
      stringData: { password },
    });
    let kept: Uint8Array | undefined;
    const records = {
      load: async () => kept,
      save: async (_cluster: string, bytes: Uint8Array) => {
        kept = bytes;
      },
    };
    const installation = install(fixture.api, ns);
    const apply = async (password: string) =>
      changesOf(
        outcomeOf(await installation.apply([rendered(ns, [namespace(ns), secret(password)])], {}, { records }), ns),
      ).filter((change) => change.includes('Secret'));
    const kubectl = (...args: readonly string[]) => fixture.cluster.kubectl(['-n', ns, ...args]);

    expect(await apply('first')).toEqual([`created Secret/${ns}/password`]);
    expect(await apply('first')).toEqual([`unchanged Secret/${ns}/password`]);
    const { stdout } = await kubectl(
      'get',
      'secret/password',
      '-o',
      String.raw`jsonpath={.metadata.annotations.tidegate\.dev/applied}`,
    );
    expect(stdout).toMatch(/^[\w-]{32}$/);
    expect(Buffer.from(kept ?? []).toString()).not.toContain(stdout);
    expect(await apply('second')).toEqual([`configured Secret/${ns}/password`]);
    await kubectl('patch', 'secret/password', '-p', '{"stringData":{"password":"hacked"}}');
    expect(await apply('second')).toEqual([`configured! Secret/${ns}/password`]);
    await kubectl('delete', 'secret/password');
    expect(await apply('second')).toEqual([`created! Secret/${ns}/password`]);
  });

  it('starts no request after its deadline, and finishes in the next run', async () => {
    const ns = 'late';
    const installation = install(fixture.api, ns);
    const sets = [rendered(ns, app(ns))];
    fixture.proxy.resetCounters();

    const late = await installation.apply(sets, { deadline: Date.now() - 1 });
    const written = writes();
    const next = await installation.apply(sets);

    expect(late).toMatchObject({ ended: 'deadline', sets: [{ state: 'progressing' }] });
    expect(written).toEqual([]);
    expect(outcomeOf(next, ns).state).toBe('ready');
  });

  it('leaves a Kustomization progressing while its health is not known, and fails it after its timeout', async () => {
    const ns = 'unhealthy';
    const installation = install(fixture.api, ns);
    const check = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ns, name: 'missing' };
    const set = rendered(ns, [namespace(ns)], { healthChecks: [check], timeoutMs: 60_000 });

    const waiting = outcomeOf(await installation.apply([set], { awaitHealthUntil: Date.now() + 300 }), ns);
    const failed = outcomeOf(await installation.apply([{ ...set, awaitingSince: Date.now() - 61_000 }]), ns);

    expect(waiting.state).toBe('progressing');
    expect(waiting.awaitingSince).toBeTypeOf('number');
    expect(failed).toMatchObject({ state: 'failed', reason: 'HealthCheckFailed' });
    expect(failed.message).toContain('Deployment/unhealthy/missing: NotFound');
  });
});
