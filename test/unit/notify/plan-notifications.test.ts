import { describe, expect, it } from 'vitest';

import { commitStatus } from '#shared/notify/commit-status.ts';
import { planNotifications } from '#shared/notify/plan-notifications.ts';
import { parseRepositoryId } from '#shared/notify/repository-id.ts';
import type { Condition, StatusRecord } from '#shared/records/journal-record.ts';
import { clusterObject } from '#shared/records/journal-record.ts';

function condition(type: Condition['type'], status: Condition['status'], reason: string, message = 'm'): Condition {
  return { type, status, reason, message, lastTransitionTime: 0 };
}

const READY = condition('Ready', 'True', 'ReconciliationSucceeded', 'applied');
const FAILED = condition('Ready', 'False', 'HealthCheckFailed', 'Deployment apps/web is InProgress');

function status(conditions: readonly Condition[], changes: Partial<StatusRecord> = {}): StatusRecord {
  return {
    type: 'Status',
    object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
    conditions,
    report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
    suspended: false,
    observedAt: 0,
    details: {},
    ...changes,
  };
}

const STYLE = { withheldPrune: 'pending' } as const;
const plan = (changes: Parameters<typeof planNotifications>[0]) => planNotifications(changes, STYLE);
const said = (record: StatusRecord) => commitStatus(record, STYLE);

