import { outOfTime } from '#shared/common/out-of-time.ts';
import { dispositionOf, TidegateError } from '#shared/common/tidegate-error.ts';
import type { CommitStatuses } from '#shared/ports/commit-statuses.ts';
import type { QuietTime, QuietTimes } from '#shared/ports/quiet-times.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';

import type { Notification } from './plan-notifications.ts';

/** A notification that did not arrive. */
export interface FailedNotification {
  readonly notification: Notification;
  readonly error: unknown;
  /** Whether another try may help. */
  readonly again: boolean;
  /** False when those before it made it plain that it would not arrive. */
  readonly tried: boolean;
}

const NOT_TRIED = new TidegateError('NotTried', 'GitHub took none of the statuses before it', { disposition: 'retry' });

/** So many marks in a row that GitHub did not take mean that it takes none now; each one may have waited for minutes. */
const FAILURES_IN_A_ROW = 3;

function isQuiet({ until, why }: QuietTime): TidegateError {
  return new TidegateError('RateLimited', `GitHub is asked again at ${new Date(until).toISOString()}: ${why}`, {
    disposition: 'wait',
    notBefore: until,
  });
}

/** What notifications are sent with. */
export interface NotificationPorts {
  readonly queues: WorkQueues;
  readonly statuses: CommitStatuses;
  readonly quietTimes: QuietTimes;
  /** Whether there is no time left for another status; work is passed on whatever the time. */
  readonly isOutOfTime: () => boolean;
}

/**
 * Sends every notification, each whatever becomes of the others; but asks no more of a GitHub that does not answer, and
 * nothing that there is no time for.
 */
export async function sendNotifications(
  notifications: readonly Notification[],
  ports: NotificationPorts,
): Promise<readonly FailedNotification[]> {
  const failed: FailedNotification[] = [];
  let inARow = 0;
  for (const notification of notifications) {
    if (notification.kind === 'commit-status' && inARow >= FAILURES_IN_A_ROW) {
      failed.push({ notification, error: NOT_TRIED, again: true, tried: false });
      continue;
    }
    if (notification.kind === 'commit-status' && ports.isOutOfTime()) {
      const error = outOfTime(`status ${notification.status.context} of ${notification.commit}`);
      failed.push({ notification, error, again: true, tried: false });
      continue;
    }
    try {
      const quiet =
        notification.kind === 'commit-status' ? await ports.quietTimes.find(notification.repository.owner) : undefined;
      if (quiet !== undefined) {
        failed.push({ notification, error: isQuiet(quiet), again: true, tried: false });
        continue;
      }
      if (notification.kind === 'work') {
        await ports.queues.send(notification);
      } else {
        await ports.statuses.set(notification.repository, notification.commit, notification.status);
        inARow = 0;
      }
    } catch (error) {
      const disposition = dispositionOf(error);
      const again = disposition === 'retry' || disposition === 'wait';
      if (notification.kind === 'commit-status') inARow = again ? inARow + 1 : 0;
      failed.push({ notification, error, again, tried: true });
    }
  }
  return failed;
}
