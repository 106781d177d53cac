import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Journal } from '#shared/ports/journal.ts';

import { gitRepositoryManifest, kustomizationManifest } from './flux-manifests.ts';
import type { ReconciledCluster } from './open-reconciled-cluster.ts';
import { openReconciledCluster } from './open-reconciled-cluster.ts';

const ROOT = 'clusters/my-cluster';
const BROKEN = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: b: c\n';
let open: ReconciledCluster;
let round = 0;

beforeAll(async () => {
  open = await openReconciledCluster();
  await open.cluster.kubectl(['create', 'namespace', 'flux-system']);
});
afterAll(() => open.close());
beforeEach(() => {
  round += 1;
});

function kustomization(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return `${JSON.stringify(kustomizationManifest(name, spec), null, 2)}\n`;
}

function gitRepository(name: string, url: string): string {
  return JSON.stringify(gitRepositoryManifest(name, url));
}

function configMap(name: string, value = 'one'): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { value },
  });
}

/** A name that no other test of this file has. */
function own(name: string): string {
  return `${name}-${round}`;
}

async function valueOf(name: string): Promise<string | undefined> {
  const { stdout } = await open.cluster.kubectl([
    '--namespace',
    'default',
    'get',
    'configmap',
    name,
    '--ignore-not-found',
    '--output=jsonpath={.data.value}',
  ]);
  return stdout === '' ? undefined : stdout;
}

async function deleteByHand(name: string): Promise<void> {
  await open.cluster.kubectl(['--namespace', 'default', 'delete', 'configmap', name]);
}

async function readyOf(name: string): Promise<{ readonly status?: string; readonly message?: string }> {
  const status = await open.status('Kustomization', name);
  return status?.conditions.find(({ type }) => type === 'Ready') ?? {};
}

