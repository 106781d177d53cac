import { runWithin } from '#shared/common/run-within.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import { findConcerns } from '#shared/notify/find-concerns.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';

import type { ReconcileHandler } from './handler.ts';

/** Kept for the answer that says what became of the batch. Milliseconds. */
const RESERVE_MS = 2_000;

/**
 * Counts, after each batch, what waits for a person. What became of the batch is the answer whether or not that can be counted:
 * a failed invocation would be shown as a crash, and its messages would be delivered again.
 */
export function countConcerns(
  handle: ReconcileHandler,
  ports: {
    readonly cluster: string;
    readonly journal: Pick<Journal, 'list'>;
    readonly write: (count: number) => void;
    readonly log: Logger;
  },
): ReconcileHandler {
  const { cluster, journal, write, log } = ports;

  async function count(): Promise<void> {
    const statuses = await journal.list(cluster, 'status/');
    write(statuses.flatMap((one) => (one.type === 'Status' ? findConcerns(one) : [])).length);
  }

  return async (event, context) => {
    const result = await handle(event, context);
    try {
      const late = (): Error => new Error('the journal did not answer in time');
      await runWithin(context.getRemainingTimeInMillis() - RESERVE_MS, count, late);
    } catch (error) {
      log.warn('concerns not counted', { reason: describeError(error) });
    }
    return result;
  };
}
