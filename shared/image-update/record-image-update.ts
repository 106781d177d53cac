import { defined } from '#shared/common/defined.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { describeError, dispositionOf, notBeforeOf, TidegateError } from '#shared/common/tidegate-error.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName, type FluxKind, type NamespacedName } from '#shared/flux/resource-key.ts';
import type { QuietTime } from '#shared/ports/quiet-times.ts';
import type { ChangeOwner } from '#shared/pull-requests/commit-trailers.ts';
import { TAKE_BACK_COMMAND } from '#shared/pull-requests/proposals.ts';
import type { Withdrawn } from '#shared/pull-requests/withdraw-unwanted.ts';
import { boundMessage, replaceConditions, type ConditionState } from '#shared/records/conditions.ts';
import type { EventRecord, JournalRecord, ObjectName, StatusRecord } from '#shared/records/journal-record.ts';
import { recordId } from '#shared/records/record-id.ts';

import type { AheadValue, HeldValue } from './choose-values.ts';
import type { ImageUpdateResult } from './execute-image-update.ts';
import type { LocatedMarker } from './find-policy-markers.ts';
import { findStatus } from './find-status.ts';
import type { ImageUpdatePlan } from './plan-image-update.ts';
import { formatWithdrawal } from './pull-request-text.ts';
import type { Checkout } from './resolve-checkout.ts';
import type { Choice, Scan } from './scan-images.ts';

/** What a record is written with: the time, and what the journal said before. */
export interface RecordContext {
  readonly cluster: string;
  readonly now: number;
  readonly previous: readonly StatusRecord[];
}

const LATEST_TAGS = 10;
/** As many notes of one kind as a person reads. */
const MOST_NOTES = 20;

/** Records of a scan: the scan itself, and the state of its image repository. */
export function recordScan(context: RecordContext, scan: Scan): readonly JournalRecord[] {
  const { repository } = scan;
  const object = objectName(context, 'ImageRepository', repository);
  const dueAt = context.now + repository.intervalMs;
  if ('error' in scan) {
    return stateRecords(context, object, dueAt, failureStates(scan.error), { image: repository.image });
  }
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
    ...notesOf(plan.held, describeHeld),
    ...notesOf(plan.ahead, describeAhead),
    ...atMost(plan.doubts),
    ...atMost(plan.problems.map(formatProblem)),
    ...(automation.messageTemplate?.includes('{{') === true
      ? [
          'spec.git.commit.messageTemplate holds template actions, which are not evaluated yet; the standard message is used',
        ]
      : []),
  ];
  const owner = { cluster: context.cluster, automation: formatNamespacedName(automation) };
  const message = [describeResult(result, plan, owner), ...notes].join('; ');
  const details = {
    repository: `${checkout.repository.owner}/${checkout.repository.name}`,
    branch: checkout.branch,
    ...('changeRequest' in result && result.changeRequest !== undefined
      ? { pullRequest: String(result.changeRequest.number), pullRequestUrl: result.changeRequest.url }
      : {}),
    ...('commit' in result && result.commit !== undefined ? { lastPushCommit: result.commit } : {}),
  };
  const isUnfinished = result.outcome === 'overtaken' || result.outcome === 'branch-updated';
  const dueAt = isUnfinished ? context.now : context.now + automation.intervalMs;
  // What waits for a person is not ready, however little is wrong.
  const isToBeLookedAt = result.outcome === 'left-alone' || ('unmarked' in result && result.unmarked !== undefined);
  const state = isToBeLookedAt ? notReadyState(message) : readyState(message);
  return stateRecords(context, object, dueAt, [state], details, happenedAnyway(result));
}

