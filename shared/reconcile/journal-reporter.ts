import { describeError, dispositionOf, TidegateError } from '#shared/common/tidegate-error.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { boundMessage, findCondition, isConditionTrue, replaceConditions } from '#shared/records/conditions.ts';
import { journalObject, type EventRecord, type StatusRecord } from '#shared/records/journal-record.ts';

import type { NextId } from './plan-start-records.ts';

/** Something that could not be recorded, and why. */
interface Untold {
  readonly what: string;
  readonly error: unknown;
  /** Whether the run is repeated for it, where another try may help. */
  readonly isOwed: boolean;
}

/** What a run tells of itself. A cluster is brought to what Git asks for whether or not anybody can be told. */
export interface JournalReporter {
  /** Records something; that it failed is kept, and stops nothing. */
  tell(what: string, record: () => Promise<unknown>): Promise<void>;
  /** Keeps that something failed which is no loss but of time. */
  note(what: string, error: unknown): void;
  /**
   * Records whether all could be told, as a condition of its own.
   * @throws TidegateError `RecordFailed` (retry) where telling it again may help: the next run finds the rest done.
   */
  conclude(before: StatusRecord | undefined, now: number, nextId: NextId): Promise<void>;
}

/** Which failure a run ends with when what it did is done and only telling of it is owed. */
export const RECORD_FAILED = 'RecordFailed';

/** What one message names; the log has all. */
const MAX_NAMED = 10;

export function createJournalReporter(cluster: string, journal: Journal, log: Logger): JournalReporter {
  const untold: Untold[] = [];

  function keep(one: Untold): void {
    // What fails again and again in one run is told once.
    const isSame = ({ what, error }: Untold): boolean =>
      what === one.what && dispositionOf(error) === dispositionOf(one.error);
    if (!untold.some(isSame)) untold.push(one);
    log.error('not recorded', { cluster, what: one.what, reason: describeError(one.error) });
  }

  return {
    tell: async (what, record) => {
      try {
        await record();
      } catch (error) {
        keep({ what, error, isOwed: true });
      }
    },
    note: (what, error) => keep({ what, error, isOwed: false }),
    conclude: async (before, now, nextId) => {
      const records = describeTelling(cluster, untold, before, now, nextId);
      try {
        if (records.length > 0) await journal.write(records);
      } catch (error) {
        // Nothing else says it, so it counts for the alarm on what is dropped.
        const what = 'what could not be recorded';
        log.error('not recorded', { cluster, what, reason: describeError(error), dropped: true });
      }
      const owed = untold.find(({ error, isOwed }) => isOwed && ['retry', 'wait'].includes(dispositionOf(error)));
      if (owed === undefined) return;
      throw new TidegateError(RECORD_FAILED, describeUntold(cluster, untold), {
        disposition: 'retry',
        subject: cluster,
        cause: owed.error,
      });
    },
  };
}

function describeTelling(
  cluster: string,
  untold: readonly Untold[],
  before: StatusRecord | undefined,
  now: number,
  nextId: NextId,
): readonly (StatusRecord | EventRecord)[] {
  const isWell = untold.length === 0;
  if (isWell && (before === undefined || isConditionTrue(before.conditions, 'Ready'))) return [];
  const reason = isWell ? 'Succeeded' : RECORD_FAILED;
  const message = isWell ? 'all that runs find out is recorded again' : describeUntold(cluster, untold);
  const object = journalObject(cluster);
  const ready = { type: 'Ready', status: isWell ? 'True' : 'False', reason, message } as const;
  const status: StatusRecord = {
    type: 'Status',
    object,
    conditions: replaceConditions(before?.conditions ?? [], [ready], now),
    suspended: false,
    observedAt: now,
    details: {},
  };
  const severity = isWell ? 'info' : 'error';
  const event: EventRecord = { type: 'Event', id: nextId(), object, severity, reason, message, at: now };
  return findCondition(before?.conditions ?? [], 'Ready')?.message === message ? [status] : [status, event];
}

function describeUntold(cluster: string, untold: readonly Untold[]): string {
  const named = untold.slice(0, MAX_NAMED).map(({ what, error }) => `${what}: ${describeError(error)}`);
  const more = untold.length > MAX_NAMED ? [`and ${untold.length - MAX_NAMED} more`] : [];
  return boundMessage(
    `cluster ${cluster} was worked on as ever, but not all of it could be recorded: ${[...named, ...more].join('; ')}`,
  );
}
