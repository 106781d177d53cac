import { z } from 'zod';

import type { Invocation } from './start-runtime-api.ts';

const Failures = z.union([
  z.null(),
  z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })).nullish() }),
]);

/** What has to be done again of a batch: what the function named, or everything. */
export type FailedItems = ReadonlySet<string> | 'all';

/**
 * Reads which items of a batch failed, as Lambda does under `ReportBatchItemFailures`: all of them when the function failed,
 * when its answer is of another shape, and when it names an item that it was not given.
 */
export function readFailedItems(invocation: Invocation, given: readonly string[]): FailedItems {
  if (invocation.outcome !== 'answered') return 'all';
  const answer = Failures.safeParse(invocation.payload);
  if (!answer.success) return 'all';
  const named = new Set(answer.data?.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier));
  return [...named].every((item) => given.includes(item)) ? named : 'all';
}
