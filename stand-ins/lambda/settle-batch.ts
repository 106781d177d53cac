import type { FailedItems } from './read-failed-items.ts';

/** What was read of a stream together, and how often it was tried in vain. */
export interface StreamBatch<Item extends StreamItem> {
  readonly items: readonly Item[];
  readonly failures: number;
}

export interface StreamItem {
  readonly sequenceNumber: string;
  readonly arrivedAt: number;
}

/** Why records are given up, in Lambda's words. */
export type GivingUp = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

export interface StreamRetries {
  readonly bisectBatchOnError: boolean;
  /** -1 for any number. */
  readonly retryAttempts: number;
  readonly maxRecordAgeSeconds: number;
}

/** What is done again, in this order, and what is given up first. */
export interface Settlement<Item extends StreamItem> {
  readonly again: readonly StreamBatch<Item>[];
  readonly lost?: StreamBatch<Item>;
}

/**
 * Decides what a batch's end means, as Lambda does for streams.
 * - What stands before the first item that was named is done; the rest is a batch of its own.
 * - A batch that failed as a whole is halved, which counts as no try, until one item is left.
 * - A batch whose first item was named is tried again as it is, and given up as it is: AWS does not say that it is halved.
 */
export function settleBatch<Item extends StreamItem>(
  batch: StreamBatch<Item>,
  failed: FailedItems,
  { bisectBatchOnError, retryAttempts }: StreamRetries,
): Settlement<Item> {
  const { items, failures } = batch;
  const first = failed === 'all' ? 0 : items.findIndex(({ sequenceNumber }) => failed.has(sequenceNumber));
  if (first === -1) return { again: [] };
  if (first > 0) return { again: [{ items: items.slice(first), failures: 0 }] };
  if (failed === 'all' && bisectBatchOnError && items.length > 1) {
    const middle = Math.ceil(items.length / 2);
    return { again: [items.slice(0, middle), items.slice(middle)].map((half) => ({ items: half, failures })) };
  }
  const triedOnce = { items, failures: failures + 1 };
  const isSpent = retryAttempts >= 0 && triedOnce.failures > retryAttempts;
  return isSpent ? { again: [], lost: triedOnce } : { again: [triedOnce] };
}

/** Sets aside what is too old to be tried at all. */
export function dropAged<Item extends StreamItem>(
  batch: StreamBatch<Item>,
  now: number,
  { maxRecordAgeSeconds }: StreamRetries,
): Settlement<Item> {
  const isAged = ({ arrivedAt }: Item): boolean => now - arrivedAt > maxRecordAgeSeconds * 1000;
  const aged = batch.items.filter(isAged);
  if (aged.length === 0) return { again: [batch] };
  const rest = batch.items.filter((item) => !isAged(item));
  return {
    again: rest.length === 0 ? [] : [{ ...batch, items: rest }],
    lost: { items: aged, failures: batch.failures },
  };
}
