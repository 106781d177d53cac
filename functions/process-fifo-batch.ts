import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { describeError, dispositionOf, TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';

/**
 * Handles a FIFO batch in order and names the messages to deliver again.
 * After a failure the rest of its group is handed back untouched, or a later message would overtake it;
 * what another try cannot mend (`reject`, `stall`) is logged and dropped.
 */
export async function processFifoBatch(
  event: SQSEvent,
  handleRecord: (record: SQSRecord, log: Logger) => Promise<void>,
  log: Logger,
): Promise<SQSBatchResponse> {
  const failedGroups = new Set<string>();
  const failedIds: string[] = [];
  for (const record of event.Records) {
    const group = record.attributes.MessageGroupId ?? '';
    if (failedGroups.has(group)) {
      failedIds.push(record.messageId);
      continue;
    }
    const recordLog = log.child({ messageId: record.messageId, group });
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
