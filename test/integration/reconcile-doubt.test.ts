import { asyncProperty, bigInt, assert as check, constantFrom, oneof, string, tuple, uniqueArray } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { isDue } from '#shared/reconcile/is-due.ts';
import { readInstallation, readPreviousState, readSourceHeads } from '#shared/reconcile/read-previous-state.ts';
import { sampleSize } from '#test/sample-size.ts';

import { gitRepositoryManifest, kustomizationManifest } from './flux-manifests.ts';
import type { ReconciledCluster } from './open-reconciled-cluster.ts';
import { openReconciledCluster } from './open-reconciled-cluster.ts';

const SECRET = 'hunter2-not-a-number';
const ROOT = 'clusters/my-cluster';
const PRUNE = 'kustomize.toolkit.fluxcd.io/prune';
let open: ReconciledCluster;
const logged: unknown[] = [];
const note = (...line: unknown[]): void => void logged.push(line);
const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };

beforeAll(async () => {
  open = await openReconciledCluster(log);
  await open.cluster.kubectl(['create', 'namespace', 'flux-system']);
});
afterAll(() => open.close());

function kustomization(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(kustomizationManifest(name, { prune: false, ...spec }));
}

function gitRepository(name: string, url: string): string {
  return JSON.stringify(gitRepositoryManifest(name, url));
}

function configMap(name: string, data: Readonly<Record<string, string>> = { key: 'value' }): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data });
}

async function names(kind: string, namespace: string): Promise<readonly string[]> {
  const { stdout } = await open.cluster.kubectl(['-n', namespace, 'get', kind, '-o', 'name']);
  return stdout.trim().split('\n');
}

async function journalText(): Promise<string> {
  const records = await Promise.all(['status/', 'event/'].map((prefix) => open.journal.list('my-cluster', prefix)));
  return JSON.stringify(records);
}

