import { dispositionOf } from '#shared/errors/tidegate-error.ts';
import type { CommitStatuses } from '#shared/ports/commit-statuses.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import type { Notification } from './plan-notifications.ts';

/** A notification that did not arrive. */
export interface FailedNotification {
  readonly notification: Notification;
  readonly error: unknown;
  /** Whether another try may help. */
  readonly again: boolean;
}

/** Sends every notification, each whatever becomes of the others. */
export async function sendNotifications(
  notifications: readonly Notification[],
  ports: { readonly queues: WorkQueues; readonly statuses: CommitStatuses },
): Promise<readonly FailedNotification[]> {
  const failed: FailedNotification[] = [];
  for (const notification of notifications) {
    try {
      if (notification.kind === 'work') await ports.queues.send(notification);
      else await ports.statuses.set(notification.repository, notification.commit, notification.status);
    } catch (error) {
      const disposition = dispositionOf(error);
      failed.push({ notification, error, again: disposition === 'retry' || disposition === 'wait' });
    }
  }
  return failed;
}
