import { defined } from '#shared/common/defined.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { EventRecord } from '#shared/records/journal-record.ts';
import type { JournalChange } from '#shared/records/stream-record.ts';

const LEVELS = { info: 'info', warning: 'warn', error: 'error' } as const satisfies Record<
  EventRecord['severity'],
  keyof Logger
>;

/**
 * Says every event of a run of changes in the log, whole, at the level of its severity: a commit status has room for a
 * line, and only Kustomizations have one.
 */
export function logEvents(changes: readonly JournalChange[], log: Logger): void {
  for (const { after } of changes) {
    if (after?.type !== 'Event') continue;
    const { object, severity, reason, message, revision } = after;
    log[LEVELS[severity]]('event', {
      cluster: object.cluster,
      object: [object.kind, object.namespace, object.name].filter((part) => part !== '').join('/'),
      severity,
      reason,
      text: message,
      ...defined({ revision }),
    });
  }
}
