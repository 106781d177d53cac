import { createHash } from 'node:crypto';
import { findCondition, isConditionTrue } from '#shared/journal/conditions.ts';
import type { StatusRecord } from '#shared/journal/journal-record.ts';
import type { CommitStatus } from '#shared/ports/commit-statuses.ts';
import { redactText } from '#shared/redact/redact-secrets.ts';

const MAX_DESCRIPTION = 140;
/** GitHub refuses a longer one. */
const MAX_CONTEXT = 255;

/** Reasons of `Ready=False` that pass by themselves: it waits for something else. */
const WAITING: ReadonlySet<string> = new Set([
  'DependencyNotReady',
  'ArtifactNotReady',
  'Progressing',
  'ProgressingWithRetry',
]);

/**
 * What is said about a Kustomization beside the commit it was read from; nothing while it is suspended or unknown.
 * - failure: it is `Stalled`, or not `Ready` for a reason that is its own;
 * - success: it is `Ready` and not being reconciled, so its health was seen;
 * - pending: everything else.
 */
export function commitStatus(record: StatusRecord): CommitStatus | undefined {
  const { object, conditions, suspended } = record;
  if (suspended || conditions.length === 0) return undefined;
  const context = shortenContext(`tidegate/${object.cluster}/${object.namespace}/${object.name}`);
  const ready = findCondition(conditions, 'Ready');
  const reconciling = findCondition(conditions, 'Reconciling');
  const stalled = findCondition(conditions, 'Stalled');
  if (stalled?.status === 'True') return { context, state: 'failure', description: describe(stalled) };
  if (ready?.status === 'False' && !WAITING.has(ready.reason)) {
    return { context, state: 'failure', description: describe(ready) };
  }
  if (ready?.status === 'True' && !isConditionTrue(conditions, 'Reconciling')) {
    return { context, state: 'success', description: describe(ready) };
  }
  const waiting = ready?.status === 'False' ? ready : (reconciling ?? ready);
  return waiting === undefined ? undefined : { context, state: 'pending', description: describe(waiting) };
}

/** Two long names that begin alike stay two. */
function shortenContext(context: string): string {
  if (context.length <= MAX_CONTEXT) return context;
  const digest = createHash('sha256').update(context).digest('hex').slice(0, 12);
  return `${context.slice(0, MAX_CONTEXT - 13)}-${digest}`;
}

function describe({ reason, message }: { readonly reason: string; readonly message: string }): string {
  // GitHub shows one line of plain text; an astral character cut in half would make it refuse the whole status.
  const line = redactText(`${reason}: ${message}`)
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
