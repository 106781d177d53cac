import { describe, expect, it } from 'vitest';
import type { Condition, EventRecord, StatusRecord } from '#shared/journal/journal-record.ts';
import type { JournalChange } from '#shared/journal/stream-record.ts';
import { countAuthenticationFailures } from '#shared/notify/count-authentication-failures.ts';

function ready(status: Condition['status'], reason: string): Condition {
  return { type: 'Ready', status, reason, message: 'm', lastTransitionTime: 0 };
}

const REFUSED = ready('False', 'AuthenticationFailed');

function status(...conditions: readonly Condition[]): StatusRecord {
  const object = { cluster: 'laptop', kind: 'GitRepository', namespace: 'flux-system', name: 'apps' };
  return { type: 'Status', object, conditions, suspended: false, observedAt: 0, details: {} };
}

function change(after?: StatusRecord, before?: StatusRecord): JournalChange {
  return {
    sequenceNumber: '1',
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

describe('what counts as a failed authentication', () => {
  it.each<[string, number, readonly JournalChange[]]>([
    ['nothing written', 0, []],
    ['a status that is not ready for that reason', 1, [change(status(REFUSED))]],
    [
      'each of several, again each time it is written',
      3,
      [1, 2, 3].map(() => change(status(REFUSED), status(REFUSED))),
    ],
    ['a status that is also stalled', 1, [change(status({ ...REFUSED, type: 'Stalled', status: 'True' }, REFUSED))]],
    ['one among others', 1, [change(status(ready('True', 'Succeeded'))), change(status(REFUSED)), change()]],
    ['a status that is ready', 0, [change(status(ready('True', 'AuthenticationFailed')))]],
    ['a status that is not known yet', 0, [change(status(ready('Unknown', 'AuthenticationFailed')))]],
    ['another failure', 0, [change(status(ready('False', 'GitOperationFailed')))]],
    ['a recovery', 0, [change(status(ready('True', 'Succeeded')), status(REFUSED))]],
    ['a status that was forgotten', 0, [change(undefined, status(REFUSED))]],
    ['a status without conditions', 0, [change(status())]],
  ])('of %s: %i', (_what, count, changes) => {
    expect(countAuthenticationFailures(changes)).toBe(count);
  });

  it('is no record of another kind', () => {
    const object = { cluster: 'laptop', kind: 'GitRepository', namespace: 'flux-system', name: 'apps' };
    const event: EventRecord = {
      type: 'Event',
      id: '1',
      object,
      severity: 'error',
      reason: 'AuthenticationFailed',
      message: 'm',
      at: 0,
    };

    expect(countAuthenticationFailures([{ sequenceNumber: '1', after: event }])).toBe(0);
  });
});
