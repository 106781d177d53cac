import { isDeepStrictEqual } from 'node:util';

import { defined } from '#shared/common/defined.ts';
import { refuseOversizedWrite } from '#shared/journal/refuse-oversized-write.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import { formatJournalRecord, parseJournalRecord } from '#shared/records/parse-journal-record.ts';
import { isExpired, recordExpiry } from '#shared/records/record-expiry.ts';
import type { JournalChange } from '#shared/records/stream-record.ts';

import type { SqliteDatabase } from './sqlite-database.ts';

/** A journal in SQLite, with its stream. */
export interface SqliteJournal extends Journal {
  /** Changes after a position, oldest first. */
  changes(
    after: number,
    limit: number,
  ): readonly (JournalChange & { readonly sequence: number; readonly at: number })[];
  /** Says who reads the stream: a change is kept until all of them, and nobody else, have seen it. */
  keepFor(consumers: readonly string[]): void;
  /** How far a consumer of the stream has come; 0 at first. */
  position(consumer: string): number;
  /** Remembers how far a consumer has come, and forgets the changes that every consumer has seen. */
  advance(consumer: string, position: number): void;
  /** Forgets records whose time is over. */
  forgetExpired(): void;
  /** Calls back after each write. */
  onWrite(listener: () => void): void;
}

/** A journal in the database of one installation. */
export function createSqliteJournal(database: SqliteDatabase, clock: Pick<Clock, 'now'>): SqliteJournal {
  const { connection } = database;
  const listeners: (() => void)[] = [];
  const select = connection.prepare('SELECT body FROM journal WHERE partition = ? AND key = ?');
  const selectFrom = connection.prepare(
    'SELECT body FROM journal WHERE partition = ? AND key >= ? AND substr(key, 1, length(?)) = ? ORDER BY key',
  );
  const selectBetween = connection.prepare(
    'SELECT body FROM journal WHERE partition = ? AND key >= ? AND key < ? ORDER BY key',
  );
  const upsert = connection.prepare(
    `INSERT INTO journal (partition, key, body, expires_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (partition, key) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at`,
  );
  const append = connection.prepare('INSERT INTO changes (before, after, at) VALUES (?, ?, ?)');
  const selectChanges = connection.prepare('SELECT * FROM changes WHERE sequence > ? ORDER BY sequence LIMIT ?');
  const selectPosition = connection.prepare('SELECT position FROM consumers WHERE name = ?');

  function bodyAt(partition: string, key: string): string | undefined {
    const body = select.get(partition, key)?.['body'];
    return typeof body === 'string' ? body : undefined;
  }

  return {
    write: async (records, expected) => {
      const bodies = records.map(formatJournalRecord);
      refuseOversizedWrite(records);
      const isWritten = database.transact(() => {
        if (expected !== undefined) {
          const current = present(bodyAt(expected.partition, expected.key), clock.now());
          if (!isDeepStrictEqual(current, expected.record)) return false;
        }
        for (const [index, record] of records.entries()) {
          const { partition, key } = journalKey(record);
          const body = bodies[index] ?? '';
          append.run(bodyAt(partition, key) ?? null, body, clock.now());
          upsert.run(partition, key, body, recordExpiry(record) ?? null);
        }
        return true;
      });
      if (!isWritten) return 'conflict';
      for (const listener of listeners) listener();
      return 'written';
    },

    read: async (partition, key) => present(bodyAt(partition, key), clock.now()),

    list: async (partition, keyPrefix) => {
      const end = keyAfter(keyPrefix);
      const rows =
        end === undefined
          ? selectFrom.all(partition, keyPrefix, keyPrefix, keyPrefix)
          : selectBetween.all(partition, keyPrefix, end);
      return rows.flatMap(({ body }) => {
        const record = present(typeof body === 'string' ? body : undefined, clock.now());
        return record === undefined ? [] : [record];
      });
    },

    changes: (after, limit) =>
      selectChanges.all(after, limit).map((row) => {
        const before = typeof row['before'] === 'string' ? parseJournalRecord(row['before']) : undefined;
        const latest = typeof row['after'] === 'string' ? parseJournalRecord(row['after']) : undefined;
        return {
          sequence: Number(row['sequence']),
          sequenceNumber: String(row['sequence']),
          at: Number(row['at']),
          ...defined({ before, after: latest }),
        };
      }),

    keepFor: (consumers) => {
      database.transact(() => {
        const known = connection.prepare('SELECT name FROM consumers').all();
        for (const { name = null } of known) {
          if (!consumers.includes(String(name))) connection.prepare('DELETE FROM consumers WHERE name = ?').run(name);
        }
        const join = connection.prepare('INSERT OR IGNORE INTO consumers (name, position) VALUES (?, 0)');
        for (const consumer of consumers) join.run(consumer);
      });
    },

    position: (consumer) => Number(selectPosition.get(consumer)?.['position'] ?? 0),

    advance: (consumer, position) => {
      database.transact(() => {
        connection
          .prepare(
            `INSERT INTO consumers (name, position) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET position = max(position, excluded.position)`,
          )
          .run(consumer, position);
        connection.exec('DELETE FROM changes WHERE sequence <= (SELECT min(position) FROM consumers)');
      });
    },

    forgetExpired: () => {
      connection.prepare('DELETE FROM journal WHERE expires_at IS NOT NULL AND expires_at <= ?').run(clock.now());
    },

    onWrite: (listener) => {
      listeners.push(listener);
    },
  };
}

/** The first key after all that begin with a prefix; unknown where its last character is not one of ASCII. */
function keyAfter(prefix: string): string | undefined {
  const last = prefix.charCodeAt(prefix.length - 1);
  return last < 0x7e ? `${prefix.slice(0, -1)}${String.fromCharCode(last + 1)}` : undefined;
}

/** A tombstone reads as nothing, and so does what is to be forgotten. */
function present(body: string | undefined, now: number): JournalRecord | undefined {
  const record = body === undefined ? undefined : parseJournalRecord(body);
  return record === undefined || record.type === 'Tombstone' || isExpired(record, now) ? undefined : record;
}
