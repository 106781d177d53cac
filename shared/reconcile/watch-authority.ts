import { describeError } from '#shared/common/tidegate-error.ts';
import { findCondition, replaceConditions } from '#shared/records/conditions.ts';
import type { EventRecord, JournalRecord, StatusRecord } from '#shared/records/journal-record.ts';
import { authorityObject, journalKey, statusKey } from '#shared/records/journal-record.ts';
import { recordId } from '#shared/records/record-id.ts';

import type { ReconcilePorts } from './reconcile-ports.ts';

const ENDING = 'CertificateAuthorityEnding';

/**
 * Says in the log, and keeps in the journal while it is so, that what signs for the cluster's API server is about to end:
 * long before the cluster is out of reach, and without anybody asking.
 * @param warning what to say; nothing while there is nothing to say.
 */
export async function watchAuthority(
  cluster: string,
  warning: string | undefined,
  { journal, clock, log }: Pick<ReconcilePorts, 'journal' | 'clock' | 'log'>,
): Promise<void> {
  if (warning !== undefined) log.warn('certificate authority ends', { cluster, reason: warning });
  // What is found is worked on, whether or not anybody can write it down.
  try {
    const known = await journal.read(cluster, statusKey(authorityObject(cluster)));
    const records = describeAuthority(cluster, warning, known?.type === 'Status' ? known : undefined, clock.now());
    if (records.length > 0) await journal.write(records);
  } catch (error) {
    log.error('state of the certificate authority not recorded', { cluster, reason: describeError(error) });
  }
}

function describeAuthority(
  cluster: string,
  warning: string | undefined,
  before: StatusRecord | undefined,
  now: number,
): readonly JournalRecord[] {
  const object = authorityObject(cluster);
  const event = (news: Pick<EventRecord, 'severity' | 'reason' | 'message'>): EventRecord => ({
    type: 'Event',
    // Runs of a cluster follow one another.
    id: recordId(now, 'authority-0001'),
    object,
    at: now,
    ...news,
  });
  if (warning === undefined) {
    if (before === undefined) return [];
    const message = `the certificate authority of cluster ${cluster} has a successor`;
    return [
      { type: 'Tombstone', ...journalKey(before), at: now },
      event({ severity: 'info', reason: 'CertificateAuthorityRenewed', message }),
    ];
  }
  if (findCondition(before?.conditions ?? [], 'Ready')?.message === warning) return [];
  const ready = { type: 'Ready', status: 'False', reason: ENDING, message: warning } as const;
  return [
    {
      type: 'Status',
      object,
      conditions: replaceConditions(before?.conditions ?? [], [ready], now),
      suspended: false,
      observedAt: now,
      details: {},
    },
    event({ severity: 'warning', reason: ENDING, message: warning }),
  ];
}
