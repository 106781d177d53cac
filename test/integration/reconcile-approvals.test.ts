import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SetOutcome } from '#shared/engine/model/apply-request.ts';

import type { ReconciledCluster } from './open-reconciled-cluster.ts';
import { openReconciledCluster } from './open-reconciled-cluster.ts';

const ROOT = 'clusters/my-cluster';
let open: ReconciledCluster;

beforeAll(async () => {
  open = await openReconciledCluster();
});
afterAll(() => open?.close());

function kustomization(name: string, path: string, annotations: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(annotations).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`);
  return [
    'apiVersion: kustomize.toolkit.fluxcd.io/v1',
    'kind: Kustomization',
    'metadata:',
    `  name: ${name}`,
    '  namespace: flux-system',
    ...(lines.length === 0 ? [] : ['  annotations:', ...lines]),
    'spec:',
    '  interval: 10m',
    `  path: ${path}`,
    '  prune: true',
    '  sourceRef: { kind: GitRepository, name: flux-system }',
    '',
  ].join('\n');
}

function configMap(name: string, annotations = '{}'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: default, annotations: ${annotations} }\n`;
}

async function reconcile(files: Readonly<Record<string, string>>, approvePrune?: string) {
  await open.commit(files);
  const outcome = await open.run(approvePrune === undefined ? {} : { approvePrune });
  if (outcome.outcome !== 'reconciled') throw new Error(`not reconciled: ${outcome.outcome}`);
  const sets = new Map(outcome.applied.sets.map((set) => [set.id.name, set]));
  return (name: string): SetOutcome => {
    const set = sets.get(name);
    if (set === undefined) throw new Error(`no outcome of ${name}`);
    return set;
  };
}

/** The root brings `apps`, that brings `shop`, and that maps. */
function tree(
  maps: readonly string[],
  marks: { readonly apps?: string; readonly shop?: string; readonly map?: string } = {},
): Record<string, string> {
  const approve = (value: string | undefined) =>
    value === undefined ? undefined : { 'tidegate.dev/approve-prune': value };
  return {
    [`${ROOT}/apps.yaml`]: kustomization('apps', './apps', approve(marks.apps)),
    'apps/shop.yaml': kustomization('shop', './shop', approve(marks.shop)),
    'shop/kept.yaml': configMap('kept', marks.map ?? '{}'),
    ...Object.fromEntries(maps.map((name) => [`shop/${name}.yaml`, configMap(name)])),
  };
}

const MAPS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

