import type { Condition } from './journal-record.ts';

/** A condition before it is known since when it holds. */
export type ConditionState = Omit<Condition, 'lastTransitionTime'>;

/** What one text may take of a record, of which two conditions and an event hold it, even where each character is escaped. */
const MAX_MESSAGE_LENGTH = 16_384;
const ORDER: readonly Condition['type'][] = ['Ready', 'Reconciling', 'Stalled'];

/** The condition of one type, if there is one. */
export function findCondition(conditions: readonly Condition[], type: Condition['type']): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** Whether a condition is there and `True`. */
export function isConditionTrue(conditions: readonly Condition[], type: Condition['type']): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * Replaces the conditions of an object: one that keeps its status keeps its transition time, one that is not among the
 * new states is dropped, as Flux drops `Reconciling` and `Stalled`. Always in the same order.
 */
export function replaceConditions(
  previous: readonly Condition[],
  states: readonly ConditionState[],
  now: number,
): readonly Condition[] {
  const byType = new Map(states.map((state) => [state.type, state]));
  return ORDER.flatMap((type) => {
    const state = byType.get(type);
    if (state === undefined) return [];
    const before = findCondition(previous, type);
    return [{ ...state, lastTransitionTime: before?.status === state.status ? before.lastTransitionTime : now }];
  });
}

/** The text of a condition as it is recorded: a cause that is told of thousands of places never makes a record too large. */
export function boundMessage(message: string): string {
  if (message.length <= MAX_MESSAGE_LENGTH) return message;
  return `${message.slice(0, MAX_MESSAGE_LENGTH).replace(/[\uD800-\uDBFF]$/u, '')}… (${message.length - MAX_MESSAGE_LENGTH} characters more)`;
}
