import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import type { InstructionKind, NamespacedName } from '#shared/api/resource-key.ts';
import { describeError, dispositionOf, TidegateError } from '#shared/errors/tidegate-error.ts';
import { formatProblem } from '#shared/errors/problem.ts';
import { replaceConditions, type ConditionState } from '#shared/journal/conditions.ts';
import {
  statusKey,
  type EventRecord,
  type JournalRecord,
  type ObjectName,
  type StatusRecord,
} from '#shared/journal/journal-record.ts';

import type { ImageUpdateResult } from './execute-image-update.ts';
import type { ImageUpdatePlan } from './plan-image-update.ts';
import type { Checkout } from './resolve-checkout.ts';
import type { Choice, Scan } from './scan-images.ts';

/** What a record is written with: the time, and what the journal said before. */
export interface RecordContext {
  readonly cluster: string;
  readonly now: number;
  readonly previous: readonly StatusRecord[];
}

const LATEST_TAGS = 10;

/** Records of a scan: the scan itself, and the state of its image repository. */
export function recordScan(context: RecordContext, scan: Scan): readonly JournalRecord[] {
  const { repository } = scan;
  const object = objectName(context, 'ImageRepository', repository);
  const dueAt = context.now + repository.intervalMs;
  if ('error' in scan)
    return stateRecords(context, object, dueAt, failureStates(scan.error), { image: repository.image });
  const newest = [...scan.tags].sort((a, b) => (b.pushedAt ?? 0) - (a.pushedAt ?? 0) || (a.tag < b.tag ? 1 : -1));
  const ready = readyState(`successful scan: found ${scan.tags.length} tags`);
  return [
    {
      type: 'ImageScan',
      cluster: context.cluster,
      namespace: repository.namespace,
      name: repository.name,
      image: repository.image,
      tagCount: scan.tags.length,
      latestTags: newest.slice(0, LATEST_TAGS).map(({ tag }) => tag),
      scannedAt: context.now,
    },
    ...stateRecords(context, object, dueAt, [ready], { image: repository.image }),
  ];
}

/** Records of what a policy chose; an event when it is another image than before. */
export function recordChoice(context: RecordContext, choice: Choice): readonly JournalRecord[] {
  const object = objectName(context, 'ImagePolicy', choice.policy);
  if ('error' in choice) return stateRecords(context, object, undefined, failureStates(choice.error), {});
  const { image } = choice.candidates;
  const ready = readyState(`latest image tag for ${image} resolved to ${choice.latest.slice(image.length + 1)}`);
  return stateRecords(context, object, undefined, [ready], { latestRef: choice.latest });
}

/** Whether a policy chooses another image than the journal remembers. */
export function isNewChoice(context: RecordContext, choice: Choice): boolean {
  if ('error' in choice) return false;
  const before = previousOf(context, objectName(context, 'ImagePolicy', choice.policy));
  return before?.details['latestRef'] !== choice.latest;
}

/** Records of one automation's run. What changed outside is an event; what merely still holds is not told twice. */
export function recordImageUpdate(
  context: RecordContext,
  automation: ImageUpdateAutomation,
  run: { readonly checkout: Checkout; readonly plan: ImageUpdatePlan; readonly result: ImageUpdateResult },
): readonly JournalRecord[] {
  const { checkout, plan, result } = run;
  const object = objectName(context, 'ImageUpdateAutomation', automation);
  const notes = [
    ...plan.held.map(({ policy, tag, digest, because, changeRequest }) => {
      return `${policy} ${tag ?? digest ?? ''} is held: #${changeRequest} was ${because}`;
    }),
    ...plan.problems.map(formatProblem),
    ...(automation.messageTemplate?.includes('{{') === true
      ? [
          'spec.git.commit.messageTemplate holds template actions, which are not evaluated yet; the standard message is used',
        ]
      : []),
  ];
  const message = [describeResult(result), ...notes].join('; ');
  const details = {
    repository: `${checkout.repository.owner}/${checkout.repository.name}`,
    branch: checkout.branch,
    ...('changeRequest' in result && result.changeRequest !== undefined
      ? { pullRequest: String(result.changeRequest.number), pullRequestUrl: result.changeRequest.url }
      : {}),
    ...('commit' in result && result.commit !== undefined ? { lastPushCommit: result.commit } : {}),
  };
  const dueAt = result.outcome === 'overtaken' ? context.now : context.now + automation.intervalMs;
  return stateRecords(context, object, dueAt, [readyState(message)], details, happenedAnyway(result));
}

