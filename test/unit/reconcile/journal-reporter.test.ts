import { expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { findConcerns } from '#shared/notify/find-concerns.ts';
import { createJournalReporter } from '#shared/reconcile/journal-reporter.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const TOO_LARGE = new TidegateError('JournalWriteTooLarge', 'too large', { disposition: 'stall' });

function open() {
  const database = openSqliteDatabase(makeTemporaryFolder('teller'));
  const journal = createSqliteJournal(database, { now: () => 0 });
  const lines: string[] = [];
  const log = createJsonLogger({ level: 'info', knownSecrets: [], now: () => 0, write: (line) => lines.push(line) });
  const reporter = createJournalReporter('production', journal, log);
  const counted = (): readonly string[] => lines.filter((line) => line.includes('"dropped":true'));
  return { database, journal, reporter, counted };
}

it('what cannot be recorded waits for a person, and is counted as dropped only where not even that can be recorded', async () => {
  const { database, journal, reporter, counted } = open();
  await reporter.tell('instructions', () => Promise.reject(TOO_LARGE));

  await reporter.conclude(undefined, 0, () => 'e1');

  const statuses = await journal.list('production', 'status/');
  expect(statuses.flatMap((one) => (one.type === 'Status' ? findConcerns(one) : []))).toMatchObject([
    { reason: 'RecordFailed', object: { cluster: 'production' } },
  ]);
  expect(counted()).toEqual([]);

  database.close();
  await reporter.conclude(undefined, 0, () => 'e2');

  expect(counted()).toHaveLength(1);
});