describe('while a file in the folder of the root is no YAML', () => {
  it('says so with file and line, and goes on with every child from its last render, drift correction included', async () => {
    const [app, one] = [own('app'), own('one')];
    const files = { [`${ROOT}/app.yaml`]: kustomization(app), [`apps/${app}/one.yaml`]: configMap(one) };
    const revision = await open.commit(files);
    await open.run();
    const before = await open.status('Kustomization', app);
    await open.commit({ ...files, [`apps/${app}/one.yaml`]: configMap(one, 'two'), [`${ROOT}/broken.yaml`]: BROKEN });
    await deleteByHand(one);

    await open.run();

    expect(await readyOf('flux-system')).toMatchObject({
      status: 'False',
      message: expect.stringContaining(`${ROOT}/broken.yaml:6:`),
    });
    expect(await valueOf(one)).toBe('one');
    expect(await open.status('Kustomization', app)).toMatchObject({
      lastAppliedRevision: revision,
      report: before?.report ?? {},
    });
    expect(await readyOf(app)).toMatchObject({
      status: 'True',
      message: `Applied revision: ${revision}; it goes on from its last render while Kustomization flux-system/flux-system, which declares it, cannot be read`,
    });
    const told = (await open.events()).filter(({ object }) => object.name === app).map(({ message }) => message);
    expect(told.filter((message) => message.includes('goes on from its last render'))).toHaveLength(1);
  });

  it('goes on with Git as soon as it is mended', async () => {
    const [app, one] = [own('app'), own('one')];
    const files = { [`${ROOT}/app.yaml`]: kustomization(app), [`apps/${app}/one.yaml`]: configMap(one) };
    await open.commit(files);
    await open.run();
    await open.commit({ ...files, [`${ROOT}/broken.yaml`]: BROKEN });
    await open.run();
    const revision = await open.commit({ ...files, [`apps/${app}/one.yaml`]: configMap(one, 'two') });

    await open.run();

    expect(await valueOf(one)).toBe('two');
    expect(await readyOf(app)).toMatchObject({ status: 'True', message: `Applied revision: ${revision}` });
  });

  it.each([
    ['before it was applied', 1, 1],
    ['by that run nor by its repetition', Number.POSITIVE_INFINITY, 2],
  ])('goes on from what the last run applied, though that could not be recorded %s', async (_when, most, runs) => {
    const [app, one] = [own('app'), own('one')];
    const files = { [`${ROOT}/app.yaml`]: kustomization(app), [`apps/${app}/one.yaml`]: configMap(one) };
    await open.commit(files);
    await open.run();
    const newer = { ...files, [`apps/${app}/one.yaml`]: configMap(one, 'two') };
    await open.commit(newer);
    let left = most;
    const journal: Journal = {
      ...open.journal,
      write: async (records, expected) => {
        if (left === 0 || !records.some(({ type }) => type === 'LastRender')) {
          return open.journal.write(records, expected);
        }
        left -= 1;
        throw new Error('the journal is not there');
      },
    };
    for (let run = 1; run <= runs; run += 1) {
      await expect(open.run({}, { journal })).rejects.toMatchObject({ code: 'RecordFailed' });
    }
    left = 0;
    await open.commit({ ...newer, [`${ROOT}/broken.yaml`]: BROKEN });

    await open.run({}, { journal });
    // What could not be recorded is by now, for every process.
    await open.run();

    expect(await readyOf('flux-system')).toMatchObject({ status: 'False' });
    expect(await valueOf(one)).toBe('two');
  });

  it('prunes nothing, not even what the same commit takes out of Git', async () => {
    const [app, one, two] = [own('app'), own('one'), own('two')];
    const files = {
      [`${ROOT}/app.yaml`]: kustomization(app),
      [`apps/${app}/one.yaml`]: configMap(one),
      [`apps/${app}/two.yaml`]: configMap(two),
    };
    await open.commit(files);
    await open.run();
    await open.commit({ [`apps/${app}/one.yaml`]: configMap(one), [`${ROOT}/broken.yaml`]: BROKEN });

    await open.run();
    await open.run();

    expect(await valueOf(one)).toBe('one');
    expect(await valueOf(two)).toBe('one');
  });

  it('goes on with what its children declare, and theirs', async () => {
    const [app, inner, one] = [own('app'), own('inner'), own('one')];
    const files = {
      [`${ROOT}/app.yaml`]: kustomization(app),
      [`apps/${app}/inner.yaml`]: kustomization(inner),
      [`apps/${inner}/one.yaml`]: configMap(one),
    };
    await open.commit(files);
    await open.run();
    await open.commit({ ...files, [`apps/${inner}/one.yaml`]: configMap(one, 'two'), [`${ROOT}/broken.yaml`]: BROKEN });
    await deleteByHand(one);

    await open.run();

    expect(await valueOf(one)).toBe('one');
    expect(await readyOf(inner)).toMatchObject({ status: 'True', message: expect.stringContaining('its last render') });
  });

  it('renders again what was declared last when the last render is gone from the store', async () => {
    const [app, one] = [own('app'), own('one')];
    const files = { [`${ROOT}/app.yaml`]: kustomization(app), [`apps/${app}/one.yaml`]: configMap(one) };
    const revision = await open.commit(files);
    await open.run();
    await open.commit({ ...files, [`apps/${app}/one.yaml`]: configMap(one, 'two'), [`${ROOT}/broken.yaml`]: BROKEN });
    await open.forgetArtifact(revision);

    await open.run();

    expect(await valueOf(one)).toBe('two');
    expect(await readyOf(app)).toMatchObject({
      status: 'True',
      message: expect.stringContaining('it goes on from how it was declared last'),
    });
  });

  it('follows a source of its own to where it is now', async () => {
    const [app, one, elsewhere] = [own('app'), own('one'), own('elsewhere')];
    const source = { namespace: 'flux-system', name: elsewhere };
    const files = {
      [`${ROOT}/source.yaml`]: gitRepository(elsewhere, 'https://github.com/acme/elsewhere'),
      [`${ROOT}/app.yaml`]: kustomization(app, { path: './', sourceRef: { kind: 'GitRepository', name: elsewhere } }),
    };
    await open.commit({ 'one.yaml': configMap(one) }, source, 'https://github.com/acme/elsewhere');
    await open.commit(files);
    await open.run();
    await open.commit({ 'one.yaml': configMap(one, 'two') }, source, 'https://github.com/acme/elsewhere');
    await open.commit({ ...files, [`${ROOT}/broken.yaml`]: BROKEN });

    await open.run();

    expect(await valueOf(one)).toBe('two');
  });

  it('keeps what a Kustomization below the root declared, which is broken, and takes over what another one declares by now', async () => {
    const [parent, other, kept, moved, one, two] = [
      own('parent'),
      own('other'),
      own('kept'),
      own('moved'),
      own('one'),
      own('two'),
    ];
    const files = {
      [`${ROOT}/parent.yaml`]: kustomization(parent),
      [`${ROOT}/other.yaml`]: kustomization(other),
      [`apps/${parent}/kept.yaml`]: kustomization(kept),
      [`apps/${other}/nothing.yaml`]: configMap(own('nothing')),
      [`apps/${kept}/one.yaml`]: configMap(one),
      [`apps/${moved}/two.yaml`]: configMap(two),
    };
    await open.commit({ ...files, [`apps/${parent}/moved.yaml`]: kustomization(moved) });
    await open.run();
    await open.commit({
      ...files,
      [`apps/${parent}/broken.yaml`]: BROKEN,
      [`apps/${other}/moved.yaml`]: kustomization(moved),
      [`apps/${kept}/one.yaml`]: configMap(one, 'two'),
      [`apps/${moved}/two.yaml`]: configMap(two, 'two'),
    });
    await deleteByHand(one);

    await open.run();

    expect(await valueOf(one)).toBe('one');
    expect(await valueOf(two)).toBe('two');
    expect((await readyOf(parent)).message).toContain(`apps/${parent}/broken.yaml:6:`);
    expect((await readyOf(kept)).message).toContain(`while Kustomization flux-system/${parent}, which declares it`);
    expect((await readyOf(moved)).message).toMatch(/^Applied revision: \S+$/);
  });

  it('keeps no value of a Secret for later', async () => {
    const secret = own('a-very-secret-password');
    const app = own('app');
    await open.cluster.kubectl([
      '--namespace',
      'flux-system',
      'create',
      'secret',
      'generic',
      own('secret'),
      `--from-literal=password=${secret}`,
    ]);
    await open.commit({
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', {
        path: `./${ROOT}`,
        postBuild: { substituteFrom: [{ kind: 'Secret', name: own('secret') }] },
      }),
      [`${ROOT}/app.yaml`]: kustomization(app, { postBuild: { substitute: { word: '${password}' } } }),
      [`apps/${app}/one.yaml`]: configMap(own('one')),
    });

    await open.run();

    expect(await readyOf(app)).toMatchObject({ status: 'True' });
    const kept = await open.journal.list('my-cluster', 'declaration/flux-system/');
    expect(kept.flatMap((one) => (one.type === 'Declaration' ? [one.kustomization.name] : []))).toContain(
      'flux-system',
    );
    expect(await open.journal.read('my-cluster', `declaration/flux-system/${app}`)).toBeUndefined();
    expect(JSON.stringify(await open.journal.list('my-cluster', ''))).not.toContain(secret);
  });
});

