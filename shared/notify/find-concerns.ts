import { findCondition, isConditionTrue } from '#shared/records/conditions.ts';
import type { Condition, ObjectName, StatusRecord } from '#shared/records/journal-record.ts';

import { isWaiting } from './waiting-reasons.ts';

/** Something that waits for a person. */
export interface Concern {
  readonly object: ObjectName;
  readonly reason: string;
  /** What it is, as far as it fits on a line. */
  readonly line: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly todo: string;
}

const MAX_LINE = 300;

const TODO: ReadonlyMap<string, string> = new Map([
  [
    'ApiServerUnreachable',
    'see whether the API server runs, and whether it can be reached from here; it is tried again with every tick',
  ],
  ['AuthenticationFailed', 'give a token or key that is accepted, under the name that the message gives'],
  ['BuildFailed', 'mend the file that the message names, in Git'],
  [
    'CertificateAuthorityEnding',
    'put the successor of the certificate authority in before that day, as the message says',
  ],
  ['Forbidden', 'give Tidegate the right that the message names'],
  ['HealthCheckFailed', 'see why the object is not healthy (kubectl describe it), and mend it in Git'],
  ['InstallationRefused', 'decide which of the two installations this cluster belongs to, as the message says'],
  ['InvalidSpec', 'mend the field that the message names, in Git'],
  ['ReconciliationFailed', 'mend the object that the message names, in Git; it is tried again until then'],
  ['RecordFailed', 'see why the journal did not take what the message names; what was to be applied is applied'],
  ['UnsupportedKind', 'take it out of the folder of this cluster, or have Flux carry it out beside Tidegate'],
]);
const ANY_TODO = 'do what the message says; it is tried again by itself';

/** What of one status waits for a person. What is suspended does not, and what waits for something else neither. */
export function findConcerns(status: StatusRecord): readonly Concern[] {
  if (status.suspended) return [];
  const { object, details, withheld } = status;
  const concerns: Concern[] = [];
  const wrong = findWrong(status);
  if (wrong !== undefined) {
    const { reason, message, lastTransitionTime: since } = wrong;
    concerns.push({ object, reason, line: firstLine(message), since, todo: TODO.get(reason) ?? ANY_TODO });
  }
  if (withheld !== undefined) {
    const since = timeOf(details['withheldSince'], status);
    const line = withheld.count === 1 ? withheld.line : `${withheld.count} objects wait: ${withheld.line}`;
    concerns.push({ object, reason: 'PruneWithheld', line: firstLine(line), since, todo: withheld.todo });
  }
  if (details['doubts'] !== undefined) {
    const since = timeOf(details['doubtsSince'], status);
    const line = firstLine(`nothing is pruned: ${details['doubts']}`);
    concerns.push({ object, reason: 'PruneWithheld', line, since, todo: 'mend in Git what the message names' });
  }
  if (details['orphans'] !== undefined) {
    const since = timeOf(details['orphansSince'], status);
    const line = firstLine(`left behind without the label of its inventory: ${details['orphans']}`);
    concerns.push({ object, reason: 'Orphaned', line, since, todo: 'delete it, or put it back into Git' });
  }
  return concerns;
}

function findWrong({ conditions }: StatusRecord): Condition | undefined {
  const ready = findCondition(conditions, 'Ready');
  if (isConditionTrue(conditions, 'Stalled')) return findCondition(conditions, 'Stalled');
  return ready?.status === 'False' && !isWaiting(ready.reason) ? ready : undefined;
}

function timeOf(text: string | undefined, { observedAt }: StatusRecord): number {
  const time = Number(text);
  return text !== undefined && Number.isFinite(time) ? time : observedAt;
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE - 1).replace(/[\uD800-\uDBFF]$/u, '')}…`;
}
