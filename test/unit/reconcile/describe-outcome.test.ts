import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ChangeSetEntry, SetOutcome } from '#shared/engine/model/apply-request.ts';
import type { OutcomeContext } from '#shared/reconcile/describe-outcome.ts';
import { describeOutcome } from '#shared/reconcile/describe-outcome.ts';
import { sampleSize } from '#test/sample-size.ts';

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

function withhold(count: number, message: string, guard = 'share'): SetOutcome['withheld'] {
  return Array.from({ length: count }, (_, index) => ({
    id: { group: '', kind: 'ConfigMap', namespace: 'big', name: `cm-${index}` },
    guard,
    message,
  }));
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

  it('names the 111 objects of one withheld prune in one event, and its reason once', () => {
    const reason = 'it would lose all of its 111 objects';
    const { status, events } = describeOutcome(outcome({ withheld: withhold(111, reason) }), context());
    const [event] = events.filter(({ reason }) => reason === 'PruneWithheld');

    expect(event).toMatchObject({ severity: 'warning' });
    expect(event?.message.split(reason)).toHaveLength(2);
    expect(event?.message).toContain('111 objects stay');
    expect(event?.message).toContain('ConfigMap/big/cm-0, ConfigMap/big/cm-1,');
    expect(event?.message).toContain('… and 61 more');
    expect(status.withheld).toMatchObject({ count: 111, line: `ConfigMap/big/cm-0 and 110 more: ${reason}` });
  });

  it('knows since when a prune waits, and for how long it does not change what it says', () => {
    const waiting = outcome({ withheld: withhold(3, 'it asks') });
    const first = describeOutcome(waiting, context({ now: 1_000 }));
    const later = describeOutcome(waiting, context({ now: 9_000, previous: first.status }));

    expect(later.status.details['withheldSince']).toBe('1000');
    expect(later.events.filter(({ reason }) => reason === 'PruneWithheld')).toEqual([]);
  });

  it.each(['prune-disabled', 'not-owned', 'controlled', 'changed-meanwhile'])(
    'asks nobody to do something about what is held by %s',
    (guard) => {
      const { status, events } = describeOutcome(outcome({ withheld: withhold(2, 'why', guard) }), context());

      expect(status.withheld).toBeUndefined();
      expect(status.details['withheldSince']).toBeUndefined();
      expect(events.filter(({ severity }) => severity !== 'info')).toEqual([]);
    },
  );

  it('says where to approve and exactly what to write', () => {
    const answer = {
      on: 'Kustomization flux-system/apps',
      place: { file: 'clusters/a/apps.yaml', line: 7 },
      line: 'tidegate.dev/approve-prune: "flux-system/podinfo=3"',
      unheard: ['the annotation of Kustomization flux-system/podinfo itself does not count'],
    };
    const kustomization = { namespace: 'flux-system', name: 'podinfo' };
    const asksFor = { kustomization, count: 3, answer };
    const withheld = withhold(3, 'it asks').map((prune) => ({ ...prune, asksFor }));
    const { status, events } = describeOutcome(outcome({ withheld }), context());

    const todo =
      'to approve, write tidegate.dev/approve-prune: "flux-system/podinfo=3" on Kustomization flux-system/apps (clusters/a/apps.yaml:7)';
    expect(status.withheld?.todo).toBe(`${todo}; ${answer.unheard[0]}`);
    expect(events.find(({ reason }) => reason === 'PruneWithheld')?.message).toContain(todo);
  });

  it('says the field that a server refuses first, with file and line', () => {
    const id = { group: 'apps', kind: 'Deployment', namespace: 'podinfo', name: 'podinfo' };
    const failure = {
      id,
      reason: 'Invalid',
      field: '.spec.replicas',
      message: '.spec.replicas: expected numeric, got string',
      place: { file: 'apps/podinfo/deployment.yaml', line: 9 },
    };
    const { status, events } = describeOutcome(
      outcome({ state: 'failed', reason: 'ReconciliationFailed', failures: [failure] }),
      context(),
    );

    const said =
      '.spec.replicas: expected numeric, got string (apps/podinfo/deployment.yaml:9, Deployment/podinfo/podinfo)';
    expect(status.conditions[0]?.message).toBe(said);
    expect(events).toMatchObject([{ severity: 'error', message: said }]);
  });

  it('tells once that a Kustomization is suspended, and calls it neither Ready nor worked on', () => {
    const suspended = outcome({ state: 'suspended', reason: 'Suspended', message: 'reconciliation is suspended' });
    const progressing = describeOutcome(outcome({ state: 'progressing', reason: 'Progressing' }), context());
    const first = describeOutcome(suspended, context({ previous: progressing.status }));
    const again = describeOutcome(suspended, context({ previous: first.status }));
    const never = describeOutcome(suspended, context());

    expect(first.status.suspended).toBe(true);
    expect(first.status.conditions.map(({ type }) => type)).toEqual(['Ready']);
    expect(first.events).toMatchObject([{ reason: 'Suspended', severity: 'info' }]);
    expect(again.events).toEqual([]);
    expect(never.status.conditions).toMatchObject([{ type: 'Ready', status: 'Unknown', reason: 'Suspended' }]);
  });

  it('stays within its lengths whatever is held and whatever fails, and names every object that it has room for once', () => {
    const names = fc.string({ minLength: 1, maxLength: 400 });
    const held = fc.record({
      name: names,
      message: fc.string({ maxLength: 3_000 }),
      guard: fc.constantFrom('share', 'x'),
    });
    fc.assert(
      fc.property(fc.array(held, { minLength: 1, maxLength: 200 }), (all) => {
        const withheld = all.map(({ name, message, guard }) => ({
          id: { group: '', kind: 'ConfigMap', namespace: 'a', name },
          guard,
          message,
        }));
        const failures = withheld.map(({ id, message }) => ({ id, reason: 'Invalid', message }));
        const { status, events } = describeOutcome(
          outcome({ state: 'failed', reason: 'ReconciliationFailed', withheld, failures }),
          context(),
        );

        expect(status.withheld?.count).toBe(withheld.length);
        expect(status.withheld?.line.length).toBeLessThanOrEqual(500);
        expect(status.withheld?.todo.length).toBeLessThanOrEqual(500);
        for (const { message } of [...events, ...status.conditions]) expect(message.length).toBeLessThanOrEqual(4_000);
      }),
      { seed: 21, numRuns: sampleSize(50, 500) },
    );
  });

  it('keeps messages short however many objects there are', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => changed(`deployment-${index}`, 'created'));
    const { events } = describeOutcome(outcome({ changes: many }), context());

    expect(events[0]?.message).toContain('… and 4950 more');
    expect(events[0]?.message.length).toBeLessThanOrEqual(4_000);
  });
});