describe('commitStatus', () => {
  it.each([
    ['success', [READY]],
    ['failure', [FAILED]],
    ['failure', [FAILED, condition('Stalled', 'True', 'BuildFailed')]],
    ['failure', [READY, condition('Stalled', 'True', 'Unsupported')]],
    ['pending', [condition('Ready', 'Unknown', 'Progressing'), condition('Reconciling', 'True', 'Progressing')]],
    ['pending', [READY, condition('Reconciling', 'True', 'Progressing')]],
    ['pending', [condition('Ready', 'False', 'DependencyNotReady')]],
    ['pending', [condition('Reconciling', 'True', 'Progressing')]],
  ] as const)('says %s for %j', (state, conditions) => {
    expect(said(status(conditions))).toMatchObject({ state, context: 'tidegate/laptop/flux-system/apps' });
  });

  it('says nothing about what is not known yet', () => {
    expect(said(status([]))).toBeUndefined();
  });

  it.each([[[READY]], [[FAILED]]])('says that a suspended one is suspended, whatever it was before', (conditions) => {
    const suspended = status(conditions, { suspended: true, lastAppliedRevision: 'main@sha1:abc' });

    expect(said(suspended)).toEqual({
      context: 'tidegate/laptop/flux-system/apps',
      state: 'success',
      description: 'Suspended: spec.suspend is true, nothing is applied or pruned; it stays as of main@sha1:abc',
    });
  });

  it.each(['pending', 'failure'] as const)('says that a prune waits, as %s where the settings want it so', (state) => {
    const line = `ConfigMap/big/cm-0 and 110 more: it would lose all of its 111 objects; ${'and so on '.repeat(40)}`;
    const waiting = status([READY], { withheld: { count: 111, line, todo: 't' } });

    const told = commitStatus(waiting, { withheldPrune: state, linkFor: ({ name }) => `https://t.dev/${name}` });

    expect(told).toMatchObject({ state, targetUrl: 'https://t.dev/apps' });
    expect(told?.description).toMatch(
      /^PruneWithheld: ConfigMap\/big\/cm-0 and 110 more: it would lose all of its 111 objects;.*…$/u,
    );
    expect(told?.description.length).toBeLessThanOrEqual(140);
  });

  it('says what failed before it says what waits', () => {
    const withheld = { count: 1, line: 'l', todo: 't' };

    expect(said(status([FAILED], { withheld }))).toMatchObject({
      state: 'failure',
      description: expect.stringContaining('HealthCheckFailed'),
    });
  });

  it('begins with the field that is refused, and where it stands', () => {
    const message = '.spec.replicas: expected numeric, got string (apps/web.yaml:9, Deployment/apps/web)';

    expect(said(status([condition('Ready', 'False', 'ReconciliationFailed', message)]))).toMatchObject({
      state: 'failure',
      description: message,
    });
  });

  it.each([
    ['pending', [condition('Ready', 'False', 'ApiServerUnreachable'), condition('Reconciling', 'True', 'Retrying')]],
    ['error', [condition('Ready', 'False', 'ApiServerUnreachable')]],
    ['success', [condition('Ready', 'True', 'ClusterReachable')]],
  ] as const)('says %s of a cluster with %j, in a context of its own', (state, conditions) => {
    const [change] = plan([{ sequenceNumber: '1', after: status(conditions, { object: clusterObject('laptop') }) }]);

    expect(change).toMatchObject({ status: { state, context: 'tidegate/laptop' } });
  });

  it('gives Kustomizations of long names contexts that GitHub takes, each its own', () => {
    const contexts = ['a', 'b'].map((last) => {
      const object = {
        cluster: 'laptop',
        kind: 'Kustomization',
        namespace: 'flux-system',
        name: 'x'.repeat(252) + last,
      };
      return said(status([READY], { object }))?.context ?? '';
    });

    expect(contexts.map(({ length }) => length)).toEqual([255, 255]);
    expect(new Set(contexts).size).toBe(2);
  });

  it('says the reason in one short line without secrets', () => {
    const token = `ghp_${'c4nary'.repeat(6)}`;
    const message = `first\n\u001b[31msecond ${token} ${'😀'.repeat(200)}`;

    const { description = '' } = said(status([condition('Ready', 'False', 'BuildFailed', message)])) ?? {};

    expect(description).toMatch(/^BuildFailed: first \[31msecond \[redacted\] 😀+…$/u);
    expect(description.length).toBeLessThanOrEqual(140);
    expect(description.isWellFormed()).toBe(true);
  });
});

describe('planNotifications', () => {
  const message = { type: 'Reconcile', cluster: 'laptop', reason: 'new artifact' } as const;
  const request = {
    type: 'Request',
    cluster: 'laptop',
    id: 'r1',
    queue: 'reconcile/laptop',
    group: 'laptop',
    message,
    at: 0,
  } as const;

  it('sends requests before it says anything', () => {
    const planned = plan([
      { sequenceNumber: '1', after: status([READY]) },
      { sequenceNumber: '2', after: request },
    ]);

    expect(planned).toEqual([
      {
        kind: 'work',
        sequenceNumber: '2',
        queue: 'reconcile/laptop',
        group: 'laptop',
        deduplicationId: 'laptop/request/r1',
        message,
      },
      expect.objectContaining({
        kind: 'commit-status',
        sequenceNumber: '1',
        repository: { owner: 'acme', name: 'fleet-infra' },
        commit: 'a'.repeat(40),
      }),
    ]);
  });

  it('keeps apart what two clusters ask of one queue in the same millisecond', () => {
    const asked = ['laptop', 'production'].map((cluster, index) => {
      const wish = { type: 'InstructionsChanged', cluster } as const;
      const after = { ...request, cluster, queue: 'image-update', group: cluster, message: wish } as const;
      return { sequenceNumber: String(index), after };
    });

    const ids = plan(asked).flatMap((one) => (one.kind === 'work' ? [one.deduplicationId] : []));

    expect(new Set(ids).size).toBe(2);
  });

  it('says only the last of what changed about one Kustomization on one commit', () => {
    const planned = plan([
      { sequenceNumber: '1', after: status([condition('Reconciling', 'True', 'Progressing')]) },
      {
        sequenceNumber: '2',
        before: status([condition('Reconciling', 'True', 'Progressing')]),
        after: status([FAILED]),
      },
      { sequenceNumber: '3', before: status([FAILED]), after: status([READY]) },
    ]);

    expect(planned).toMatchObject([{ sequenceNumber: '3', status: { state: 'success' } }]);
  });

  it.each([
    ['nothing changed', status([READY]), status([READY], { observedAt: 9 })],
    ['it has no commit', undefined, { ...status([READY]), report: { repository: 'nonsense', commit: 'a' } }],
    [
      'it is no Kustomization',
      undefined,
      status([READY], { object: { cluster: 'laptop', kind: 'GitRepository', namespace: 'a', name: 'b' } }),
    ],
  ])('says nothing when %s', (_, before, after) => {
    expect(plan([{ sequenceNumber: '1', after, ...(before === undefined ? {} : { before }) }])).toEqual([]);
  });

  it('says the same again about another commit', () => {
    const next = status([READY], { report: { repository: 'acme/fleet-infra', commit: 'b'.repeat(40) } });

    expect(plan([{ sequenceNumber: '1', before: status([READY]), after: next }])).toHaveLength(1);
  });

  it('ignores what was forgotten', () => {
    expect(plan([{ sequenceNumber: '1', before: status([READY]) }])).toEqual([]);
  });
});

describe('parseRepositoryId', () => {
  it.each([
    ['https://github.com/acme/fleet-infra', { owner: 'acme', name: 'fleet-infra' }],
    ['https://ghe.acme.dev/acme/fleet.infra.git', { owner: 'acme', name: 'fleet.infra' }],
    ['acme/fleet-infra', { owner: 'acme', name: 'fleet-infra' }],
    ['https://github.com/acme', undefined],
    ['https://github.com/a/b/c', undefined],
    ['', undefined],
  ])('reads %j', (text, id) => {
    expect(parseRepositoryId(text)).toEqual(id);
  });
});
