import { findCondition } from '#shared/journal/conditions.ts';
import type { JournalChange } from '#shared/journal/stream-record.ts';

/** How many statuses of a batch say that something was not let in: a token, a secret or a role that does not do. */
export function countAuthenticationFailures(changes: readonly JournalChange[]): number {
  return changes.filter(({ after }) => {
    const ready = after?.type === 'Status' ? findCondition(after.conditions, 'Ready') : undefined;
    return ready?.status === 'False' && ready.reason === 'AuthenticationFailed';
  }).length;
}
