import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';

import { kustomizationManifest } from './flux-manifests.ts';
import type { ReconciledCluster } from './open-reconciled-cluster.ts';
import { openReconciledCluster } from './open-reconciled-cluster.ts';

const ROOT = 'clusters/my-cluster';
const lines: Record<string, unknown>[] = [];
let open: ReconciledCluster;

beforeAll(async () => {
  const log = createJsonLogger({
    level: 'info',
    knownSecrets: [],
    now: () => 0,
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  open = await openReconciledCluster(log);
  await open.cluster.kubectl(['create', 'namespace', 'flux-system']);
});
afterAll(() => open.close());

function kustomization(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(kustomizationManifest(name, spec));
}

function configMap(name: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
}

describe('what a run tells', () => {
  it('logs its start, its revision, and each Kustomization with its result and its time', async () => {
    const revision = await open.commit({
      [`${ROOT}/good.yaml`]: kustomization('good'),
      [`${ROOT}/bad.yaml`]: kustomization('bad'),
      [`${ROOT}/asleep.yaml`]: kustomization('asleep', { suspend: true }),
      'apps/good/a.yaml': configMap('good'),
      'apps/bad/kustomization.yaml': 'resources: [missing.yaml]\n',
      'apps/asleep/b.yaml': configMap('asleep'),
    });

    await open.run();

    const [first, ...rest] = lines;
    expect(first).toMatchObject({ message: 'run started', cluster: 'my-cluster', revision, kustomizations: 4 });
    const finished = rest.filter(({ message }) => message === 'kustomization finished');
    const results = finished.map((line) => [line['kustomization'], line['result'], typeof line['ms']]);
    expect(results.toSorted(([one], [other]) => String(one).localeCompare(String(other)))).toEqual([
      ['flux-system/asleep', 'suspended', 'undefined'],
      ['flux-system/bad', 'failed', 'undefined'],
      ['flux-system/flux-system', 'ready', 'number'],
      ['flux-system/good', 'ready', 'number'],
    ]);
    expect(finished.find((line) => line['kustomization'] === 'flux-system/good')).toMatchObject({ created: 1 });
  });

  it('says once of a suspended Kustomization that it is suspended', async () => {
    await open.run();

    expect(await open.status('Kustomization', 'asleep')).toMatchObject({
      suspended: true,
      conditions: [{ type: 'Ready', status: 'Unknown', reason: 'Suspended' }],
    });
    const told = (await open.events()).filter(({ object }) => object.name === 'asleep');
    expect(told).toMatchObject([{ reason: 'Suspended', severity: 'info' }]);
  });

  it('does not say of a renamed Kustomization whose objects moved that they were deleted', async () => {
    const objects = { 'apps/shared/a.yaml': configMap('shared-a'), 'apps/shared/b.yaml': configMap('shared-b') };
    const path = './apps/shared';
    await open.commit({ [`${ROOT}/k.yaml`]: kustomization('old-name', { path }), ...objects });
    await open.run();
    const uid = async (): Promise<string> =>
      (await open.cluster.kubectl(['get', 'configmap/shared-a', '-o', 'jsonpath={.metadata.uid}'])).stdout;
    const before = await uid();
    await open.commit({ [`${ROOT}/k.yaml`]: kustomization('new-name', { path }), ...objects });

    await open.run();

    const told = (await open.events()).filter(
      ({ object, reason }) => object.name === 'old-name' && reason === 'Deleted',
    );
    expect(told.map(({ message }) => message)).toEqual([
      'gone from Git; its 2 objects moved to Kustomization flux-system/new-name',
    ]);
    expect(await uid()).toBe(before);
  });

  it('says of one that is deleted with its object that both are gone', async () => {
    await open.commit({ [`${ROOT}/k.yaml`]: kustomization('brief'), 'apps/brief/a.yaml': configMap('brief') });
    await open.run();
    await open.commit({ [`${ROOT}/calm.yaml`]: configMap('calm') });

    await open.run({ approvePrune: 'flux-system/brief=1' });
    await open.run({ approvePrune: 'flux-system/brief=1' });

    const told = (await open.events()).filter(({ object, reason }) => object.name === 'brief' && reason === 'Deleted');
    expect(told.at(-1)?.message).toBe('deleted from Git, and its 1 object with it');
  });
});
