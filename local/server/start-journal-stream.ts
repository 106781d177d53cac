import type { SqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { describeError } from '#shared/errors/tidegate-error.ts';
import { toStreamRecord } from '#shared/journal/stream-record.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { StreamHandler } from './serve-handlers.ts';
import { settleWithin } from './start-queue-worker.ts';

const CONSUMER = 'notify';
const BATCH = 500;
const LONGEST_DELAY_MS = 30_000;
/** Shorter than the queues remember what was sent, so that trying again sends no work twice. */
const GIVE_UP_MS = 4 * 60 * 1000;

export interface JournalStream {
  stop(graceMs: number): Promise<void>;
}

/**
 * Feeds the changes of the journal to a handler, in order, from where it was when it stopped. What fails is tried again
 * together with all that came since, so that a status that cannot be told does not keep requests waiting; after four
 * minutes it is passed over.
 */
export function startJournalStream(options: {
  readonly journal: SqliteJournal;
  readonly handler: StreamHandler;
  readonly clock: Clock;
  readonly log: Logger;
}): JournalStream {
  const { journal, handler, clock, log } = options;
  let failing: { readonly sequence: number; readonly since: number; readonly attempts: number } | undefined;
  let draining: Promise<void> | undefined;
  let again = false;
  const stopping = new AbortController();
  let retry: NodeJS.Timeout | undefined;

  async function firstFailure(changes: ReturnType<SqliteJournal['changes']>): Promise<number | undefined> {
    const records = changes.flatMap((change) => toStreamRecord(change) ?? []);
    try {
      const { batchItemFailures } = await handler({ Records: records });
      const failed = batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier));
      return failed.length === 0 ? undefined : Math.min(...failed);
    } catch (error) {
      log.error('handler failed', { consumer: CONSUMER, reason: describeError(error) });
      return changes[0]?.sequence;
    }
  }

  /** @returns whether there may be more to do at once. */
  async function drainOnce(): Promise<boolean> {
    const changes = journal.changes(journal.position(CONSUMER), BATCH);
    const last = changes.at(-1);
    if (last === undefined) return false;
    const failed = await firstFailure(changes);
    if (failed === undefined) {
      failing = undefined;
      journal.advance(CONSUMER, last.sequence);
      return true;
    }
    journal.advance(CONSUMER, failed - 1);
    const now = clock.now();
    failing =
      failing?.sequence === failed
        ? { ...failing, attempts: failing.attempts + 1 }
        : { sequence: failed, since: now, attempts: 1 };
    if (now - failing.since >= GIVE_UP_MS) {
      log.error('notification passed over', { sequence: failed, attempts: failing.attempts });
      failing = undefined;
      journal.advance(CONSUMER, failed);
      return true;
    }
    clearTimeout(retry);
    retry = setTimeout(drain, Math.min(500 * 2 ** failing.attempts, LONGEST_DELAY_MS));
    return false;
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
        retry = setTimeout(drain, 1_000);
      })
      .finally(() => {
        draining = undefined;
        if (again) setImmediate(drain);
      });
  }

  journal.onWrite(drain);
  drain();
  return {
    stop: async (graceMs) => {
      stopping.abort();
      clearTimeout(retry);
      if (draining !== undefined) await settleWithin([draining], graceMs);
    },
  };
}
