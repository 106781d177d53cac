import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

import { describeError, dispositionOf, TidegateError } from '#shared/common/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';

import type { RunContext } from './run-time.ts';

/** A message is begun with more time left. Milliseconds. */
const LEAST_MS = 15_000;

/**
 * Handles a FIFO batch in order and names the messages to deliver again. Ticks come last, the work that somebody waits
 * for does not stand behind a look at everything; one that there is no time for is let go, as the next one is on its way.
 * After a failure the rest of its group is handed back untouched, or a later message would overtake it;
 * what another try cannot mend (`reject`, `stall`) is logged and dropped.
 */
export async function processFifoBatch(
  event: SQSEvent,
  handleRecord: (record: SQSRecord, log: Logger) => Promise<void>,
  log: Logger,
  context: RunContext,
): Promise<SQSBatchResponse> {
  const failedGroups = new Set<string>();
  const failedIds: string[] = [];
  for (const record of putTicksLast(event.Records)) {
    const group = groupOf(record);
    if (failedGroups.has(group)) {
      failedIds.push(record.messageId);
      continue;
    }
    const recordLog = log.child({ messageId: record.messageId, group });
    if (context.getRemainingTimeInMillis() < LEAST_MS) {
      const isLetGo = isTick(record);
      recordLog.warn(isLetGo ? 'tick let go' : 'message handed back', { reason: 'the time of the run is up' });
      if (!isLetGo) failedGroups.add(group);
      if (!isLetGo) failedIds.push(record.messageId);
      continue;
    }
    try {
      await handleRecord(record, recordLog);
    } catch (error) {
      const disposition = dispositionOf(error);
      const fields = {
        code: error instanceof TidegateError ? error.code : 'Unexpected',
        disposition,
        reason: describeError(error),
      };
      if (disposition === 'reject' || disposition === 'stall') {
        // A metric filter counts these lines by this field, and an alarm watches the count.
        recordLog.error('message dropped', { ...fields, dropped: true });
      } else {
        recordLog.warn('message handed back', fields);
        failedGroups.add(group);
        failedIds.push(record.messageId);
      }
    }
  }
  return { batchItemFailures: failedIds.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** With the rest of their groups, whose order stays. */
function putTicksLast(records: readonly SQSRecord[]): readonly SQSRecord[] {
  const ofTicks = new Set(records.filter(isTick).map(groupOf));
  return [
    ...records.filter((record) => !ofTicks.has(groupOf(record))),
    ...records.filter((record) => ofTicks.has(groupOf(record))),
  ];
}

function groupOf({ attributes }: SQSRecord): string {
  return attributes.MessageGroupId ?? '';
}

/** Nothing is lost with it. What is no message of ours is none. */
function isTick({ body }: SQSRecord): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && Reflect.get(value, 'type') === 'Tick';
  } catch {
    return false;
  }
}
