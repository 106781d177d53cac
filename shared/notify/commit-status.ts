import { createHash } from 'node:crypto';

import { defined } from '#shared/common/defined.ts';
import { redactText } from '#shared/common/redact-secrets.ts';
import type { CommitStatus } from '#shared/ports/commit-statuses.ts';
import { findCondition, isConditionTrue } from '#shared/records/conditions.ts';
import type { Condition, ObjectName, StatusRecord } from '#shared/records/journal-record.ts';
import { isCluster } from '#shared/records/journal-record.ts';

import { isWaiting } from './waiting-reasons.ts';

const MAX_DESCRIPTION = 140;
/** GitHub refuses a longer one. */
const MAX_CONTEXT = 255;
/** Its message begins with the field that is wrong; the word would only take its room. */
const APPLY_FAILED = 'ReconciliationFailed';

/** How statuses are said, as the settings want it. */
export interface StatusStyle {
  /** What a prune that waits for a person is. */
  readonly withheldPrune: 'pending' | 'failure';
  /** Where all of it can be read, for what is said on a line. */
  readonly linkFor?: (object: ObjectName) => string | undefined;
}

/**
 * What is said about a Kustomization, or about a cluster that does not answer, beside the commit it was read from;
 * nothing while it is unknown.
 * - failure: it is `Stalled`, or not `Ready` for a reason that is its own;
 * - error: the cluster does not let the commit be applied, and has not for a while;
 * - success: it is `Ready` and not being reconciled, so its health was seen; or it is suspended, and nothing is awaited;
 * - pending: everything else, and what waits to be deleted until a person was asked, unless the style says otherwise.
 */
export function commitStatus(record: StatusRecord, style: StatusStyle): CommitStatus | undefined {
  const said = sayStatus(record, style);
  if (said === undefined) return undefined;
  const { object } = record;
  const targetUrl = style.linkFor?.(object);
  const context = shortenContext(
    isCluster(object) ? `tidegate/${object.cluster}` : `tidegate/${object.cluster}/${object.namespace}/${object.name}`,
  );
  return { context, ...said, ...defined({ targetUrl }) };
}

function sayStatus(
  record: StatusRecord,
  { withheldPrune }: StatusStyle,
): Pick<CommitStatus, 'state' | 'description'> | undefined {
  const { object, conditions, suspended, withheld } = record;
  if (conditions.length === 0) return undefined;
  const ready = findCondition(conditions, 'Ready');
  const reconciling = findCondition(conditions, 'Reconciling');
  const stalled = findCondition(conditions, 'Stalled');
  if (suspended) return { state: 'success', description: describeSuspended(record) };
  if (stalled?.status === 'True') return { state: 'failure', description: describe(stalled) };
  if (ready?.status === 'False' && isCluster(object)) {
    return { state: reconciling?.status === 'True' ? 'pending' : 'error', description: describe(ready) };
  }
  if (ready?.status === 'False' && !isWaiting(ready.reason)) return { state: 'failure', description: describe(ready) };
  if (withheld !== undefined) {
    return { state: withheldPrune, description: describe({ reason: 'PruneWithheld', message: withheld.line }) };
  }
  if (ready?.status === 'True' && !isConditionTrue(conditions, 'Reconciling')) {
    return { state: 'success', description: describe(ready) };
  }
  const waiting = ready?.status === 'False' ? ready : (reconciling ?? ready);
  return waiting === undefined ? undefined : { state: 'pending', description: describe(waiting) };
}

function describeSuspended({ lastAppliedRevision }: StatusRecord): string {
  const stays = lastAppliedRevision === undefined ? 'nothing was applied yet' : `it stays as of ${lastAppliedRevision}`;
  return describe({ reason: 'Suspended', message: `spec.suspend is true, nothing is applied or pruned; ${stays}` });
}

/** Two long names that begin alike stay two. */
function shortenContext(context: string): string {
  if (context.length <= MAX_CONTEXT) return context;
  const digest = createHash('sha256').update(context).digest('hex').slice(0, 12);
  return `${context.slice(0, MAX_CONTEXT - 13)}-${digest}`;
}

function describe({ reason, message }: Pick<Condition, 'reason' | 'message'>): string {
  // GitHub shows one line of plain text; an astral character cut in half would make it refuse the whole status.
  const line = redactText(reason === APPLY_FAILED ? message : `${reason}: ${message}`)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= MAX_DESCRIPTION && line.length <= MAX_DESCRIPTION
    ? line
    : `${cut(characters, MAX_DESCRIPTION - 1)}…`;
}

function cut(characters: readonly string[], length: number): string {
  let text = '';
  for (const character of characters) {
    if (text.length + character.length > length) break;
    text += character;
  }
  return text;
}