describe('a prune that waits for a person', () => {
  it('says where to approve it and what to write, and goes when that is written', async () => {
    await reconcile(tree(MAPS));

    const asked = (await reconcile(tree([], { apps: 'flux-system/other=3' })))('shop');
    const answer = asked.withheld[0]?.asksFor?.answer;
    const line = answer?.line ?? '';
    const approved = (await reconcile(tree([], { apps: line.slice(line.indexOf('"') + 1, -1) })))('shop');

    expect(asked.withheld).toHaveLength(7);
    expect(answer).toEqual({
      on: 'Kustomization flux-system/apps',
      place: { file: `${ROOT}/apps.yaml`, line: 7 },
      line: 'tidegate.dev/approve-prune: "flux-system/other=3,flux-system/shop=7"',
      unheard: [],
    });
    expect(approved.withheld).toEqual([]);
    expect(approved.changes.filter(({ action }) => action === 'deleted')).toHaveLength(7);
  });

  it('answers by name an approval that stands in the wrong place, names another count, or is none', async () => {
    await reconcile(tree(MAPS));

    const marks = {
      apps: 'flux-system/shop=6,shop=7',
      shop: 'flux-system/shop=7',
      map: '{ tidegate.dev/approve-prune: flux-system/shop=7 }',
    };
    const asked = (await reconcile(tree([], marks)))('shop');

    expect(asked.withheld).toHaveLength(7);
    expect(asked.withheld[0]?.asksFor?.answer).toMatchObject({
      on: 'Kustomization flux-system/apps',
      line: 'tidegate.dev/approve-prune: "flux-system/shop=7"',
      unheard: [
        `Kustomization flux-system/apps (${ROOT}/apps.yaml:7) approves 6, and it would be 7 now`,
        `"shop=7" on Kustomization flux-system/apps (${ROOT}/apps.yaml:7) is no approval; write "flux-system/shop=7"`,
        'the approval on Kustomization flux-system/shop (apps/shop.yaml:7) does not count there; it belongs on Kustomization flux-system/apps',
      ],
    });
    await reconcile(tree([]), 'flux-system/shop=7');
  });

  it('asks for what came from a Kustomization that suddenly renders nothing, however little that is, and again', async () => {
    const files = {
      [`${ROOT}/one.yaml`]: kustomization('one', './one'),
      [`${ROOT}/team.yaml`]: kustomization('team', './team'),
      'team/two.yaml': kustomization('two', './two'),
      'one/map.yaml': configMap('of-one'),
      'two/map.yaml': configMap('of-two'),
    };
    const emptied = { [`${ROOT}/kustomization.yaml`]: 'resources: []\n' };
    await reconcile(files);
    await reconcile(files, 'flux-system/shop=1');

    for (const of of [await reconcile({ ...files, ...emptied }), await reconcile({ ...files, ...emptied })]) {
      for (const name of ['one', 'two']) {
        expect(of(name)).toMatchObject({ state: 'deleting', changes: [] });
        expect(of(name).withheld).toMatchObject([{ guard: 'share', asksFor: { count: 1 } }]);
        expect(of(name).withheld[0]?.message).toContain('Kustomization flux-system/flux-system, from which');
      }
    }
    const approved = await reconcile({ ...files, ...emptied }, 'flux-system/one=1,flux-system/two=1');
    expect([approved('one').state, approved('two').state]).toEqual(['deleted', 'deleted']);
  });

  it('asks in the settings for what nothing in Git renders', async () => {
    const maps = Object.fromEntries(MAPS.map((name) => [`${ROOT}/root-${name}.yaml`, configMap(`root-${name}`)]));
    await reconcile({ ...tree([]), ...maps });

    const asked = (await reconcile(tree([])))('flux-system');
    const approved = (await reconcile(tree([]), 'flux-system/flux-system=7'))('flux-system');

    expect(asked.withheld[0]?.asksFor?.answer).toEqual({
      on: 'cluster my-cluster in tidegate.yaml',
      line: 'approvePrune: "flux-system/flux-system=7"',
      unheard: [],
    });
    expect(approved.changes.filter(({ action }) => action === 'deleted')).toHaveLength(7);
  });
});

describe('a failed apply', () => {
  it('says the field first, and where it stands in the source', async () => {
    const deployment = [
      'apiVersion: apps/v1',
      'kind: Deployment',
      'metadata: { name: web, namespace: default }',
      'spec:',
      '  replicas: "three"',
      '  selector: { matchLabels: { app: web } }',
      '  template:',
      '    metadata: { labels: { app: web } }',
      '    spec: { containers: [{ name: web, image: "web:1" }] }',
      '',
    ].join('\n');

    const { failures } = (await reconcile({ ...tree([]), 'shop/web.yaml': deployment }))('shop');

    expect(failures).toMatchObject([
      { field: '.spec.replicas', place: { file: 'shop/web.yaml', line: 5 }, id: { name: 'web' } },
    ]);
    expect(failures[0]?.message).toMatch(/^\.spec\.replicas: expected numeric, got string/);
  });
});

describe('a Kustomization that adopts', () => {
  it('takes over all of its objects', async () => {
    for (const name of ['one', 'two']) {
      await open.cluster.kubectl(['create', 'configmap', name]);
      const labels = ['kustomize.toolkit.fluxcd.io/name=old', 'kustomize.toolkit.fluxcd.io/namespace=flux-system'];
      await open.cluster.kubectl(['label', `configmap/${name}`, ...labels]);
    }
    const files = (annotations: Readonly<Record<string, string>>) => ({
      [`${ROOT}/taken.yaml`]: kustomization('taken', './taken', annotations),
      'taken/one.yaml': configMap('one'),
      'taken/two.yaml': configMap('two'),
    });

    const refused = (await reconcile({ ...tree([]), ...files({}) }))('taken');
    const adopted = (await reconcile({ ...tree([]), ...files({ 'tidegate.dev/adopt': 'enabled' }) }))('taken');

    expect(refused.failures.map(({ reason }) => reason)).toEqual(['OwnedByOther', 'OwnedByOther']);
    expect(refused.failures[0]?.message).toContain('or Kustomization flux-system/taken for all of its objects');
    expect(adopted).toMatchObject({ state: 'ready', failures: [] });
  });
});
