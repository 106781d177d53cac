import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ServeEnvironment } from '#demo/serve-environment.ts';

import { awaitStatus, startSmallEnvironment, waitOn } from './small-environment.ts';

const RELEASE = 'clusters/my-cluster/release.yaml';
const NEIGHBORS = 'clusters/my-cluster/neighbours.yaml';
const SEALED = 'clusters/my-cluster/sealed.yaml';

const release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: redis
  namespace: flux-system
spec:
  interval: 5m
  chart:
    spec:
      chart: redis
      sourceRef:
        kind: HelmRepository
        name: bitnami
`;

const sealed = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: sealed
  namespace: flux-system
spec:
  interval: 10s
  path: ./apps/cache
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
  decryption:
    provider: sops
`;

const neighbors = `apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata:
  name: tenants
  namespace: flux-system
spec: {}
---
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata:
  name: shards
  namespace: flux-system
spec: {}
---
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata:
  name: flux
  namespace: flux-system
spec: {}
`;

describe('a repository with a kind and a field that Tidegate does not implement', () => {
  let environment: ServeEnvironment;

  beforeAll(async () => {
    environment = await startSmallEnvironment((files) => ({
      ...files,
      [RELEASE]: release,
      [SEALED]: sealed,
      [NEIGHBORS]: neighbors,
    }));
    await environment.serve.start();
  }, 600_000);
  afterAll(() => environment.close());

  test.each([
    { kind: 'HelmRelease', name: 'redis', place: `${RELEASE}:2:`, field: 'kind', says: 'HelmRelease' },
    { kind: 'ResourceSet', name: 'tenants', place: `${NEIGHBORS}:2:`, field: 'kind', says: 'ResourceSet' },
    { kind: 'ArtifactGenerator', name: 'shards', place: `${NEIGHBORS}:9:`, field: 'kind', says: 'ArtifactGenerator' },
    {
      kind: 'Kustomization',
      name: 'sealed',
      place: `${SEALED}:13:`,
      field: 'spec.decryption',
      says: "is a field of Flux's Kustomization that Tidegate does not implement yet",
    },
  ])('$kind $name is Stalled with file, line and field', async ({ kind, name, place, field, says }) => {
    const { conditions } = await awaitStatus(environment, kind, name);
    const stalled = conditions.find(({ type }) => type === 'Stalled');
    expect(stalled?.status).toBe('True');
    const [first = ''] = (stalled?.message ?? '').split('\n');
    // All of it has to be among the 140 characters that GitHub shows.
    expect(`${stalled?.reason}: ${first}`.slice(0, 140)).toMatch(
      new RegExp(`^\\w+: ${place}\\d+: ${field}: .*${says}`, 'u'),
    );
  });

  test('the rest is applied', async () => {
    const { view } = environment.cluster;
    await waitOn(environment, { what: 'podinfo to be Ready', look: () => view.isReady('podinfo', 'podinfo', '6.7.0') });
    const { conditions } = await awaitStatus(environment, 'Kustomization', 'podinfo');
    expect(conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  test('what was reported stands in the events', async () => {
    const errors = (await environment.journal.events()).filter(({ severity }) => severity === 'error');
    const named = errors.map(({ object }) => `${object.kind}/${object.name}`);
    expect(named).toEqual(expect.arrayContaining(['HelmRelease/redis', 'Kustomization/sealed']));
  });

  test('a FluxInstance is left out, and said to be', async () => {
    const told = (await environment.journal.events()).filter(({ reason }) => reason === 'LeftOut');
    expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('FluxInstance/flux-system/flux')]);
  });
});