/** Records of a run that failed; one that is to be tried again is due at once. */
export function recordFailure(
  context: RecordContext,
  automation: ImageUpdateAutomation,
  error: unknown,
): readonly JournalRecord[] {
  const object = objectName(context, 'ImageUpdateAutomation', automation);
  const dueAt = dispositionOf(error) === 'retry' ? context.now : context.now + automation.intervalMs;
  const details = previousOf(context, object)?.details ?? {};
  return stateRecords(context, object, dueAt, failureStates(error), details);
}

function describeResult(result: ImageUpdateResult): string {
  switch (result.outcome) {
    case 'nothing-to-do':
      return 'repository up-to-date';
    case 'already-proposed':
      return `#${result.changeRequest.number} proposes the newest images`;
    case 'proposed': {
      const commit = result.commit === undefined ? '' : ` with commit ${result.commit}`;
      return `${result.opened ? 'opened' : 'updated'} #${result.changeRequest.number}${commit}`;
    }
    case 'withdrawn':
      return `closed #${result.changeRequest.number}, the base holds its images or newer ones`;
    case 'pushed':
      return `pushed commit ${result.commit} to ${result.branch}`;
    case 'left-alone':
      return `branch ${result.branch} has commits of somebody else and is left alone; delete it, and newer images are proposed again`;
    case 'overtaken':
      return `branch ${result.branch} moved while it was worked on; looking again`;
  }
}

/** Whether the run changed something outside, which is told even if the words are those of last time. */
function happenedAnyway(result: ImageUpdateResult): boolean {
  return result.outcome === 'proposed' || result.outcome === 'withdrawn' || result.outcome === 'pushed';
}

function stateRecords(
  context: RecordContext,
  object: ObjectName,
  dueAt: number | undefined,
  states: readonly ConditionState[],
  details: StatusRecord['details'],
  always = false,
): readonly JournalRecord[] {
  const before = previousOf(context, object);
  const conditions = replaceConditions(before?.conditions ?? [], states, context.now);
  const status: StatusRecord = {
    type: 'Status',
    object,
    conditions,
    suspended: false,
    observedAt: context.now,
    ...(dueAt === undefined ? {} : { dueAt }),
    details,
  };
  const [ready] = conditions;
  const last = before?.conditions[0];
  const news = always || last?.message !== ready?.message || last?.reason !== ready?.reason;
  return news && ready !== undefined ? [status, eventOf(context, object, ready)] : [status];
}

function eventOf(context: RecordContext, object: ObjectName, ready: StatusRecord['conditions'][number]): EventRecord {
  const time = String(context.now).padStart(13, '0');
  return {
    type: 'Event',
    id: `${time}-${object.kind}-${object.namespace}-${object.name}`,
    object,
    severity: ready.status === 'False' ? 'error' : 'info',
    reason: ready.reason,
    message: ready.message,
    at: context.now,
  };
}

function readyState(message: string): ConditionState {
  return { type: 'Ready', status: 'True', reason: 'Succeeded', message };
}

function failureStates(error: unknown): readonly ConditionState[] {
  const reason = error instanceof TidegateError ? error.code : 'Failure';
  const message = describeError(error);
  const ready: ConditionState = { type: 'Ready', status: 'False', reason, message };
  return dispositionOf(error) === 'stall' ? [ready, { type: 'Stalled', status: 'True', reason, message }] : [ready];
}

function objectName(context: RecordContext, kind: InstructionKind, item: NamespacedName): ObjectName {
  return { cluster: context.cluster, kind, namespace: item.namespace, name: item.name };
}

function previousOf(context: RecordContext, object: ObjectName): StatusRecord | undefined {
  return context.previous.find((status) => statusKey(status.object) === statusKey(object));
}
