import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DesiredSet, SetOutcome } from '#shared/engine/model/apply-request.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

import {
  configMap,
  install,
  namespace,
  outcomeOf,
  rendered,
  startApplyFixture,
  type ApplyFixture,
} from './apply-fixture.ts';

let fixture: ApplyFixture;

beforeAll(async () => {
  fixture = await startApplyFixture();
});

afterAll(async () => {
  await fixture?.stop();
});

type Fields = Readonly<Record<string, unknown>>;
type Kubectl = (args: readonly string[]) => Promise<unknown>;

/** A Job that never ends, since no node takes its pod. */
function job(ns: string, name: string, spec: Fields = {}): KubernetesObject {
  const pod = {
    containers: [{ name: 'app', image: 'app:1' }],
    restartPolicy: 'Never',
    nodeSelector: { no: 'where' },
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: ns },
    spec: { template: { spec: pod }, ...spec },
  };
}

function claim(ns: string, name: string): KubernetesObject {
  const resources = { requests: { storage: '1Gi' } };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: ns },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources },
  };
}

const definition: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'jobs.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Job', plural: 'jobs', singular: 'job', listKind: 'JobList' },
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

describe('while health is awaited', () => {
  /** Applies a Kustomization and does something to the cluster as soon as it is asked whether to wait on. */
  async function applyAnd(set: DesiredSet, act: (kubectl: Kubectl) => Promise<unknown>) {
    let acted: Promise<unknown> | undefined;
    const isSuperseded = async () => {
      await (acted ??= act((args) => fixture.cluster.kubectl(args)));
      return false;
    };
    const outcome = await install(fixture.api, set.id.name).apply([set], {}, { isSuperseded });
    expect(acted).toBeDefined();
    return outcomeOf(outcome, set.id.name);
  }

  function statusOf({ health }: SetOutcome, name: string) {
    return health.find(({ id }) => id.name === name)?.status;
  }

  const ofAnotherGroup = (ns: string) => ({
    apiVersion: 'example.com/v1',
    kind: 'Job',
    metadata: { name: 'it', namespace: ns },
    spec: { ttlSecondsAfterFinished: 0 },
  });

  it.each([
    ['a Job without a time to live', 'job.batch', (ns: string) => [job(ns, 'it')]],
    [
      'a Job whose time to live is no number',
      'job.batch',
      (ns: string) => [job(ns, 'it', { ttlSecondsAfterFinished: null })],
    ],
    [
      'a Job that would stay for an hour once it is done',
      'job.batch',
      (ns: string) => [job(ns, 'it', { ttlSecondsAfterFinished: 3600 })],
    ],
    ['a Job of another group', 'jobs.example.com', (ns: string) => [definition, ofAnotherGroup(ns), claim(ns, 'held')]],
    ['a ConfigMap', 'configmap', (ns: string) => [configMap(ns, 'it'), claim(ns, 'held')]],
    ['a claim', 'pvc', (ns: string) => [claim(ns, 'it')]],
  ])('%s that somebody deletes is not found, which fails its Kustomization', async (what, kind, objects) => {
    const ns = what.toLowerCase().replaceAll(/\W+/gu, '-');
    const set = rendered(ns, [namespace(ns), ...objects(ns)], { wait: true, timeoutMs: 3000 });

    const outcome = await applyAnd(set, (kubectl) => kubectl(['-n', ns, 'delete', `${kind}/it`]));

    expect(statusOf(outcome, 'it')).toBe('NotFound');
    expect(outcome).toMatchObject({ state: 'failed', reason: 'HealthCheckFailed' });
    expect(outcome.message).toContain(`${ns}/it: NotFound`);
  });

  it('a Job with a time to live that is gone is done, and so its Kustomization is ready', async () => {
    const ns = 'passing';
    const set = rendered(ns, [namespace(ns), job(ns, 'it', { ttlSecondsAfterFinished: 0 })], { wait: true });

    const outcome = await applyAnd(set, (kubectl) => kubectl(['-n', ns, 'delete', 'job/it']));

    expect(statusOf(outcome, 'it')).toBe('Current');
    expect(outcome.state).toBe('ready');
  });

  it('a Job that was seen done may go at any time', async () => {
    const ns = 'done';
    // `claim` keeps the Kustomization waiting after the Job is done.
    const objects = [
      namespace(ns),
      job(ns, 'it', { completions: 0, ttlSecondsAfterFinished: 3600 }),
      claim(ns, 'held'),
    ];
    let looks = 0;
    const isSuperseded = async () => {
      looks += 1;
      if (looks === 2) await fixture.cluster.kubectl(['-n', ns, 'delete', 'job/it']);
      return looks > 4;
    };
    const set = rendered(ns, objects, { wait: true });

    const outcome = outcomeOf(await install(fixture.api, ns).apply([set], {}, { isSuperseded }), ns);

    expect(looks).toBeGreaterThan(4);
    expect(outcome.health.find(({ id }) => id.name === 'it')).toMatchObject({
      status: 'Current',
      message: 'finished and gone, as its ttlSecondsAfterFinished asks',
    });
  });

  it('a member that loses its label is still seen', async () => {
    const ns = 'unlabelled';
    const set = rendered(ns, [namespace(ns), claim(ns, 'it'), configMap(ns, 'settings')], {
      wait: true,
      timeoutMs: 2000,
    });

    const outcome = await applyAnd(set, (kubectl) =>
      kubectl(['-n', ns, 'label', 'pvc/it', 'configmap/settings', 'applyset.kubernetes.io/part-of-']),
    );

    expect(statusOf(outcome, 'it')).toBe('InProgress');
    expect(statusOf(outcome, 'settings')).toBe('Current');
  });

  it('an object that hangs on its way out is terminating, of a kind without a status, too', async () => {
    const ns = 'leaving';
    const held = configMap(ns, 'it');
    const object = { ...held, metadata: { ...held.metadata, finalizers: ['example.com/held'] } };
    const set = rendered(ns, [namespace(ns), object, claim(ns, 'held')], { wait: true, timeoutMs: 3000 });

    const outcome = await applyAnd(set, (kubectl) => kubectl(['-n', ns, 'delete', 'configmap/it', '--wait=false']));

    expect(statusOf(outcome, 'it')).toBe('Terminating');
    expect(outcome.state).toBe('failed');
  });

  it('a budget applied before its pods, and a load balancer that nobody gives an address, hold nothing up', async () => {
    const ns = 'unattended';
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: ns },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    };
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: ns },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } },
    };
    const set = rendered(ns, [namespace(ns), budget, service], { wait: true });

    expect(outcomeOf(await install(fixture.api, ns).apply([set]), ns)).toMatchObject({ state: 'ready' });
  });

  it('a Kustomization that is not there is not found, and itself is not waited for', async () => {
    const kind = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace: 'flux-system' };
    const missing = rendered('misses', [namespace('misses')], {
      healthChecks: [{ ...kind, name: 'nobody' }],
      timeoutMs: 200,
    });
    const alone = rendered('alone', [namespace('alone')], { healthChecks: [{ ...kind, name: 'alone' }] });

    const outcome = await install(fixture.api, 'themselves').apply([missing, alone]);

    expect(outcomeOf(outcome, 'misses').message).toContain('Kustomization/flux-system/nobody: NotFound');
    expect(outcomeOf(outcome, 'alone').state).toBe('ready');
  });

  it('reads of a Secret nothing but its metadata', async () => {
    const ns = 'unread';
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'it', namespace: ns },
      data: { password: 'Y2FuYXJ5' },
    };
    const check = { apiVersion: 'v1', kind: 'Secret', namespace: ns, name: 'other' };
    await install(fixture.api, 'before').apply([rendered('before', [namespace(ns)])]);
    await fixture.cluster.kubectl(['-n', ns, 'create', 'secret', 'generic', 'other']);
    const read: unknown[] = [];
    const api = {
      ...fixture.api,
      list: async (request: Parameters<typeof fixture.api.list>[0]) => {
        read.push(request.resource.kind);
        return fixture.api.list(request);
      },
      get: async (address: Parameters<typeof fixture.api.get>[0]) => {
        read.push(address.resource.kind);
        return fixture.api.get(address);
      },
    };

    const waiting = rendered('waiting', [secret], { wait: true });
    const checking = rendered('checking', [configMap(ns, 'settings')], { healthChecks: [check] });
    const outcome = await install(api, 'unread').apply([waiting, checking]);

    expect(outcome.sets.map(({ state }) => state)).toEqual(['ready', 'ready']);
    expect(read).not.toContain('Secret');
  });
});
