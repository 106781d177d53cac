import type { SqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { toStreamRecord } from '#shared/records/stream-record.ts';

import type { StreamHandler } from './serve-handlers.ts';
import { settleWithin, startRun } from './start-queue-worker.ts';

const BATCH = 500;
const LONGEST_DELAY_MS = 30_000;

/** Who reads the stream, and what of it. */
export interface StreamConsumer {
  readonly name: string;
  readonly carries: JournalRecord['type'];
  /** Until when it is tried to pass a change on; absent: until it is done. */
  readonly giveUpAfterMs?: number;
}

/**
 * Each consumer has a position of its own: work that was asked for never waits for GitHub to take a mark, and is never
 * given up; a mark that nobody could set for six hours is.
 */
export const STREAM_CONSUMERS = [
  { name: 'requests', carries: 'Request' },
  { name: 'events', carries: 'Event' },
  { name: 'statuses', carries: 'Status', giveUpAfterMs: 6 * 60 * 60 * 1000 },
] as const satisfies readonly StreamConsumer[];

export interface JournalStream {
  stop(graceMs: number): Promise<void>;
}

type Change = ReturnType<SqliteJournal['changes']>[number];

/**
 * Feeds the changes of the journal that a consumer carries to a handler, in order, from where it was when it stopped.
 * What fails is tried again together with all that came since.
 */
export function startJournalStream(options: {
  readonly consumer: StreamConsumer;
  readonly journal: SqliteJournal;
  readonly handler: StreamHandler;
  readonly clock: Clock;
  readonly log: Logger;
}): JournalStream {
  const { journal, handler, clock } = options;
  const { name, carries, giveUpAfterMs = Infinity } = options.consumer;
  const log = options.log.child({ consumer: name });
  /** Done behind one that failed; forgotten with the process, because doing it again changes nothing. */
  const passedOn = new Set<number>();
  let attempts = 0;
  let draining: Promise<void> | undefined;
  let again = false;
  let isOver = false;
  const stopping = new AbortController();
  let retry: NodeJS.Timeout | undefined;

  async function failedAmong(changes: readonly Change[]): Promise<readonly Change[]> {
    const carried = changes.filter(({ after, sequence }) => after?.type === carries && !passedOn.has(sequence));
    if (carried.length === 0) return [];
    try {
      const event = { Records: carried.flatMap((change) => toStreamRecord(change) ?? []) };
      const { batchItemFailures } = await handler(event, startRun(stopping.signal));
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const { sequence, sequenceNumber } of carried) if (!failed.has(sequenceNumber)) passedOn.add(sequence);
      return carried.filter(({ sequenceNumber }) => failed.has(sequenceNumber));
    } catch (error) {
      log.error('handler failed', { reason: describeError(error) });
      return carried;
    }
  }

  /** @returns whether there may be more to do at once. */
  async function drainOnce(): Promise<boolean> {
    const changes = journal.changes(journal.position(name), BATCH);
    const last = changes.at(-1);
    if (last === undefined) return false;
    const failed = await failedAmong(changes);
    if (isOver) return false;
    const pending = failed.find(({ at }) => clock.now() - at < giveUpAfterMs);
    const givenUp = failed.filter(({ sequence }) => sequence < (pending?.sequence ?? Infinity));
    if (givenUp.length > 0) log.error('notifications passed over', { count: givenUp.length });
    if (pending === undefined) {
      attempts = 0;
      passedOn.clear();
      journal.advance(name, last.sequence);
      return true;
    }
    journal.advance(name, pending.sequence - 1);
    attempts += 1;
    scheduleRetry(Math.min(500 * 2 ** attempts, LONGEST_DELAY_MS));
    return false;
  }

  function scheduleRetry(ms: number): void {
    clearTimeout(retry);
    retry = setTimeout(() => {
      retry = undefined;
      drain();
    }, ms);
  }

  function drain(): void {
    again = true;
    if (stopping.signal.aborted) return;
    draining ??= (async () => {
      while (again && !stopping.signal.aborted) {
        again = false;
        while (!stopping.signal.aborted && (await drainOnce())) continue;
      }
    })()
      .catch((error: unknown) => {
        log.error('journal stream failed', { reason: describeError(error) });
        if (!stopping.signal.aborted) scheduleRetry(1_000);
      })
      .finally(() => {
        draining = undefined;
        if (again) setImmediate(drain);
      });
  }

  journal.onWrite(() => {
    // What fails is not tried more often because there is more of it.
    if (retry === undefined) drain();
  });
  drain();
  return {
    stop: async (graceMs) => {
      stopping.abort();
      clearTimeout(retry);
      if (draining !== undefined) await settleWithin([draining], graceMs);
      // What it still waits for is done again by the next one: the position stays where it is.
      isOver = true;
    },
  };
}
