import type { SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QueueName } from '#shared/work/work-message.ts';

export interface Ticks {
  /** When the last tick was sent. */
  lastAt(): number | undefined;
  stop(): void;
}

/** Sends a tick to every queue now and then, but none to a group that has work waiting anyway. */
export function startTicks(options: {
  readonly targets: readonly { readonly queue: QueueName; readonly group: string }[];
  readonly everyMs: number;
  readonly queues: SqliteWorkQueues;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onTick: () => void;
}): Ticks {
  const { targets, everyMs, queues, clock, log, onTick } = options;
  let lastAt: number | undefined;

  async function tick(): Promise<void> {
    const now = clock.now();
    for (const { queue, group } of targets) {
      if (queues.hasWaiting(queue, group)) continue;
      const message = { type: 'Tick', id: `${now}` } as const;
      await queues.send({ queue, group, deduplicationId: `tick/${now}`, message });
    }
    lastAt = now;
    onTick();
  }

  function run(): void {
    tick().catch((error: unknown) => log.error('tick failed', { reason: describeError(error) }));
  }

  const timer = setInterval(run, everyMs);
  run();
  return { lastAt: () => lastAt, stop: () => clearInterval(timer) };
}
