import { assert as check, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseApprovals } from '#shared/reconcile/approvals.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import { isDue } from '#shared/reconcile/is-due.ts';
import { planReconcile } from '#shared/reconcile/plan-reconcile.ts';
import { clusterObject } from '#shared/records/journal-record.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { sampleSize } from '#test/sample-size.ts';

const NOTHING_BEFORE = { fluxObjects: undefined, statuses: new Map() };

function desired(changes: Partial<DesiredState>): DesiredState {
  return {
    cluster: 'my-cluster',
    report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
    revision: `main@sha1:${'a'.repeat(40)}`,
    nodes: [],
    stalled: [],
    missingSources: [],
    doubts: [],
    leftOut: [],
    secrets: [],
    ...changes,
  };
}

describe('the plan of a run', () => {
  it('keeps a stalled Kustomization as a failed set, so that it is not taken for deleted', () => {
    const plan = planReconcile(
      desired({
        stalled: [
          {
            object: { cluster: 'my-cluster', kind: 'Kustomization', namespace: 'flux-system', name: 'broken' },
            reason: 'InvalidSpec',
            problems: [
              { file: 'clusters/my-cluster/broken.yaml', line: 7, field: 'spec.decryption', message: 'is unsupported' },
            ],
          },
        ],
      }),
      NOTHING_BEFORE,
      undefined,
    );

    expect(plan.sets).toMatchObject([
      {
        id: { namespace: 'flux-system', name: 'broken' },
        render: { kind: 'failed', message: 'clusters/my-cluster/broken.yaml:7: spec.decryption: is unsupported' },
      },
    ]);
  });

  it('takes approvals from the settings and from the Kustomizations in Git', () => {
    const root = {
      ...defaultRoot('./clusters/a'),
      annotations: { 'tidegate.dev/approve-prune': 'flux-system/podinfo=12' },
    };
    const node = {
      kustomization: root,
      revision: 'r',
      children: [],
      stalled: false,
      render: { kind: 'rendered', objects: [] },
    } as const;
    const plan = planReconcile(desired({ nodes: [node] }), NOTHING_BEFORE, 'flux-system/flux-system=3');

    expect(plan.approvals).toEqual([
      { kustomization: { namespace: 'flux-system', name: 'flux-system' }, count: 3 },
      { kustomization: { namespace: 'flux-system', name: 'podinfo' }, count: 12 },
    ]);
  });

  it.each([
    ['one that it renders', ['podinfo'], ['podinfo'], 1],
    ['one that another renders', [], ['podinfo'], 0],
    ['one that is gone from Git', [], [], 1],
  ])('takes the approval of a Kustomization for %s', (_case, children, others, expected) => {
    const annotations = { 'tidegate.dev/approve-prune': 'flux-system/podinfo=12' };
    const render = { kind: 'rendered', objects: [] } as const;
    const node = (name: string, rendered: readonly string[]) => ({
      kustomization: { ...defaultRoot('./clusters/a'), name, ...(name === 'tenant' ? { annotations } : {}) },
      revision: 'r',
      children: rendered.map((child) => ({ namespace: 'flux-system', name: child })),
      stalled: false,
      render,
    });
    const nodes = [node('tenant', children), ...others.map((name) => node(name, []))];

    expect(planReconcile(desired({ nodes }), NOTHING_BEFORE, undefined).approvals).toHaveLength(expected);
  });

  it('approves nothing on a text that is not exactly an approval', () => {
    check(
      property(string(), (text) => {
        const approvals = parseApprovals(text);
        const rebuilt = approvals.map((one) => `${one.kustomization.namespace}/${one.kustomization.name}=${one.count}`);
        for (const approval of rebuilt) expect(text.replaceAll(/(?<==)0+(?=\d)/g, '')).toContain(approval);
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
    expect(parseApprovals('flux-system/podinfo=12x')).toEqual([]);
    expect(parseApprovals('podinfo=12')).toEqual([]);
    expect(parseApprovals('flux-system/podinfo=*')).toEqual([]);
  });
});

const KNOWN = {
  server: 'https://a',
  installation: {
    type: 'Installation',
    cluster: 'a',
    installation: {
      name: 'default',
      identity: 'i',
      place: { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: './clusters/a' },
      adopted: [],
    },
    store: 's',
    server: 'https://a',
    at: 0,
  },
} as const;

const READY = {
  type: 'Status',
  object: { cluster: 'a', kind: 'Kustomization', namespace: 'flux-system', name: 'flux-system' },
  conditions: [],
  suspended: false,
  observedAt: 500,
  dueAt: 9_000,
  details: {},
} as const;

describe('a tick', () => {
  it('starts a run for a cluster that was never worked on', () => {
    expect(isDue({ statuses: [], heads: [], ...KNOWN }, 0)).toBe(true);
  });

  it.each([
    [999, true],
    [1_000, true],
    [1_001, false],
  ])('at 1000, with one Kustomization due at %i, starts a run: %s', (dueAt, expected) => {
    const status = {
      type: 'Status',
      object: { cluster: 'a', kind: 'Kustomization', namespace: 'flux-system', name: 'podinfo' },
      conditions: [],
      suspended: false,
      observedAt: 0,
      dueAt,
      details: {},
    } as const;

    expect(isDue({ statuses: [status], heads: [], ...KNOWN }, 1_000)).toBe(expected);
  });

  it.each([
    [499, false],
    [500, false],
    [501, true],
  ])('after a run at 500, with a source that moved at %i, starts a run: %s', (observedAt, expected) => {
    const object = { cluster: 'a', kind: 'Kustomization', namespace: 'flux-system', name: 'podinfo' };
    const about = { type: 'Status', conditions: [], suspended: false, dueAt: 9_000, details: {} } as const;
    const head = {
      type: 'SourceHead',
      source: { cluster: 'a', kind: 'GitRepository', namespace: 'flux-system', name: 'flux-system' },
      revision: 'main@sha1:2',
      digest: 'sha256:2',
      url: 'https://github.com/acme/fleet-infra',
      observedAt,
    } as const;
    const statuses = [
      { ...about, object, observedAt: 500 },
      { ...about, object: { ...object, name: 'other' }, observedAt: 400 },
    ];

    expect(isDue({ statuses, heads: [head], ...KNOWN }, 1_000)).toBe(expected);
  });

  it.each([
    ['the one that the last run worked on', 'https://a', false],
    ['another one: the cluster was built anew', 'https://b', true],
  ])('with nothing due, where the API server of the settings is %s, starts a run: %3$s', (_words, server, expected) => {
    const state = { statuses: [READY], heads: [], installation: KNOWN.installation, server };

    expect(isDue(state, 1_000)).toBe(expected);
  });

  it('starts a run where no run said which API server it worked on', () => {
    const { server: _, ...installation } = KNOWN.installation;

    expect(isDue({ statuses: [READY], heads: [], ...KNOWN, installation }, 1_000)).toBe(true);
  });

  it.each([
    ['False', true],
    ['True', false],
  ] as const)('with nothing due in a cluster that could be worked on: %s, starts a run: %s', (status, expected) => {
    const ready = { type: 'Ready', status, reason: 'it', message: '', lastTransitionTime: 0 } as const;
    const cluster = { ...READY, object: clusterObject('a'), conditions: [ready] };

    expect(isDue({ statuses: [READY, cluster], heads: [], ...KNOWN }, 1_000)).toBe(expected);
  });
});

describe('the time that health is awaited', () => {
  it.each([
    ['goes on', 'main@sha1:1', 5_000],
    ['begins anew', 'main@sha1:2', undefined],
  ])('%s when the revision that was attempted before is main@sha1:1 and now it is %2$s', (_words, revision, since) => {
    const kustomization = defaultRoot('./clusters/a');
    const before = {
      type: 'Status',
      object: { cluster: 'my-cluster', kind: 'Kustomization', namespace: 'flux-system', name: 'flux-system' },
      conditions: [],
      lastAttemptedRevision: 'main@sha1:1',
      suspended: false,
      observedAt: 0,
      details: { awaitingSince: '5000' },
    } as const;
    const node = {
      kustomization,
      revision,
      children: [],
      stalled: false,
      render: { kind: 'rendered', objects: [] },
    } as const;

    const previous = { ...NOTHING_BEFORE, statuses: new Map([['Kustomization/flux-system/flux-system', before]]) };
    const [set] = planReconcile(desired({ nodes: [node] }), previous, undefined).sets;

    expect(set?.awaitingSince).toBe(since);
  });
});