/** Events about pull requests that were withdrawn because no Flux object wants them. */
export function recordWithdrawn(withdrawn: readonly Withdrawn[], now: number): readonly EventRecord[] {
  return withdrawn.map(({ proposal: { request, memory }, reason, unmarked }, index) => {
    const [namespace = '', name = ''] = memory.automation.split('/');
    const { sentence } = formatWithdrawal(reason, { memory, base: request.base }, unmarked);
    return {
      type: 'Event',
      id: recordId(now, `withdrawn-${index}-${namespace}/${name}`),
      object: { cluster: memory.cluster, kind: 'ImageUpdateAutomation', namespace, name },
      severity: 'info',
      reason: 'Withdrawn',
      message: `#${request.number}: ${sentence}`,
      at: now,
    };
  });
}

/** Records of a run that waits, without having asked anything, for the time when GitHub answers again. */
export function recordQuiet(
  context: RecordContext,
  automation: ImageUpdateAutomation,
  { until, why }: QuietTime,
): readonly JournalRecord[] {
  const message = `GitHub is asked again at ${new Date(until).toISOString()}: ${why}`;
  return recordFailure(
    context,
    automation,
    new TidegateError('RateLimited', message, { disposition: 'wait', notBefore: until }),
  );
}

/** Records of a run that failed; one that is to be tried again is due at once. */
export function recordFailure(
  context: RecordContext,
  automation: ImageUpdateAutomation,
  error: unknown,
): readonly JournalRecord[] {
  const object = objectName(context, 'ImageUpdateAutomation', automation);
  const later = dispositionOf(error) === 'retry' ? context.now : context.now + automation.intervalMs;
  const dueAt = notBeforeOf(error) ?? later;
  const details = previousOf(context, object)?.details ?? {};
  return stateRecords(context, object, dueAt, failureStates(error), details);
}

/** What a run had no time for is due at the next tick; what was never looked at is due anyway. */
export function recordNotReached(
  context: RecordContext,
  kind: 'ImageRepository' | 'ImageUpdateAutomation',
  item: NamespacedName,
): readonly JournalRecord[] {
  const previous = previousOf(context, objectName(context, kind, item));
  return previous === undefined ? [] : [{ ...previous, dueAt: context.now }];
}

function describeResult(result: ImageUpdateResult, plan: ImageUpdatePlan, automation: ChangeOwner): string {
  switch (result.outcome) {
    case 'nothing-to-do':
      return isComplete(plan) ? 'repository up-to-date' : 'nothing to propose';
    case 'already-proposed':
      return isComplete(plan)
        ? `#${result.changeRequest.number} proposes the newest images`
        : `#${result.changeRequest.number} proposes what can be proposed`;
    case 'proposed': {
      const commit = result.commit === undefined ? '' : ` with commit ${result.commit}`;
      return `${result.opened ? 'opened' : 'updated'} #${result.changeRequest.number}${commit}`;
    }
    case 'withdrawn':
      return `withdrew #${result.changeRequest.number}: ${describeWithdrawal(result, automation)}`;
    case 'pushed':
      return `pushed commit ${result.commit} to ${result.branch}`;
    case 'left-alone':
      return describeLeft(result);
    case 'branch-updated':
      return `branch ${result.branch} has the newest commits of its base now; looking again`;
    case 'overtaken':
      return `branch ${result.branch} moved, or its pull request was decided, while it was worked on; looking again`;
  }
}

function describeWithdrawal(
  { changeRequest, reason, unmarked }: Extract<ImageUpdateResult, { readonly outcome: 'withdrawn' }>,
  memory: ChangeOwner,
): string {
  const { sentence } = formatWithdrawal(reason, { memory, base: changeRequest.base }, unmarked);
  return sentence.slice(sentence.indexOf(': ') + 2);
}

/** Whether nothing was left out for whatever reason. */
function isComplete({ held, doubts, problems }: ImageUpdatePlan): boolean {
  return held.length + doubts.length + problems.length === 0;
}

