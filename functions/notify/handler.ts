import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';

import type { RunContext } from '#functions/run-time.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { StatusStyle } from '#shared/notify/commit-status.ts';
import { logEvents } from '#shared/notify/log-events.ts';
import type { Notification } from '#shared/notify/plan-notifications.ts';
import { planNotifications } from '#shared/notify/plan-notifications.ts';
import { sendNotifications } from '#shared/notify/send-notifications.ts';
import type { CommitStatuses } from '#shared/ports/commit-statuses.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QuietTimes } from '#shared/ports/quiet-times.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { fromStreamRecord } from '#shared/records/stream-record.ts';

export interface NotifyDependencies {
  readonly queues: WorkQueues;
  readonly statuses: CommitStatuses;
  readonly quietTimes: QuietTimes;
  readonly style: StatusStyle;
  readonly log: Logger;
}

export type NotifyHandler = (event: DynamoDBStreamEvent, context: RunContext) => Promise<DynamoDBBatchResponse>;

/** A status is begun with more time left: github.com wants a second between two, and is asked before what is there. Milliseconds. */
const RESERVE_MS = 10_000;

/**
 * Passes on what the journal's stream carries. What may yet arrive is named as a failure, and so is what there was no time
 * for; the event source tries again from there, for as long as it is set up to, and then goes on.
 */
export function createNotifyHandler(dependencies: NotifyDependencies): NotifyHandler {
  const { queues, statuses, quietTimes, style, log } = dependencies;
  return async (event, context) => {
    const isOutOfTime = (): boolean => context.getRemainingTimeInMillis() < RESERVE_MS;
    const changes = event.Records.flatMap((record) => fromStreamRecord(record) ?? []);
    logEvents(changes, log);
    const notifications = planNotifications(changes, style);
    const failed = await sendNotifications(notifications, { queues, statuses, quietTimes, isOutOfTime });
    for (const { notification, error, again, tried } of failed) {
      const fields = {
        sequenceNumber: notification.sequenceNumber,
        kind: notification.kind,
        reason: describeError(error),
      };
      if (!tried) log.debug('notification waits', fields);
      else if (again) log.warn('notification is tried again', fields);
      else log.error('notification dropped', { ...fields, dropped: isTrouble(notification, error) });
    }
    const sequenceNumbers = new Set(
      failed.filter(({ again }) => again).map(({ notification }) => notification.sequenceNumber),
    );
    return { batchItemFailures: [...sequenceNumbers].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** A commit that GitHub does not have, after a forced push, is nobody's trouble; work that is lost is, and a missing right. */
function isTrouble({ kind }: Notification, error: unknown): boolean {
  return kind === 'work' || (error instanceof TidegateError && error.code === 'AuthenticationFailed');
}
