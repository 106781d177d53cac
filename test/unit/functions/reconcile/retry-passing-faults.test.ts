import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { expect, test } from 'vitest';

import { retryPassingFaults } from '#functions/reconcile/retry-passing-faults.ts';

const EVENT: SQSEvent = { Records: [] };
const DONE: SQSBatchResponse = { batchItemFailures: [] };
const HANDED_BACK: SQSBatchResponse = { batchItemFailures: [{ itemIdentifier: 'a' }] };

/** Plays a handler that answers so, on a clock of its own, and tells when it was called. */
async function play(answers: readonly SQSBatchResponse[], runMs = 1_000) {
  let now = 0;
  const startedAt: number[] = [];
  const handle = retryPassingFaults(
    async () => {
      startedAt.push(now);
      now += runMs;
      return answers[startedAt.length - 1] ?? HANDED_BACK;
    },
    async (ms) => void (now += ms),
  );
  const result = await handle(EVENT, { getRemainingTimeInMillis: () => 300_000 - now });
  return { result, startedAt };
}

test('what went well is not done again', async () => {
  expect(await play([DONE])).toEqual({ result: DONE, startedAt: [0] });
});

test('a fault that passes is met again after seconds, not after the queue’s minutes', async () => {
  expect(await play([HANDED_BACK, HANDED_BACK, DONE])).toEqual({ result: DONE, startedAt: [0, 3_000, 12_000] });
});

test('a fault that lasts is handed back to the queue', async () => {
  expect(await play([])).toEqual({ result: HANDED_BACK, startedAt: [0, 3_000, 12_000, 43_000] });
});

test('no run is started that could not end', async () => {
  expect(await play([], 209_000)).toEqual({ result: HANDED_BACK, startedAt: [0] });
});