describe('whatever is wrong in the folder of the root', () => {
  it.each<readonly [string, Readonly<Record<string, string>>, string]>([
    [
      'a kustomization file that is no YAML',
      { 'kustomization.yaml': 'resources:\n- app.yaml\n- a: b: c\n' },
      'kustomization.yaml:3',
    ],
    [
      'a field that is misspelt',
      { 'kustomization.yaml': 'resources: [app.yaml]\nresorces: []\n' },
      'kustomization.yaml:2',
    ],
    [
      'a file that is missing',
      { 'kustomization.yaml': 'resources:\n- app.yaml\n- gone.yaml\n' },
      'kustomization.yaml:3',
    ],
    ['YAML in the second document', { 'x.yaml': `${configMap('x')}\n---\n${BROKEN}` }, 'x.yaml:8'],
    ['an object without a kind', { 'x.yaml': 'metadata:\n  name: x\n' }, 'x.yaml'],
    ['an object without a name', { 'x.yaml': 'apiVersion: v1\nkind: ConfigMap\n' }, 'x.yaml'],
  ])('%s is named with its place, and the children go on', async (_case, broken, place) => {
    const [app, one] = [own('app'), own('one')];
    const files = { [`${ROOT}/app.yaml`]: kustomization(app), [`apps/${app}/one.yaml`]: configMap(one) };
    await open.commit(files);
    await open.run();
    const placed = Object.fromEntries(Object.entries(broken).map(([name, text]) => [`${ROOT}/${name}`, text]));
    await open.commit({ ...files, ...placed });
    await deleteByHand(one);

    await open.run();

    expect((await readyOf('flux-system')).message).toContain(`${ROOT}/${place}`);
    expect(await valueOf(one)).toBe('one');
  });

  it('leaves a child that is awaited the time to become healthy', async () => {
    const [app, one] = [own('app'), own('one')];
    const healthChecks = [{ apiVersion: 'v1', kind: 'ConfigMap', name: own('never'), namespace: 'default' }];
    const files = {
      [`${ROOT}/app.yaml`]: kustomization(app, { healthChecks }),
      [`apps/${app}/one.yaml`]: configMap(one),
    };
    await open.commit(files);
    await open.run({ awaitHealthUntil: Date.now() });
    await open.commit({ ...files, [`${ROOT}/broken.yaml`]: BROKEN });

    const result = await open.run({ awaitHealthUntil: Date.now() + 3_000 });

    expect(result).toMatchObject({ outcome: 'reconciled', applied: { ended: 'done' } });
  });
});

