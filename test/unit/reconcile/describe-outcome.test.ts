import { describe, expect, it } from 'vitest';
import type { ChangeSetEntry, SetOutcome } from '#shared/apply/desired-state.ts';
import { describeOutcome } from '#shared/reconcile/describe-outcome.ts';
import type { OutcomeContext } from '#shared/reconcile/describe-outcome.ts';

const REVISION = `main@sha1:${'a'.repeat(40)}`;

function outcome(changes: Partial<SetOutcome>): SetOutcome {
  return {
    id: { namespace: 'flux-system', name: 'podinfo' },
    revision: REVISION,
    state: 'ready',
    reason: 'ReconciliationSucceeded',
    message: '',
    changes: [],
    failures: [],
    withheld: [],
    orphans: [],
    health: [],
    ...changes,
  };
}

function context(changes: Partial<OutcomeContext> = {}): OutcomeContext {
  return {
    cluster: 'my-cluster',
    report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
    now: 1_000_000,
    intervalMs: 600_000,
    retryIntervalMs: 60_000,
    stalled: false,
    previous: undefined,
    ...changes,
  };
}

function changed(name: string, action: ChangeSetEntry['action'], drift = false): ChangeSetEntry {
  return { id: { group: 'apps', kind: 'Deployment', namespace: 'podinfo', name }, action, drift, revision: REVISION };
}

describe('what a run records of one Kustomization', () => {
  it('is Ready with the applied revision, and due again after its interval', () => {
    const { status } = describeOutcome(outcome({}), context());

    expect(status.lastAppliedRevision).toBe(REVISION);
    expect(status.dueAt).toBe(1_600_000);
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: `Applied revision: ${REVISION}` },
    ]);
  });

  it.each([
    ['progressing', 'Unknown', ['Ready', 'Reconciling'], 1_000_000],
    ['failed', 'False', ['Ready'], 1_060_000],
    ['blocked', 'False', ['Ready'], 1_000_000],
  ] as const)('when %s is Ready=%s with the conditions %j', (state, ready, types, dueAt) => {
    const { status } = describeOutcome(outcome({ state, reason: 'Because', message: 'why' }), context());

    expect(status.conditions.map((condition) => condition.type)).toEqual(types);
    expect(status.conditions[0]).toMatchObject({ status: ready, reason: 'Because' });
    expect(status.dueAt).toBe(dueAt);
    expect(status.lastAppliedRevision).toBeUndefined();
  });

  it('is Stalled when only a change in Git can help', () => {
    const { status } = describeOutcome(outcome({ state: 'failed', reason: 'BuildFailed' }), context({ stalled: true }));

    expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
  });

  it('names drift apart from what Git changed', () => {
    const { events } = describeOutcome(
      outcome({ changes: [changed('a', 'configured'), changed('b', 'configured', true), changed('c', 'unchanged')] }),
      context(),
    );

    expect(events.map((event) => [event.reason, event.message])).toEqual([
      ['Progressing', 'Deployment/podinfo/a configured'],
      ['DriftCorrected', 'Deployment/podinfo/b configured'],
      ['ReconciliationSucceeded', `Applied revision: ${REVISION}`],
    ]);
  });

  it('tells a failure once, and again when it reads otherwise', () => {
    const failure = outcome({ state: 'failed', reason: 'BuildFailed', message: 'no such file' });
    const first = describeOutcome(failure, context());
    const second = describeOutcome(failure, context({ previous: first.status, now: 2_000_000 }));
    const third = describeOutcome({ ...failure, message: 'other file' }, context({ previous: second.status }));

    expect(first.events).toHaveLength(1);
    expect(second.events).toHaveLength(0);
    expect(third.events).toHaveLength(1);
    expect(second.status.conditions[0]?.lastTransitionTime).toBe(1_000_000);
  });

  it('tells once which objects wait to be pruned, and why', () => {
    const id = { group: '', kind: 'ConfigMap', namespace: 'podinfo', name: 'old' };
    const waiting = outcome({ withheld: [{ id, guard: 'not-rendered', message: 'cache does not render' }] });
    const first = describeOutcome(waiting, context());
    const second = describeOutcome(waiting, context({ previous: first.status }));

    expect(first.events.find((event) => event.reason === 'PruneWithheld')?.message).toBe(
      'ConfigMap/podinfo/old: cache does not render',
    );
    expect(second.events.filter((event) => event.reason === 'PruneWithheld')).toHaveLength(0);
  });

  it('keeps messages short however many objects there are', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => changed(`deployment-${index}`, 'created'));
    const { events } = describeOutcome(outcome({ changes: many }), context());

    expect(events[0]?.message).toContain('… and 4950 more');
    expect(events[0]?.message.length).toBeLessThanOrEqual(4_000);
  });
});
