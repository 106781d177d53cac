import type { JournalChange } from '#shared/journal/stream-record.ts';
import type { Logger } from '#shared/ports/logger.ts';

/** Says every event of a run of changes in the log, whole: a commit status has room for a line, and only Kustomizations have one. */
export function logEvents(changes: readonly JournalChange[], log: Logger): void {
  for (const { after } of changes) {
    if (after?.type !== 'Event') continue;
    const { object, severity, reason, message, revision } = after;
    log.info('event', {
      cluster: object.cluster,
      object: `${object.kind}/${object.namespace}/${object.name}`,
      severity,
      reason,
      text: message,
      ...(revision === undefined ? {} : { revision }),
    });
  }
}
