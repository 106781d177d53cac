import type { SQSEvent } from 'aws-lambda';

import { defined } from '#shared/common/defined.ts';
import { describeError, dispositionOf } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { EventIntake, TakenEvent } from '#shared/ports/event-intake.ts';
import type { Logger } from '#shared/ports/logger.ts';

import type { QueueHandler } from './serve-handlers.ts';
import { settleWithin, startRun } from './start-queue-worker.ts';
import { toSqsEvent } from './to-sqs-event.ts';

export interface RunningIntake {
  stop(graceMs: number): Promise<void>;
}

/** Feeds the events of an outside queue to a handler; what it could not handle stays there and comes again. */
export function startEventIntake(options: {
  readonly intake: EventIntake;
  readonly handler: QueueHandler;
  readonly clock: Clock;
  readonly log: Logger;
}): RunningIntake {
  const { intake, handler, clock, log } = options;
  const stopping = new AbortController();

  async function handle(event: TakenEvent): Promise<void> {
    const now = clock.now();
    const { id, body, receiptHandle, receiveCount, group } = event;
    const sqsEvent = toSqsEvent({
      id,
      body,
      receipt: receiptHandle,
      receiveCount,
      queue: 'ecr-events',
      sentAt: now,
      firstReceivedAt: now,
      ...defined({ group }),
    });
    if (await isHandled(sqsEvent)) await intake.delete([receiptHandle]);
  }

  async function isHandled(event: SQSEvent): Promise<boolean> {
    try {
      const { batchItemFailures } = await handler(event, startRun(stopping.signal));
      return batchItemFailures.length === 0;
    } catch (error) {
      log.error('handler failed', { queue: 'ecr-events', reason: describeError(error) });
      return false;
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const events = await intake.receive({ waitSeconds: 20, signal: stopping.signal });
        for (const [index, event] of events.entries()) {
          if (stopping.signal.aborted) {
            await intake.release(events.slice(index).map(({ receiptHandle }) => receiptHandle));
            return;
          }
          await handle(event);
        }
      } catch (error) {
        log.error('registry events cannot be taken', { reason: describeError(error) });
        await clock.sleep(dispositionOf(error) === 'retry' ? 5_000 : 60_000, stopping.signal);
      }
    }
  }

  const running = run();
  return {
    stop: async (graceMs) => {
      stopping.abort();
      await settleWithin([running], graceMs);
    },
  };
}
