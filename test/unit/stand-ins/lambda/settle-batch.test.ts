import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { readFailedItems } from '#stand-ins/lambda/read-failed-items.ts';
import type { StreamBatch, StreamItem } from '#stand-ins/lambda/settle-batch.ts';
import { dropAged, settleBatch } from '#stand-ins/lambda/settle-batch.ts';
import { sampleSize } from '#test/sample-size.ts';

const retries = { bisectBatchOnError: true, retryAttempts: 2, maxRecordAgeSeconds: 60 };

function batchOf(numbers: string, failures = 0): StreamBatch<StreamItem> {
  return { items: Array.from(numbers, (sequenceNumber) => ({ sequenceNumber, arrivedAt: 0 })), failures };
}

describe('how the batch of a stream ends', () => {
  it.each([
    { end: 'nothing failed', batch: batchOf('1234'), failed: '', again: [] },
    { end: 'one in the middle is named', batch: batchOf('1234', 1), failed: '3', again: [batchOf('34')] },
    { end: 'several are named', batch: batchOf('1234'), failed: '42', again: [batchOf('234')] },
    { end: 'the first is named', batch: batchOf('1234'), failed: '1', again: [batchOf('1234', 1)] },
    {
      end: 'everything failed',
      batch: batchOf('12345', 1),
      failed: 'all',
      again: [batchOf('123', 1), batchOf('45', 1)],
    },
    { end: 'the only one failed', batch: batchOf('1', 1), failed: 'all', again: [batchOf('1', 2)] },
  ])('is tried again as it must be when $end', ({ batch, failed, again }) => {
    const items = failed === 'all' ? 'all' : new Set(failed);

    expect(settleBatch(batch, items, retries)).toEqual({ again });
  });

  it('gives up what was tried often enough', () => {
    expect(settleBatch(batchOf('1', 2), 'all', retries)).toEqual({ again: [], lost: batchOf('1', 3) });
    expect(settleBatch(batchOf('12', 2), new Set('1'), retries)).toEqual({ again: [], lost: batchOf('12', 3) });
  });

  it('gives up nothing for its tries where any number is allowed', () => {
    const forever = { ...retries, retryAttempts: -1 };

    expect(settleBatch(batchOf('1', 5_000), 'all', forever)).toEqual({ again: [batchOf('1', 5_001)] });
  });

  it('gives up what is too old, and nothing younger', () => {
    const items = [30_000, 39_999, 40_000].map((arrivedAt, index) => ({ sequenceNumber: String(index), arrivedAt }));

    expect(dropAged({ items, failures: 1 }, 100_000, retries)).toEqual({
      again: [{ items: items.slice(2), failures: 1 }],
      lost: { items: items.slice(0, 2), failures: 1 },
    });
  });

  it('loses only what always fails when the function throws, and does the rest once at least, in order', () => {
    const plan = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 6 });
    const property = fc.property(plan, fc.integer({ min: 1, max: 40 }), (poison, size) => {
      const numbers = Array.from({ length: size }, (_, index) => ({ sequenceNumber: String(index), arrivedAt: 0 }));
      const done: number[] = [];
      const lost: number[] = [];
      let waiting: readonly StreamBatch<StreamItem>[] = [{ items: numbers, failures: 0 }];
      for (let [batch] = waiting; batch !== undefined; [batch] = waiting) {
        const fails = batch.items.some(({ sequenceNumber }) => poison.includes(Number(sequenceNumber)));
        const settled = settleBatch(batch, fails ? 'all' : new Set(), retries);
        if (!fails) done.push(...batch.items.map(({ sequenceNumber }) => Number(sequenceNumber)));
        lost.push(...(settled.lost?.items ?? []).map(({ sequenceNumber }) => Number(sequenceNumber)));
        waiting = [...settled.again, ...waiting.slice(1)];
      }
      expect(lost).toEqual(poison.filter((number) => number < size).toSorted((a, b) => a - b));
      expect(done).toEqual(numbers.map((_, index) => index).filter((index) => !poison.includes(index)));
    });
    fc.assert(property, { seed: 42, numRuns: sampleSize(200, 5_000) });
  });
});

describe('what failed of a batch', () => {
  const answered = (payload: unknown) => ({ outcome: 'answered', payload, ms: 1, coldStart: false }) as const;

  it.each([
    { answer: answered(null), failed: new Set() },
    { answer: answered({}), failed: new Set() },
    { answer: answered({ batchItemFailures: null }), failed: new Set() },
    { answer: answered({ batchItemFailures: [] }), failed: new Set() },
    { answer: answered({ batchItemFailures: [{ itemIdentifier: 'b' }] }), failed: new Set('b') },
    { answer: answered({ batchItemFailures: [{ itemIdentifier: '' }] }), failed: 'all' },
    { answer: answered({ batchItemFailures: [{ itemIdentifier: null }] }), failed: 'all' },
    { answer: answered({ batchItemFailures: [{ id: 'b' }] }), failed: 'all' },
    { answer: answered({ batchItemFailures: [{ itemIdentifier: 'z' }] }), failed: 'all' },
    { answer: answered('done'), failed: 'all' },
    { answer: { outcome: 'timedOut', ms: 1 } as const, failed: 'all' },
    { answer: { outcome: 'failed', errorType: 'Error', message: 'no', ms: 1 } as const, failed: 'all' },
  ])('is $failed after $answer', ({ answer, failed }) => {
    expect(readFailedItems(answer, ['a', 'b'])).toEqual(failed);
  });
});
