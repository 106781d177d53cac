import { setTimeout as setTimeoutAsync } from 'node:timers/promises';

import type { RunContext } from '#functions/run-time.ts';
import type { ReceivedMessage, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import type { QueueHandler } from './serve-handlers.ts';
import { toSqsEvent } from './to-sqs-event.ts';

/** Lambda's longest run; a server that was killed is noticed at the next start, not by this. */
const LONGEST_RUN_MS = 15 * 60 * 1000;
const POLL_MS = 500;
const LONGEST_DELAY_MS = 60_000;
const SETTLE_AGAIN_MS = 5_000;

export interface QueueWorker {
  /** Takes nothing more, waits for what is under way at most `graceMs`, and hands back the rest. */
  stop(graceMs: number): Promise<void>;
}

/** Feeds the messages of one queue to a handler, several groups at the same time. */
export function startQueueWorker(options: {
  readonly queue: QueueName;
  readonly queues: SqliteWorkQueues;
  readonly handler: QueueHandler;
  readonly concurrency: number;
  readonly log: Logger;
}): QueueWorker {
  const { queue, queues, handler, concurrency, log } = options;
  const running = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  async function handle(message: ReceivedMessage): Promise<void> {
    const handled = await isHandled(message);
    // Handed back while it ran: the receipt is worth nothing any more, and whoever comes next does it again.
    while (running.has(message.receipt)) {
      try {
        return settle(message, handled);
      } catch (error) {
        // A disk that is full for a moment must not keep the group waiting until the message's time runs out.
        log.error('queue failed', { queue, messageId: message.id, reason: describeError(error) });
        await setTimeoutAsync(SETTLE_AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
        if (stopping.signal.aborted) return;
      }
    }
  }

  function settle(message: ReceivedMessage, handled: boolean): void {
    if (handled) {
      queues.delete(message.receipt);
    } else {
      queues.release(message.receipt, { delayMs: Math.min(1000 * 2 ** (message.receiveCount - 1), LONGEST_DELAY_MS) });
    }
  }

  async function isHandled(message: ReceivedMessage): Promise<boolean> {
    try {
      const { batchItemFailures } = await handler(toSqsEvent(message), startRun(stopping.signal));
      return batchItemFailures.length === 0;
    } catch (error) {
      log.error('handler failed', { queue, messageId: message.id, reason: describeError(error) });
      return false;
    }
  }

  function pump(): void {
    try {
      while (!stopping.signal.aborted && running.size < concurrency) {
        const [message] = queues.receive({ queue, max: 1, visibilityMs: LONGEST_RUN_MS });
        if (message === undefined) return;
        const work = handle(message)
          .catch((error: unknown) => log.error('queue failed', { queue, reason: describeError(error) }))
          .finally(() => {
            running.delete(message.receipt);
            setImmediate(pump);
          });
        running.set(message.receipt, work);
      }
    } catch (error) {
      log.error('queue failed', { queue, reason: describeError(error) });
    }
  }

  queues.onWaiting((name) => {
    if (name === queue) setImmediate(pump);
  });
  const timer = setInterval(pump, POLL_MS);
  setImmediate(pump);

  return {
    stop: async (graceMs) => {
      stopping.abort();
      clearInterval(timer);
      await settleWithin([...running.values()], graceMs);
      for (const receipt of running.keys()) {
        running.delete(receipt);
        queues.release(receipt, { uncounted: true });
        log.warn('work handed back at shutdown', { queue });
      }
    },
  };
}

/** Waits for all of it, but not for longer than this. */
export async function settleWithin(work: readonly Promise<unknown>[], ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.allSettled(work), timeout]);
  clearTimeout(timer);
}

/** The context of a run that starts now and, like in Lambda, has 15 minutes; none any more once the server stops. */
export function startRun(stopping: AbortSignal): RunContext {
  const deadline = performance.now() + LONGEST_RUN_MS;
  return { getRemainingTimeInMillis: () => (stopping.aborted ? 0 : Math.max(0, deadline - performance.now())) };
}
