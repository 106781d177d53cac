import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

const SCHEMA_VERSION = 1;

/** Every step brings the schema from one version to the next. */
const STEPS: readonly string[] = [
  `CREATE TABLE journal (
     partition TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, expires_at INTEGER,
     PRIMARY KEY (partition, key)
   ) WITHOUT ROWID;
   CREATE INDEX journal_expiry ON journal (expires_at) WHERE expires_at IS NOT NULL;
   CREATE TABLE changes (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT, before TEXT, after TEXT, at INTEGER NOT NULL
   );
   CREATE TABLE consumers (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE messages (
     id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_group TEXT NOT NULL,
     deduplication_id TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL,
     visible_at INTEGER NOT NULL, receipt TEXT, receive_count INTEGER NOT NULL DEFAULT 0,
     first_received_at INTEGER
   );
   CREATE INDEX messages_by_group ON messages (queue, message_group, id);
   CREATE UNIQUE INDEX messages_by_receipt ON messages (receipt) WHERE receipt IS NOT NULL;
   CREATE TABLE deduplications (
     queue TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (queue, id)
   ) WITHOUT ROWID;
   CREATE TABLE dead_letters (
     id INTEGER PRIMARY KEY, queue TEXT NOT NULL, message_group TEXT NOT NULL, body TEXT NOT NULL,
     sent_at INTEGER NOT NULL, receive_count INTEGER NOT NULL, died_at INTEGER NOT NULL
   );`,
];

/** Queue and journal of one installation in one file. */
export interface SqliteDatabase {
  readonly connection: DatabaseSync;
  /** Runs `work` as a whole or not at all. */
  transact<Result>(work: () => Result): Result;
  close(): void;
}

/**
 * Opens `<folder>/tidegate.db`, made if it is not there.
 * @throws TidegateError `StateFolderUnusable` (stall) for a file that is damaged or of a newer version.
 */
export function openSqliteDatabase(folder: string): SqliteDatabase {
  const file = join(folder, 'tidegate.db');
  let connection: DatabaseSync;
  try {
    makeFolder(folder, 0o700);
    connection = new DatabaseSync(file, { timeout: 5_000 });
    // A killed process loses nothing that was committed; FULL holds that for a machine that loses power too.
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  } catch (error) {
    throw unusable(file, error instanceof Error ? error.message : String(error), error);
  }
  const database: SqliteDatabase = {
    connection,
    transact: (work) => {
      connection.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        connection.exec('COMMIT');
        return result;
      } catch (error) {
        if (connection.isTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => {
      if (connection.isOpen) connection.close();
    },
  };
  database.transact(() => bringToVersion(connection, file));
  return database;
}

function bringToVersion(connection: DatabaseSync, file: string): void {
  const row = connection.prepare('PRAGMA user_version').get();
  const version = Number(row?.['user_version'] ?? 0);
  if (version > SCHEMA_VERSION) {
    throw unusable(file, `it has version ${version} and this Tidegate knows ${SCHEMA_VERSION}: run the newer version`);
  }
  for (const step of STEPS.slice(version)) connection.exec(step);
  connection.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

function unusable(file: string, reason: string, cause?: unknown): TidegateError {
  return new TidegateError('StateFolderUnusable', `${file} cannot be used: ${reason}`, {
    disposition: 'stall',
    subject: file,
    cause,
  });
}
