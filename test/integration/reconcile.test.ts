import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import { readFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';

import type { ReconciledCluster } from './open-reconciled-cluster.ts';
import { openReconciledCluster, readFolder } from './open-reconciled-cluster.ts';

let fleet: Record<string, string>;
let open: ReconciledCluster;

beforeAll(async () => {
  fleet = await readFolder('examples/fleet-infra');
  open = await openReconciledCluster();
});
afterAll(() => open.close());

async function uidsOf(namespace: string): Promise<Record<string, string>> {
  const { stdout } = await open.cluster.kubectl([
    '-n',
    namespace,
    'get',
    'deployments,services,configmaps',
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.uid} {end}',
  ]);
  return Object.fromEntries(
    stdout
      .trim()
      .split(' ')
      .map((pair) => pair.split('=') as [string, string]),
  );
}

describe('one run after another over a cluster', () => {
  it('waits, and asks for the source, while the configuration repository has no artifact', async () => {
    const { outcome } = await open.run();

    const requests = await open.journal.list('my-cluster', 'request/');
    expect(outcome).toBe('no-source');
    expect(requests).toMatchObject([{ queue: 'source-sync', message: { type: 'SyncSource' } }]);
  });

  it('applies the fleet in the order of its dependencies, until all is Ready', async () => {
    const revision = await open.commit(fleet);
    const result = await open.run();

    expect(result).toMatchObject({ outcome: 'reconciled', applied: { ended: 'done' } });
    for (const name of ['flux-system', 'cache', 'podinfo']) {
      expect(await open.status('Kustomization', name)).toMatchObject({
        lastAppliedRevision: revision,
        conditions: [{ type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded' }],
      });
    }
    const { stdout } = await open.cluster.kubectl(['-n', 'podinfo', 'get', 'deployment/podinfo', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ status: { readyReplicas: 2 } });
  });

  it('records the Flux objects for the workers that read no Git', async () => {
    expect(await readFluxObjects(open.journal, 'my-cluster')).toMatchObject({
      gitRepositories: [{ name: 'flux-system' }],
      imageRepositories: [{ name: 'podinfo' }],
      imagePolicies: [{ policy: { kind: 'semver', range: '6.x' } }],
      imageUpdateAutomations: [{ updatePath: './apps' }],
    });
  });

  it('changes nothing and says nothing when nothing changed', async () => {
    const eventsBefore = (await open.events()).length;
    const writesBefore = (await open.cluster.readAuditLog()).filter(isWrite).length;

    await open.run();

    expect((await open.events()).length).toBe(eventsBefore);
    expect((await open.cluster.readAuditLog()).filter(isWrite).length).toBe(writesBefore);
  });

  it('puts drift right and names it', async () => {
    const before = await uidsOf('podinfo');
    await open.cluster.kubectl(['-n', 'podinfo', 'scale', 'deployment/podinfo', '--replicas=7']);
    await open.cluster.kubectl(['-n', 'podinfo', 'patch', 'configmap/podinfo', '-p', '{"data":{"greeting":"hacked"}}']);
    await open.cluster.kubectl(['-n', 'podinfo', 'delete', 'service/podinfo']);

    await open.run();

    const drift = (await open.events()).filter((event) => event.reason === 'DriftCorrected');
    expect(drift.map((event) => event.message.split('\n').sort())).toEqual([
      [
        'ConfigMap/podinfo/podinfo configured',
        'Deployment/podinfo/podinfo configured',
        'Service/podinfo/podinfo created',
      ],
    ]);
    const detected = (await open.events()).filter((event) => event.reason === 'DriftDetected');
    expect(detected.map((event) => event.message.split('\n').sort())).toEqual([
      [
        'ConfigMap/podinfo/podinfo is not as Git says',
        'Deployment/podinfo/podinfo is not as Git says',
        'Service/podinfo/podinfo is not as Git says',
      ],
    ]);
    const after = await uidsOf('podinfo');
    expect(after['Deployment/podinfo']).toBe(before['Deployment/podinfo']);
    const { stdout } = await open.cluster.kubectl([
      '-n',
      'podinfo',
      'get',
      'deployment/podinfo',
      '-o',
      'jsonpath={.spec.replicas}',
    ]);
    expect(stdout).toBe('2');
  });

  it('prunes what left Git, and nothing else', async () => {
    const before = await uidsOf('cache');
    const { 'apps/cache/feature-flags.yaml': _gone, ...rest } = fleet;
    await open.commit(rest);

    await open.run();

    const { 'ConfigMap/feature-flags': pruned, ...kept } = before;
    expect(pruned).toBeDefined();
    expect(await uidsOf('cache')).toEqual(kept);
  });

  it('prunes nothing while one Kustomization is broken, and applies the rest', async () => {
    await open.commit(fleet);
    await open.run();
    const { 'apps/cache/feature-flags.yaml': _gone, ...rest } = fleet;
    await open.commit({
      ...rest,
      'apps/podinfo/kustomization.yaml': 'resources: [missing.yaml]\n',
      'apps/cache/service.yaml': rest['apps/cache/service.yaml']?.replace('6379', '6380') ?? '',
    });

    await open.run();

    expect(Object.keys(await uidsOf('cache'))).toContain('ConfigMap/feature-flags');
    const { stdout } = await open.cluster.kubectl([
      '-n',
      'cache',
      'get',
      'service/cache',
      '-o',
      'jsonpath={.spec.ports[0].port}',
    ]);
    expect(stdout).toBe('6380');
    expect(await open.status('Kustomization', 'podinfo')).toMatchObject({
      conditions: [
        { type: 'Ready', status: 'False', reason: 'BuildFailed', message: expect.stringContaining('missing.yaml') },
        { type: 'Stalled', status: 'True' },
      ],
    });
    const withheld = (await open.events()).findLast((event) => event.reason === 'PruneWithheld');
    expect(withheld?.message).toContain('podinfo');
  });

  it('says what is unsupported with file, line and field, and applies the rest', async () => {
    await open.commit({
      ...fleet,
      'clusters/my-cluster/chart.yaml':
        'apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: chart\n  namespace: flux-system\nspec: {}\n',
      'clusters/my-cluster/secret.yaml': [
        'apiVersion: kustomize.toolkit.fluxcd.io/v1',
        'kind: Kustomization',
        'metadata:',
        '  name: encrypted',
        '  namespace: flux-system',
        'spec:',
        '  interval: 1m',
        '  path: ./apps/cache',
        '  prune: true',
        '  sourceRef: { kind: GitRepository, name: flux-system }',
        '  decryption: { provider: sops }',
        '',
      ].join('\n'),
    });

    await open.run();

    expect((await open.status('HelmRelease', 'chart'))?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'Stalled',
        status: 'True',
        message: expect.stringContaining('clusters/my-cluster/chart.yaml:2'),
      }),
    );
    expect((await open.status('Kustomization', 'encrypted'))?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'Stalled',
        message: expect.stringMatching(/clusters\/my-cluster\/secret\.yaml:11.*spec\.decryption/s),
      }),
    );
    expect(await open.status('Kustomization', 'podinfo')).toMatchObject({
      conditions: [{ type: 'Ready', status: 'True' }],
    });
  });

  it.each([
    [
      'limited to namespaces',
      { namespaces: ['podinfo', 'cache'] },
      /workload does not allow; remove.* podinfo, cache/u,
    ],
    [
      'that it may change as a whole',
      {},
      /not do yet: it applies with its own rights; remove.*profile: workload limits.* of the cluster$/u,
    ],
  ])(
    'stalls what asks to act as a service account in a cluster %s, and says what to do',
    async (_what, scope, says) => {
      await open.commit({
        ...fleet,
        'clusters/my-cluster/team.yaml': [
          'apiVersion: kustomize.toolkit.fluxcd.io/v1',
          'kind: Kustomization',
          'metadata: { name: team, namespace: flux-system }',
          'spec:',
          '  interval: 1m',
          '  path: ./apps/cache',
          '  prune: true',
          '  sourceRef: { kind: GitRepository, name: flux-system }',
          '  serviceAccountName: deployer',
          '',
        ].join('\n'),
      });

      await open.run(scope);

      expect((await open.status('Kustomization', 'team'))?.conditions).toContainEqual(
        expect.objectContaining({ type: 'Stalled', status: 'True', message: expect.stringMatching(says) }),
      );
      expect((await open.status('Kustomization', 'team'))?.conditions[0]?.message).toContain(
        'clusters/my-cluster/team.yaml:9:3: spec.serviceAccountName: ',
      );
    },
  );

  it('stops in the middle when its time is over, asks for its continuation, and goes on from there', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `part-${String(index).padStart(2, '0')}`);
    const maps = names.map(
      (name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: default }\n`,
    );
    const revision = await open.commit({ ...fleet, 'clusters/my-cluster/parts.yaml': maps.join('---\n') });
    const created = async (): Promise<number> => {
      const found = await open.cluster.kubectl(['-n', 'default', 'get', 'configmaps', '-o', 'name']);
      return found.stdout.split('\n').filter((line) => line.startsWith('configmap/part-')).length;
    };
    const applied = async (): Promise<number> =>
      (await open.cluster.readAuditLog()).filter((entry) => isWrite(entry) && entry.name.startsWith('part-')).length;
    const continuations = async (): Promise<readonly unknown[]> =>
      (await open.journal.list('my-cluster', 'request/')).filter(
        (record) =>
          record.type === 'Request' && record.message.type === 'Reconcile' && record.message.reason === 'Continuation',
      );
    let asked = 0;

    // Each object is asked for twice, before its first look and before its apply.
    const first = await open.run({ isOutOfTime: () => (asked += 1) > 100 });

    expect(first).toMatchObject({ applied: { ended: 'deadline' } });
    const before = await created();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(60);
    expect(await continuations()).toMatchObject([{ queue: 'reconcile/my-cluster', group: 'my-cluster' }]);
    expect((await open.status('Kustomization', 'flux-system'))?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Reconciling', status: 'True' }),
    );

    const second = await open.run();

    expect(second).toMatchObject({ applied: { ended: 'done' } });
    expect(await created()).toBe(60);
    // What the first run did is not done again.
    expect(await applied()).toBe(60);
    expect(await continuations()).toHaveLength(1);
    expect(await open.status('Kustomization', 'flux-system')).toMatchObject({ lastAppliedRevision: revision });
  });
});

function isWrite(entry: { readonly verb: string; readonly userAgent: string; readonly resource?: string }): boolean {
  return (
    entry.userAgent.startsWith('tidegate/') &&
    ['create', 'update', 'patch', 'delete'].includes(entry.verb) &&
    entry.resource !== 'leases'
  );
}

/** A journal that does not take some of what is written to it. */
function refusing(journal: Journal, refuse: (records: readonly JournalRecord[]) => Error | undefined): Journal {
  return {
    read: (...key) => journal.read(...key),
    list: (...prefix) => journal.list(...prefix),
    write: async (records, expected) => {
      const refusal = refuse(records);
      if (refusal !== undefined) throw refusal;
      return journal.write(records, expected);
    },
  };
}

describe('a run whose artifact is gone', () => {
  it('asks source-sync for it and says so, and deletes nothing', async () => {
    await open.commit(fleet);
    await open.run();
    const revision = await open.commit({ ...fleet, 'README.md': 'news' });
    await open.forgetArtifact(revision);
    const asked = (await open.journal.list('my-cluster', 'request/')).length;

    await open.run();

    expect(await open.status('Kustomization', 'flux-system')).toMatchObject({
      conditions: [
        {
          status: 'False',
          reason: 'ArtifactFailed',
          message: expect.stringMatching(/artifact sha256:\w+ is not stored; source-sync is asked for it/u),
        },
      ],
    });
    const requests = (await open.journal.list('my-cluster', 'request/')).slice(asked);
    expect(requests).toMatchObject([
      { queue: 'source-sync', message: { type: 'SyncSource', source: { name: 'flux-system', cluster: 'my-cluster' } } },
    ]);
    expect((await open.cluster.kubectl(['-n', 'podinfo', 'get', 'deployments', '-o', 'name'])).stdout).not.toBe('');
    await open.commit(fleet);
  });
});

describe('a run that cannot tell all that it does', () => {
  const configMap = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: told, namespace: default }\ndata: { value: "${value}" }\n`;
  const told = async (): Promise<string> =>
    (await open.cluster.kubectl(['get', 'configmap/told', '-o', 'jsonpath={.data.value}'])).stdout;
  const rootPath = 'clusters/my-cluster';

  it('applies all the same while the journal takes nothing, asks for its repetition, and the next run tells', async () => {
    const away = new TidegateError('JournalUnavailable', 'the journal does not answer', { disposition: 'retry' });
    const revision = await open.commit({ ...fleet, [`${rootPath}/told.yaml`]: configMap('1') });

    const run = open.run({}, { journal: refusing(open.journal, () => away) });

    await expect(run).rejects.toMatchObject({ code: 'RecordFailed', disposition: 'retry' });
    expect(await told()).toBe('1');
    await open.run();
    expect(await open.status('Kustomization', 'flux-system')).toMatchObject({ lastAppliedRevision: revision });
  });

  it.each([
    [
      'what is about to happen',
      (record: JournalRecord) => record.type === 'Status' && record.dueAt === record.observedAt,
    ],
    [
      'what was done',
      (record: JournalRecord) => record.type === 'Event' && record.reason === 'ReconciliationSucceeded',
    ],
    ['drift', (record: JournalRecord) => record.type === 'Event' && record.reason === 'DriftDetected'],
  ])('says as a condition of its own that %s was not recorded, until it is', async (what, isRefused) => {
    const never = new TidegateError('JournalWriteTooLarge', 'it is too large', { disposition: 'stall' });
    await open.commit({ ...fleet, [`${rootPath}/told.yaml`]: configMap(what) });
    await open.cluster.kubectl(['-n', 'podinfo', 'scale', 'deployment/podinfo', '--replicas=5']);
    const journal = refusing(open.journal, (records) => (records.some(isRefused) ? never : undefined));

    expect(await open.run({}, { journal })).toMatchObject({ outcome: 'reconciled' });

    expect(await told()).toBe(what);
    const ready = { type: 'Ready', status: 'False', reason: 'RecordFailed', message: expect.stringContaining(what) };
    const key = 'status/Journal//my-cluster';
    expect(await open.journal.read('my-cluster', key)).toMatchObject({ conditions: [ready] });
    await open.commit({ ...fleet, [`${rootPath}/told.yaml`]: configMap('again') });
    await open.run();
    expect(await open.journal.read('my-cluster', key)).toMatchObject({ conditions: [{ status: 'True' }] });
  });

  it('records 1,040 Flux objects, and stalls the one alone that is too large, by file, line and limit', async () => {
    const apps = Array.from({ length: 520 }, (_, index) => `app-${index}`);
    const image = (name: string): readonly object[] => [
      {
        apiVersion: 'image.toolkit.fluxcd.io/v1',
        kind: 'ImageRepository',
        metadata: { name, namespace: 'flux-system' },
        spec: { image: `registry.example.com/team/${name}`, interval: '5m' },
      },
      {
        apiVersion: 'image.toolkit.fluxcd.io/v1',
        kind: 'ImagePolicy',
        metadata: { name, namespace: 'flux-system' },
        spec: { imageRepositoryRef: { name }, policy: { semver: { range: '>=1.0.0' } } },
      },
    ];
    const matchLabels = Object.fromEntries(
      Array.from({ length: 6_000 }, (_, index) => [`label-${index}`, 'x'.repeat(40)]),
    );
    const large = {
      apiVersion: 'image.toolkit.fluxcd.io/v1',
      kind: 'ImageUpdateAutomation',
      metadata: { name: 'large', namespace: 'flux-system' },
      spec: {
        interval: '10m',
        sourceRef: { kind: 'GitRepository', name: 'flux-system' },
        git: { commit: { author: { email: 'a@example.com' } } },
        policySelector: { matchLabels },
      },
    };
    await open.commit({
      ...fleet,
      [`${rootPath}/told.yaml`]: configMap('many'),
      [`${rootPath}/apps.yaml`]: apps
        .flatMap(image)
        .map((one) => JSON.stringify(one))
        .join('\n---\n'),
      [`${rootPath}/large.yaml`]: `${JSON.stringify(large)}\n`,
    });

    await open.run();

    expect(await told()).toBe('many');
    const fluxObjects = await readFluxObjects(open.journal, 'my-cluster');
    expect(fluxObjects?.imagePolicies).toHaveLength(521);
    expect(fluxObjects?.imageUpdateAutomations.map(({ name }) => name)).not.toContain('large');
    const [stalled] = (await open.status('ImageUpdateAutomation', 'large'))?.conditions ?? [];
    expect(stalled?.message).toMatch(
      /^clusters\/my-cluster\/large\.yaml:1:.*spec: makes a record of \d+ bytes; allowed: 262144/u,
    );
    expect(await open.journal.read('my-cluster', 'status/Journal//my-cluster')).toMatchObject({
      conditions: [{ status: 'True' }],
    });
  });
});