describe('while not all of Git can be read', () => {
  it('goes on with what a suspended Kustomization declared last, from its source as that is now, and prunes none of it', async () => {
    const parent = (spec = {}) => ({ [`${ROOT}/parent.yaml`]: kustomization('parent', { prune: true, ...spec }) });
    const files = {
      'apps/parent/child.yaml': kustomization('child', { prune: true }),
      'apps/child/one.yaml': configMap('one'),
      'apps/child/grand.yaml': kustomization('grand', { prune: true }),
      'apps/grand/deep.yaml': configMap('deep'),
      'apps/other/other.yaml': configMap('other'),
    };
    const value = async (name: string): Promise<string> =>
      (await open.cluster.kubectl(['get', `configmap/${name}`, '-o', 'jsonpath={.data.key}'])).stdout;
    await open.commit({ ...files, ...parent() });
    await open.run();
    const newer = { 'apps/child/one.yaml': configMap('one', { key: 'newer' }) };
    const elsewhere = { 'apps/parent/child.yaml': kustomization('child', { path: './apps/other' }) };
    const revision = await open.commit({ ...files, ...newer, ...elsewhere, ...parent({ suspend: true }) });
    await open.cluster.kubectl(['delete', 'configmap/deep']);

    await open.run();

    expect([await value('one'), await value('deep')]).toEqual(['newer', 'value']);
    expect(await names('configmaps', 'default')).not.toContain('configmap/other');
    expect(await open.status('Kustomization', 'parent')).toMatchObject({ suspended: true });
    expect(await open.status('Kustomization', 'child')).toMatchObject({
      lastAppliedRevision: revision,
      report: { commit: revision.slice('main@sha1:'.length) },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          message: `Applied revision: ${revision}; it goes on as it was declared last while Kustomization flux-system/parent, which declares it, is suspended`,
        },
      ],
    });
    expect(await open.status('Kustomization', 'grand')).toMatchObject({
      lastAppliedRevision: revision,
      conditions: [{ type: 'Ready', status: 'True', message: `Applied revision: ${revision}` }],
    });

    const { 'apps/parent/child.yaml': _child, ...without } = files;
    const rest = { ...without, 'apps/parent/kept.yaml': configMap('kept') };
    await open.commit({ ...rest, ...newer, ...parent({ suspend: true }) });
    await open.run();
    await open.run();

    expect([await value('one'), await value('deep')]).toEqual(['newer', 'value']);
    expect(await names('configmaps', 'tidegate-system')).toContain('configmap/kustomization.flux-system.child');
    expect((await open.events()).filter((event) => event.reason === 'Deleted')).toEqual([]);

    await open.commit({ ...rest, ...newer, ...parent() });
    await open.run();

    expect(await open.status('Kustomization', 'child')).toBeUndefined();
    expect(await names('configmaps', 'default')).not.toContain('configmap/one');
    expect(await names('configmaps', 'default')).toContain('configmap/kept');
  });

  it('tells of the others that they go on from what was known last when the root is broken, beside the old commit', async () => {
    const files = {
      [`${ROOT}/steady.yaml`]: kustomization('steady', { prune: true }),
      'apps/steady/a.yaml': configMap('a'),
    };
    await open.commit(files);
    await open.run();
    const before = await open.status('Kustomization', 'steady');
    await open.commit({ ...files, [`${ROOT}/kustomization.yaml`]: 'resources: [missing.yaml]\n' });

    await open.run();

    expect(await open.status('Kustomization', 'flux-system')).toMatchObject({
      conditions: [{ status: 'False', reason: 'BuildFailed' }, { type: 'Stalled' }],
    });
    expect(await open.status('Kustomization', 'steady')).toMatchObject({
      conditions: [{ type: 'Ready', status: 'True', message: expect.stringContaining('goes on from its last render') }],
      lastAppliedRevision: before?.lastAppliedRevision ?? '',
      report: before?.report ?? {},
    });
    expect((await open.events()).filter((event) => event.object.name === 'steady')).toHaveLength(3);
  });

  it('goes on with sources that a Kustomization brought which is broken now', async () => {
    const source = { namespace: 'flux-system', name: 'elsewhere' };
    const files = {
      [`${ROOT}/sources.yaml`]: kustomization('sources'),
      [`${ROOT}/user.yaml`]: kustomization('user', {
        path: './',
        sourceRef: { kind: 'GitRepository', name: 'elsewhere' },
      }),
      'apps/sources/elsewhere.yaml': gitRepository('elsewhere', 'https://github.com/acme/elsewhere'),
    };
    await open.commit({ 'two.yaml': configMap('two') }, source);
    await open.commit(files);
    await open.run();
    const revision = await open.commit({ 'two.yaml': configMap('two', { key: 'newer' }) }, source);
    await open.commit({ ...files, 'apps/sources/kustomization.yaml': 'resources: [missing.yaml]\n' });

    await open.run();

    const fluxObjects = await readFluxObjects(open.journal, 'my-cluster');
    expect(fluxObjects).toMatchObject({ gitRepositories: [{ name: 'elsewhere' }] });
    expect(await open.status('Kustomization', 'user')).toMatchObject({
      lastAppliedRevision: revision,
      conditions: [{ type: 'Ready', status: 'True' }],
    });
  });

  it('says once that a source is written twice, and follows the first', async () => {
    await open.commit({
      [`${ROOT}/a.yaml`]: gitRepository('twice', 'https://github.com/acme/one'),
      [`${ROOT}/b.yaml`]: kustomization('b'),
      'apps/b/twice.yaml': gitRepository('twice', 'https://github.com/acme/other'),
    });

    await open.run();
    await open.run();

    const told = (await open.events()).filter((event) => event.message.includes('GitRepository flux-system/twice'));
    expect(told).toMatchObject([{ reason: 'PruneWithheld', severity: 'warning' }]);
    const sources = (await readFluxObjects(open.journal, 'my-cluster'))?.gitRepositories ?? [];
    expect(sources.filter(({ name }) => name === 'twice')).toMatchObject([{ url: 'https://github.com/acme/one' }]);
  });
});

