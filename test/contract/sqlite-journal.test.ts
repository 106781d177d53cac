import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { sampleSize } from '#test/sample-size.ts';

import { describeFluxObjects } from './flux-objects.contract.ts';
import { describeJournal, requestRecord, statusRecord } from './journal.contract.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

function openFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidegate-journal-'));
}

describeJournal('sqlite', async (clock) => createSqliteJournal(openSqliteDatabase(openFolder()), clock));
describeFluxObjects('sqlite', sampleSize(2_000, 10_000), async () =>
  createSqliteJournal(openSqliteDatabase(openFolder()), { now: () => 0 }),
);

describe('the stream of a sqlite journal', () => {
  it('carries every change in order with what was there before', async () => {
    const journal = createSqliteJournal(openSqliteDatabase(openFolder()), { now: () => 7 });
    await journal.write([statusRecord('a', 1), requestRecord('r', 1)]);
    await journal.write([statusRecord('a', 2)]);

    const changes = journal.changes(0, 10);

    expect(changes.map(({ before, after }) => [before, after])).toEqual([
      [undefined, statusRecord('a', 1)],
      [undefined, requestRecord('r', 1)],
      [statusRecord('a', 1), statusRecord('a', 2)],
    ]);
    expect(journal.changes(changes[1]?.sequence ?? 0, 10)).toHaveLength(1);
  });

  it('goes on where the consumer was, also in another process, and keeps nothing it has seen', async () => {
    const folder = openFolder();
    const first = openSqliteDatabase(folder);
    const journal = createSqliteJournal(first, { now: () => 0 });
    await journal.write([statusRecord('a', 1), statusRecord('b', 1)]);
    journal.advance('notify', journal.changes(0, 1)[0]?.sequence ?? 0);
    first.close();

    const again = createSqliteJournal(openSqliteDatabase(folder), { now: () => 0 });

    expect(again.changes(again.position('notify'), 10).map(({ after }) => after)).toEqual([statusRecord('b', 1)]);
    expect(again.changes(0, 10)).toHaveLength(1);
  });

  it('keeps a change until every consumer has seen it, also one that has not begun', async () => {
    const journal = createSqliteJournal(openSqliteDatabase(openFolder()), { now: () => 0 });
    journal.advance('one of an older version', 0);
    journal.keepFor(['quick', 'slow']);
    await journal.write([statusRecord('a', 1)]);
    const [change] = journal.changes(0, 1);

    journal.advance('quick', change?.sequence ?? 0);
    expect(journal.changes(journal.position('slow'), 10)).toHaveLength(1);
    journal.advance('slow', change?.sequence ?? 0);

    expect(journal.changes(0, 10)).toEqual([]);
  });

  it('forgets requests after a day and what describes the present never', async () => {
    let now = 0;
    const journal = createSqliteJournal(openSqliteDatabase(openFolder()), { now: () => now });
    await journal.write([statusRecord('a', 0), requestRecord('r', 0)]);

    now = DAY_MS - 1;
    journal.forgetExpired();
    expect(await journal.list('laptop', '')).toHaveLength(2);
    now = DAY_MS;
    journal.forgetExpired();

    expect(await journal.list('laptop', '')).toEqual([statusRecord('a', 0)]);
  });

  it('refuses the database of a newer version', () => {
    const folder = openFolder();
    const database = openSqliteDatabase(folder);
    database.connection.exec('PRAGMA user_version = 99');
    database.close();

    expect(() => openSqliteDatabase(folder)).toThrow('version 99');
  });
});
