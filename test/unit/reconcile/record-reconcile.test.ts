import { describe, expect, it } from 'vitest';

import type { ApplyOutcome, SetOutcome } from '#shared/engine/model/apply-request.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import { recordReconcile } from '#shared/reconcile/record-reconcile.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';

const DESIRED: DesiredState = {
  cluster: 'my-cluster',
  report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
  revision: `main@sha1:${'a'.repeat(40)}`,
  nodes: [],
  stalled: [],
  missingSources: [],
  doubts: [],
  leftOut: [],
  secrets: [],
};
const ID = { namespace: 'flux-system', name: 'app' };

function record(state: SetOutcome['state'], ended: ApplyOutcome['ended'], before?: StatusRecord['conditions']) {
  const id = { group: '', kind: 'ConfigMap', namespace: 'app', name: 'one' };
  const set: SetOutcome = {
    id: ID,
    revision: '',
    state,
    reason: 'ReconciliationSucceeded',
    message: 'deleted from Git, and its objects with it',
    changes: [{ id, action: 'deleted', drift: false, revision: '' }],
    failures: [],
    withheld: [],
    orphans: [],
    health: [],
  };
  const statuses = new Map<string, StatusRecord>();
  if (before !== undefined) {
    const object = { cluster: 'my-cluster', kind: 'Kustomization', ...ID };
    statuses.set('Kustomization/flux-system/app', {
      type: 'Status',
      object,
      conditions: before,
      suspended: false,
      observedAt: 0,
      details: {},
    });
  }
  const previous = { fluxObjects: undefined, statuses };
  return recordReconcile({ cluster: 'my-cluster', sets: [set], ended }, DESIRED, previous, 1, () => 'id');
}

describe('what a run leaves in the journal', () => {
  it('is only what it did, once another may hold its lease: that one says how things are', () => {
    const records = record('deleting', 'lease-lost');

    expect(records).toMatchObject([{ type: 'Event', message: 'ConfigMap/app/one deleted' }]);
  });

  it('takes away the status of a Kustomization with its last object', () => {
    const records = record('deleted', 'done', []);

    expect(records.map(({ type }) => type)).toEqual(['Event', 'Event', 'Tombstone']);
  });

  it('ends what was told as pending before it takes the status away', () => {
    const at = { reason: 'Progressing', message: 'some of its objects are still there', lastTransitionTime: 0 };
    const records = record('deleted', 'done', [
      { type: 'Ready', status: 'Unknown', ...at },
      { type: 'Reconciling', status: 'True', ...at },
    ]);

    const [status] = records.filter(({ type }) => type === 'Status');
    expect(status).toMatchObject({ conditions: [{ type: 'Ready', status: 'True' }], report: DESIRED.report });
    expect(status).not.toHaveProperty('dueAt');
    expect(records.filter(({ type }) => type === 'Tombstone')).toEqual([]);
  });
});