function describeLeft(result: Extract<ImageUpdateResult, { readonly outcome: 'left-alone' }>): string {
  const { branch, changeRequest } = result;
  const pull = changeRequest === undefined ? '' : `#${changeRequest.number} `;
  switch (result.because) {
    case 'foreign-commits':
      return `${pull}has commits of somebody else on branch ${branch} and is left to them: merge or close it, and newer images are proposed again`;
    case 'retargeted':
      return `${pull}was given the base ${changeRequest?.base ?? ''} by somebody and is left to them: merge or close it, and newer images are proposed again`;
    case 'no-branch-left':
      return `branch ${branch} and the names that follow it have commits of somebody else: delete those that are not needed`;
    case 'conflict':
      return `branch ${branch} has commits of others that conflict with its base: merge the base into it, or delete it`;
  }
}

/** What is to be said of places, in one note for all that differ in nothing but where they are. */
function notesOf<T extends { readonly marker: LocatedMarker }>(
  items: readonly T[],
  describe: (item: T, places: string) => string,
): readonly string[] {
  const groups = Map.groupBy(items, (item) => describe(item, ''));
  const notes = [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { file, line } = first.marker;
    return [describe(first, `${file}:${line}${others.length === 0 ? '' : ` and ${others.length} other places`}`)];
  });
  return atMost(notes);
}

function atMost(notes: readonly string[]): readonly string[] {
  if (notes.length <= MOST_NOTES) return notes;
  return [...notes.slice(0, MOST_NOTES), `and ${notes.length - MOST_NOTES} more like these`];
}

/** Otherwise a policy that orders another way than somebody thought looks as if it did nothing. */
function describeAhead({ policy, marker, image }: AheadValue, places: string): string {
  const order =
    policy.policy.kind === 'semver' ? `semver ${policy.policy.range}` : `${policy.policy.kind} ${policy.policy.order}`;
  return `${formatNamespacedName(policy)} leaves ${marker.value} at ${places} as it is: the policy (${order}) orders it above ${image.tag ?? ''}, the newest that it finds; write another value there to start from it`;
}

function describeHeld({ policy, image, refused }: HeldValue, places: string): string {
  const version = image.tag ?? image.digest ?? image.name;
  const { because, changeRequest } = refused;
  const said = because === 'closed' ? `#${changeRequest} was closed` : `what #${changeRequest} brought was reverted`;
  const refusedVersion = refused.image.tag ?? refused.image.digest ?? refused.image.name ?? '';
  const about = refusedVersion === version ? '' : ` with ${refusedVersion}, which is not older`;
  return `${policy} ${version} is held at ${places}: ${said}${about}; to take that back, reopen it or comment ${TAKE_BACK_COMMAND} on it`;
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
  const bounded = states.map((state) => ({ ...state, message: boundMessage(state.message) }));
  const conditions = replaceConditions(before?.conditions ?? [], bounded, context.now);
  const status: StatusRecord = {
    type: 'Status',
    object,
    conditions,
    suspended: false,
    observedAt: context.now,
    ...defined({ dueAt }),
    details,
  };
  const [ready] = conditions;
  const last = before?.conditions[0];
  const news = always || last?.message !== ready?.message || last?.reason !== ready?.reason;
  return news && ready !== undefined ? [status, eventOf(context, object, ready)] : [status];
}

function eventOf(context: RecordContext, object: ObjectName, ready: StatusRecord['conditions'][number]): EventRecord {
  return {
    type: 'Event',
    id: recordId(context.now, `${object.kind}/${object.namespace}/${object.name}`),
    object,
    severity: ready.status !== 'False' ? 'info' : ready.reason === 'RateLimited' ? 'warning' : 'error',
    reason: ready.reason,
    message: ready.message,
    at: context.now,
  };
}

function notReadyState(message: string): ConditionState {
  return { type: 'Ready', status: 'False', reason: 'NeedsAttention', message };
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

function objectName(context: RecordContext, kind: FluxKind, item: NamespacedName): ObjectName {
  return { cluster: context.cluster, kind, namespace: item.namespace, name: item.name };
}

function previousOf(context: RecordContext, object: ObjectName): StatusRecord | undefined {
  return findStatus(context.previous, object);
}