describe('a Kustomization that two files name', () => {
  it.each([
    ['of one version', 'v1'],
    ['of two versions', 'v1beta2'],
  ])('fails, with both places, and nothing beside it, when they are %s', async (_case, version) => {
    const [app, other, one, two] = [own('app'), own('other'), own('one'), own('two')];
    const files = {
      [`${ROOT}/other.yaml`]: kustomization(other),
      [`apps/${app}/one.yaml`]: configMap(one),
      [`apps/${other}/two.yaml`]: configMap(two),
    };
    await open.commit({ ...files, [`${ROOT}/a.yaml`]: kustomization(app) });
    await open.run();
    await open.commit({
      ...files,
      [`${ROOT}/a.yaml`]: kustomization(app),
      [`${ROOT}/b.yaml`]: `---\n# again\n${kustomization(app, { prune: false }).replace('/v1"', `/${version}"`)}`,
      [`apps/${other}/two.yaml`]: configMap(two, 'two'),
    });

    await open.run();

    const { status, message } = await readyOf(app);
    expect(status).toBe('False');
    expect(message).toContain(`${ROOT}/a.yaml:1:1: metadata.name`);
    expect(message).toContain(`${ROOT}/b.yaml:3`);
    expect(await readyOf('flux-system')).toMatchObject({ status: 'True' });
    expect(await valueOf(two)).toBe('two');
    expect(await valueOf(one)).toBe('one');
  });

  it('fails as well when one file is named twice, and is not followed without what would be patched', async () => {
    const [app, one] = [own('app'), own('one')];
    await open.commit({
      [`${ROOT}/kustomization.yaml`]: 'resources: [app.yaml, ./app.yaml]\n',
      [`${ROOT}/app.yaml`]: kustomization(app),
      [`apps/${app}/one.yaml`]: configMap(one),
    });

    await open.run();

    expect((await readyOf(app)).message).toContain(`${ROOT}/app.yaml:1:1: metadata.name`);
    expect(await readyOf('flux-system')).toMatchObject({ status: 'True' });
    expect(await valueOf(one)).toBeUndefined();
  });

  it('is not the root, or else nothing of the root is applied', async () => {
    const one = own('one');
    const sync = kustomization('flux-system', { path: `./${ROOT}` });
    await open.commit({ [`${ROOT}/a.yaml`]: sync, [`${ROOT}/b.yaml`]: sync, [`${ROOT}/one.yaml`]: configMap(one) });

    await open.run();

    expect((await readyOf('flux-system')).message).toContain(`${ROOT}/b.yaml:1`);
    expect(await valueOf(one)).toBeUndefined();
  });
});

describe('a root that cannot be followed', () => {
  it.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ['an unsupported field', { decryption: { provider: 'sops' } }, 'spec.decryption: is a field of'],
    ['a wrong field', { deletionPolicy: 'Never' }, 'spec.deletionPolicy: is "Never"'],
    ['a service account', { serviceAccountName: 'deployer' }, 'spec.serviceAccountName: asks Tidegate to act'],
    ['a variable that nothing fills', { interval: '${unset}' }, 'spec.interval: is "${unset}"'],
    ['an unsupported source', { sourceRef: { kind: 'OCIRepository', name: 'flux-system' } }, 'spec.sourceRef.kind: is'],
  ])('for %s is applied in no part, and says which field to change', async (_case, spec, message) => {
    const [app, one, two, three] = [own('app'), own('one'), own('two'), own('three')];
    const files = {
      [`${ROOT}/app.yaml`]: kustomization(app),
      [`apps/${app}/one.yaml`]: configMap(one),
      [`${ROOT}/two.yaml`]: configMap(two),
    };
    await open.commit(files);
    await open.run();
    await open.commit({
      [`apps/${app}/one.yaml`]: configMap(one, 'two'),
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', { path: `./${ROOT}`, suspend: true, ...spec }),
      [`${ROOT}/three.yaml`]: configMap(three, '${unfilled}'),
    });

    await open.run();

    const status = await open.status('Kustomization', 'flux-system');
    expect(status?.conditions.find(({ type }) => type === 'Stalled')?.status).toBe('True');
    expect((await readyOf('flux-system')).message).toMatch(new RegExp(`${ROOT}/sync\\.yaml:\\d+:\\d+: `));
    expect((await readyOf('flux-system')).message).toContain(message);
    expect(await valueOf(three)).toBeUndefined();
    expect([await valueOf(one), await valueOf(two)]).toEqual(['one', 'one']);
  });

  it('for a field that its own patches give it is applied in no part either', async () => {
    const one = own('one');
    const patch = '- op: add\n  path: /spec/decryption\n  value: { provider: sops }\n';
    await open.commit({
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', {
        path: `./${ROOT}`,
        patches: [{ patch, target: { kind: 'Kustomization' } }],
      }),
      [`${ROOT}/one.yaml`]: configMap(one),
    });

    await open.run();

    expect((await readyOf('flux-system')).message).toContain('spec.decryption');
    expect(await valueOf(one)).toBeUndefined();
  });

  it('because it changes itself with each render says so', async () => {
    const one = own('one');
    await open.commit({
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', {
        path: `./${ROOT}`,
        postBuild: { substitute: { n: 'x${n}' } },
      }),
      [`${ROOT}/one.yaml`]: configMap(one),
    });

    await open.run();

    expect((await readyOf('flux-system')).message).toContain('did not settle');
    expect(await valueOf(one)).toBeUndefined();
  });
});