describe('what is gone from Git', () => {
  it('is forgotten when it never came to anything in the cluster, and starts no more runs', async () => {
    await open.commit({ [`${ROOT}/hopeless.yaml`]: kustomization('hopeless') });
    await open.run();
    expect(await open.status('Kustomization', 'hopeless')).toMatchObject({ conditions: [{ status: 'False' }, {}] });
    await open.commit({ [`${ROOT}/calm.yaml`]: configMap('calm') });

    // The one of an earlier test would stay due: it waits for its approval.
    await open.run({ approvePrune: 'flux-system/steady=1' });

    expect(await open.status('Kustomization', 'hopeless')).toBeUndefined();
    const { statuses } = await readPreviousState('my-cluster', open.journal);
    const heads = await readSourceHeads('my-cluster', open.journal);
    const known = await readInstallation('my-cluster', open.journal);
    const server = 'https://it';
    const installation = known === undefined ? undefined : { ...known, server };
    expect(isDue({ statuses: [...statuses.values()], heads, installation, server }, Date.now() + 60_000)).toBe(false);
  });

  it('is forgotten with its objects left behind when it was suspended', async () => {
    const files = { [`${ROOT}/calm.yaml`]: configMap('calm'), 'apps/asleep/three.yaml': configMap('three') };
    await open.commit({ ...files, [`${ROOT}/asleep.yaml`]: kustomization('asleep', { prune: true }) });
    await open.run();
    await open.commit({ ...files, [`${ROOT}/asleep.yaml`]: kustomization('asleep', { prune: true, suspend: true }) });
    await open.run();
    await open.commit(files);

    await open.run();

    expect(await open.status('Kustomization', 'asleep')).toBeUndefined();
    expect(await names('configmaps', 'tidegate-system')).not.toContain('configmap/kustomization.flux-system.asleep');
    expect(await names('configmaps', 'default')).toContain('configmap/three');
  });
});

describe('a Kustomization that is gone because of what stands above it', () => {
  const calm = { [`${ROOT}/calm.yaml`]: configMap('calm') };
  const child = (name: string, changes: object = {}): string =>
    JSON.stringify({ ...kustomizationManifest(name, { prune: true }), ...changes });
  const own = { [`${ROOT}/flux-system/sync.yaml`]: kustomization('flux-system', { path: `./${ROOT}`, prune: false }) };
  const marked = { metadata: { name: 'marked', namespace: 'flux-system', annotations: { [PRUNE]: 'disabled' } } };
  const refused = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'refused', namespace: 'default', labels: { a: 'not valid!' } },
  });
  const above = (name: string, spec: Readonly<Record<string, unknown>>) => ({
    [`${ROOT}/${name}-above.yaml`]: kustomization(`${name}-above`, { path: `./above/${name}`, ...spec }),
  });
  const below = (name: string) => ({ [`above/${name}/child.yaml`]: child(name) });

  // Each child has one object, so nobody would be asked.
  it.each<[string, string, ...(readonly Readonly<Record<string, string>>[])[]]>([
    ['its kind is misspelled', 'kind', { [`${ROOT}/kind.yaml`]: child('kind', { kind: 'Kustomisation' }) }],
    [
      'its group is misspelled',
      'group',
      { [`${ROOT}/group.yaml`]: child('group', { apiVersion: 'kustomize.toolkit.flux.io/v1' }) },
    ],
    ['an object beside it is refused', 'beside', { [`${ROOT}/refused.yaml`]: refused }],
    ['the root does not prune', 'unpruned', own],
    ['it was marked to stay', 'marked', {}],
    [
      'what declared it does not prune',
      'kept',
      { ...above('kept', { prune: false }), 'above/kept/x.yaml': configMap('x') },
    ],
    ['what declared it is gone, and did not prune', 'orphaned', {}],
    ['what declared it is gone, and was suspended', 'frozen', above('frozen', { prune: true, suspend: true }), {}],
  ] as never)('keeps its objects when %s', async (_why: string, name: string, ...steps: readonly object[]) => {
    const isBelow = ['kept', 'orphaned', 'frozen'].includes(name);
    const declared = isBelow
      ? { ...above(name, { prune: name === 'frozen' }), ...below(name) }
      : { [`${ROOT}/${name}.yaml`]: child(name, name === 'marked' ? marked : {}) };
    const files = { ...calm, [`apps/${name}/one.yaml`]: configMap(`${name}-one`) };
    await open.commit({ ...files, ...declared, ...(name === 'unpruned' ? own : {}) });
    await open.run();
    expect(await names('configmaps', 'default')).toContain(`configmap/${name}-one`);

    for (const step of steps) {
      await open.commit({ ...files, ...step });
      await open.run();
      await open.run();
    }

    expect(await names('configmaps', 'default')).toContain(`configmap/${name}-one`);
  });

  it('takes them along all the same when Git takes it out of what is whole', async () => {
    const files = { ...calm, 'apps/whole/one.yaml': configMap('whole-one') };
    await open.commit({ ...files, [`${ROOT}/whole.yaml`]: child('whole') });
    await open.run();
    await open.commit(files);

    await open.run();

    expect(await names('configmaps', 'default')).not.toContain('configmap/whole-one');
  });
});

