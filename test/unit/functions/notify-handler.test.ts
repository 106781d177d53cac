import { describe, expect, it } from 'vitest';

import { createNotifyHandler } from '#functions/notify/handler.ts';
import type { Judgment } from '#shared/adapters/github/judge-answer.ts';
import { explainJudgment } from '#shared/adapters/github/to-tidegate-error.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { toStreamRecord } from '#shared/records/stream-record.ts';

const STATUS: JournalRecord = {
  type: 'Status',
  object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
  conditions: [
    { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: 'm', lastTransitionTime: 0 },
  ],
  report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
  suspended: false,
  observedAt: 0,
  details: {},
};
const REQUEST: JournalRecord = {
  type: 'Request',
  cluster: 'laptop',
  id: 'r1',
  queue: 'source-sync',
  group: 'g',
  message: { type: 'InstructionsChanged', cluster: 'laptop' },
  at: 0,
};

/** The lines that the alarm on dropped messages counts when GitHub or a queue answers so. */
async function countedLines(record: JournalRecord, error: TidegateError): Promise<readonly string[]> {
  const lines: string[] = [];
  const handler = createNotifyHandler({
    queues: { send: () => Promise.reject(error) },
    statuses: { set: () => Promise.reject(error) },
    quietTimes: { find: async () => undefined, begin: () => Promise.reject(new Error('no limit')) },
    style: { withheldPrune: 'pending' },
    log: createJsonLogger({ level: 'info', knownSecrets: [], now: () => 0, write: (line) => void lines.push(line) }),
  });
  const change = toStreamRecord({ sequenceNumber: '1', after: record, at: 0 });
  await handler({ Records: change === undefined ? [] : [change] }, { getRemainingTimeInMillis: () => 60_000 });
  return lines.filter((line) => line.includes('"dropped":true'));
}

function refused(judgment: Judgment, status: number): TidegateError {
  const { code, message, disposition } = explainJudgment(judgment, { status, words: 'no' });
  return new TidegateError(code, message, { disposition });
}

describe('what notify drops', () => {
  it.each<[string, JournalRecord, TidegateError, number]>([
    [
      'statuses that the App may not write',
      STATUS,
      refused({ kind: 'permission', lacks: undefined, holder: 'app' }, 403),
      1,
    ],
    ['a key that GitHub does not accept', STATUS, refused({ kind: 'credentials' }, 401), 1],
    ['a commit that is gone after a forced push', STATUS, refused({ kind: 'refused' }, 422), 0],
    ['a GitHub that does not answer', STATUS, refused({ kind: 'passing' }, 500), 0],
    ['a queue that is not known', REQUEST, new TidegateError('QueueUnknown', 'no', { disposition: 'stall' }), 1],
    ['a queue that does not answer', REQUEST, new TidegateError('QueueUnavailable', 'no', { disposition: 'retry' }), 0],
  ])('counts for the alarm where it is lost and somebody can mend it: %s', async (_what, record, error, count) => {
    expect(await countedLines(record, error)).toHaveLength(count);
  });
});