describe('the root is recognized', () => {
  it('when its source has another name, by its address and branch', async () => {
    const [one, infra, cluster] = [own('one'), own('infra'), own('cluster')];
    await open.commit({
      [`${ROOT}/source.yaml`]: gitRepository(infra, 'ssh://git@github.com/Acme/fleet-infra.git'),
      [`${ROOT}/sync.yaml`]: kustomization(cluster, {
        path: `./${ROOT}`,
        sourceRef: { kind: 'GitRepository', name: infra },
        targetNamespace: 'flux-system',
      }),
      [`${ROOT}/one.yaml`]: configMap(one),
    });

    await open.run();

    expect(await readyOf(cluster)).toMatchObject({ status: 'True' });
    const { stdout } = await open.cluster.kubectl([
      '--namespace',
      'flux-system',
      'get',
      'configmap',
      one,
      '-o',
      'name',
    ]);
    expect(stdout.trim()).toBe(`configmap/${one}`);
    expect(await valueOf(one)).toBeUndefined();
  });

  it('when variables that it fills for itself lead to its path', async () => {
    const one = own('one');
    const config = own('cluster');
    await open.cluster.kubectl([
      '--namespace',
      'flux-system',
      'create',
      'configmap',
      config,
      '--from-literal=CLUSTER=my-cluster',
      '--from-literal=INTERVAL=7m',
    ]);
    const app = own('app');
    await open.commit({
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', {
        path: './${FOLDER}/${CLUSTER}',
        interval: '${INTERVAL}',
        targetNamespace: 'flux-system',
        postBuild: { substitute: { FOLDER: 'clusters' }, substituteFrom: [{ kind: 'ConfigMap', name: config }] },
      }),
      [`${ROOT}/one.yaml`]: configMap(one, '${CLUSTER}'),
      [`${ROOT}/app.yaml`]: kustomization(app, { path: './apps/${CLUSTER}' }),
      [`apps/my-cluster/two.yaml`]: configMap(own('two')),
    });

    await open.run();

    const status = await open.status('Kustomization', 'flux-system');
    expect((status?.dueAt ?? 0) - (status?.observedAt ?? 0)).toBe(420_000);
    expect(await readyOf(app)).toMatchObject({ status: 'True' });
    const { stdout } = await open.cluster.kubectl([
      '--namespace',
      'flux-system',
      'get',
      'configmap',
      one,
      '--output=jsonpath={.data.value}',
    ]);
    expect(stdout).toBe('my-cluster');
  });

  it('not yet while what fills its path is not in the cluster: then nothing is applied unfilled', async () => {
    const one = own('one');
    await open.commit({
      [`${ROOT}/sync.yaml`]: kustomization('flux-system', {
        path: './clusters/${CLUSTER}',
        postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: own('missing') }] },
      }),
      [`${ROOT}/one.yaml`]: configMap(one, '${CLUSTER}'),
    });

    await open.run();

    expect((await readyOf('flux-system')).message).toContain(`ConfigMap flux-system/${own('missing')}`);
    expect(await valueOf(one)).toBeUndefined();
  });
});