describe('variables from a Secret', () => {
  const root = (extra: Readonly<Record<string, unknown>> = {}): string =>
    kustomization('flux-system', {
      path: `./${ROOT}`,
      postBuild: { substituteFrom: [{ kind: 'Secret', name: 'variables' }] },
      ...extra,
    });

  beforeAll(async () => {
    await open.cluster.kubectl([
      '-n',
      'flux-system',
      'create',
      'secret',
      'generic',
      'variables',
      `--from-literal=count=${SECRET}`,
      '--from-literal=broken=x: [hunter3',
      '--from-literal=greeting=hello',
    ]);
  });

  it('are filled into what the root itself renders', async () => {
    await open.commit({ [`${ROOT}/sync.yaml`]: root(), [`${ROOT}/hi.yaml`]: configMap('hi', { say: '${greeting}' }) });

    await open.run();

    const { stdout } = await open.cluster.kubectl(['get', 'configmap/hi', '-o', 'jsonpath={.data.say}']);
    expect(stdout).toBe('hello');
  });

  it.each([
    [
      'the server refuses an object with one',
      {
        'service.yaml':
          'apiVersion: v1\nkind: Service\nmetadata:\n  name: bad\n  namespace: default\nspec:\n  ports: [{ port: 80, targetPort: "${count}-" }]\n',
      },
    ],
    [
      'an object of the wrong type has one',
      {
        'deployment.yaml':
          'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: bad\n  namespace: default\nspec:\n  replicas: ${count}\n',
      },
    ],
    [
      'a Flux object with one is invalid',
      {
        'policy.yaml':
          'apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata:\n  name: bad\n  namespace: flux-system\nspec:\n  image: app\n  interval: ${count}\n',
      },
    ],
    [
      'one breaks the manifest',
      {
        'broken.yaml':
          'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n  namespace: default\ndata:\n  a: ${broken}\n',
      },
    ],
  ] as const)('are shown nowhere when %s', async (_case, files) => {
    const placed = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${ROOT}/${name}`, text]));
    await open.commit({ ...placed, [`${ROOT}/sync.yaml`]: root() });

    const result = await open.run();

    const told = await journalText();
    expect(told).toMatch(/"(?:status)":"False"/);
    expect(told).not.toContain('hunter');
    const { applied } = result.outcome === 'reconciled' ? result : { applied: undefined };
    expect(JSON.stringify(applied)).not.toContain('hunter');
  });
});

const letters = constantFrom(...'abkxzQRS479'.split(''));
const number = bigInt({ min: 100_003n, max: 2n ** 40n });
/** Values of variables in the spellings of YAML, and what YAML reads in each. */
const spelled = oneof(
  number.map((value) => ({ written: `0${value.toString(8)}`, read: String(value) })),
  number.map((value) => ({ written: `0x${value.toString(16)}`, read: String(value) })),
  number.map((value) => ({ written: `+${value}`, read: String(value) })),
  number.map((value) => ({ written: `${String(value).slice(0, 3)}_${String(value).slice(3)}`, read: String(value) })),
  number.map((value) => ({
    written: `${String(value).slice(0, 3)}.${value}0`,
    read: `${String(value).slice(0, 3)}.${value}`.replace(/0+$/, ''),
  })),
  number.map((value) => ({ written: `${value}e3`, read: `${value}000` })),
  number.map((value) => ({ written: String(value), read: String(value) })),
  tuple(string({ minLength: 6, maxLength: 12, unit: letters }), constantFrom('#', '!', '-', '~')).map(
    ([text, mark]) => ({ written: `h${text}z ${mark}tail`, read: `h${text}z` }),
  ),
  string({ minLength: 6, maxLength: 12, unit: letters }).map((text) => ({
    written: `"h${text}z"`,
    read: `h${text}z`,
  })),
  string({ minLength: 8, maxLength: 20, unit: letters }).map((text) => ({
    written: Buffer.from(`h${text}z`).toString('base64'),
    read: `h${text}z`,
  })),
);

/** Objects that the server refuses with whatever is filled in: by type, by range, by form, by rule, by another field. */
const REFUSED = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: count, namespace: default}, spec: {replicas: -1, minReadySeconds: "<V>", selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: app, image: app}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: env, namespace: default}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: app, image: app, env: [{name: A, value: "<V>"}]}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: label, namespace: default}, spec: {selector: {matchLabels: {a: "-<V>"}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: app, image: app}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: share, namespace: default}, spec: {containers: [{name: app, image: app, resources: {requests: {memory: 8Ei}, limits: {memory: "<V>"}}}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: port, namespace: default}, spec: {ports: [{port: "<V>"}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: target, namespace: default}, spec: {ports: [{port: 80, targetPort: "<V>"}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: longer, namespace: default}, spec: {ports: [{port: "0<V>"}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: key, namespace: default}, data: {"<V>": {a: b}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: signed, namespace: default, labels: {a: "<V>-"}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: large, namespace: default, labels: {a: "<V^^>/"}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: host, namespace: default}, spec: {rules: [{host: "<V>_"}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: scale, namespace: default}, spec: {minReplicas: "<V>", maxReplicas: 1, scaleTargetRef: {kind: Deployment, name: a}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: cron, namespace: default}, spec: {schedule: "<V>", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: secret, namespace: default}, data: {a: "<V>"}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: denied, namespace: default, annotations: {said: "<q><V><q>"}}, spec: {limits: []}}
`.replaceAll(/<(.*?)>/g, (_, expression: string) => `\${${expression}}`);
const OBJECTS = [...REFUSED.matchAll(/ metadata: \{name: (\w+)/g)].map(([, name = '']) => name).sort();
/** Admission speaks without a field. */
const DENIES = `
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: quotes}, spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [limitranges]}]}, validations: [{expression: "false", messageExpression: "'no room for ' + object.metadata.annotations['said'] + ' here'"}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: quotes}, spec: {policyName: quotes, validationActions: [Deny]}}
`;

describe('a value of a Secret that a server refuses', () => {
  it('appears in no sink, neither as it is written nor as YAML reads it', async () => {
    await open.commit({ [`${ROOT}/deny.yaml`]: DENIES });
    await open.run();
    const values = uniqueArray(spelled, {
      minLength: sampleSize(12, 60),
      maxLength: sampleSize(12, 60),
      selector: ({ read }) => read,
    });

    await check(
      asyncProperty(values, async (all) => {
        logged.splice(0);
        const secrets = all.map(({ written }, index) => ({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: `value-${index}`, namespace: 'flux-system' },
          stringData: { V: written },
        }));
        await open.cluster.kubectl(['apply', '-f', '-'], {
          input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: secrets }),
        });
        const kustomizations = all.map((_, index) =>
          kustomization(`refused-${index}`, {
            path: './apps/refused',
            namePrefix: `v${index}-`,
            postBuild: { substitute: { q: '"' }, substituteFrom: [{ kind: 'Secret', name: `value-${index}` }] },
          }),
        );
        await open.commit({
          [`${ROOT}/deny.yaml`]: DENIES,
          [`${ROOT}/refused.yaml`]: kustomizations.join('\n---\n'),
          'apps/refused/all.yaml': REFUSED,
        });

        const result = await open.run();

        const sets = result.outcome === 'reconciled' ? result.applied.sets : [];
        const refused = sets.filter(({ id }) => id.name.startsWith('refused-')).flatMap(({ failures }) => failures);
        expect([...new Set(refused.map(({ id }) => id.name.replace(/^v[0-9]+-/, '')))].sort()).toEqual(OBJECTS);
        const told = JSON.stringify([sets, logged, await open.journal.list('my-cluster', '')]);
        for (const { written, read } of all) {
          for (const form of [written, read]) {
            expect(shows(told, form), `${form} of ${written}: ${around(told, form)}`).toBe(false);
          }
        }
      }),
      { seed: 42, numRuns: sampleSize(1, 5), endOnFailure: true },
    );
  });
});

/** As a word: a number may be part of a longer one. */
function shows(text: string, form: string): boolean {
  return indexOf(text, form) >= 0;
}

function around(text: string, form: string): string {
  const at = indexOf(text, form);
  return text.slice(Math.max(0, at - 200), at + 100);
}

function indexOf(text: string, form: string): number {
  const literal = form.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.search(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'u'));
}
