import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { openSqliteDatabase, type SqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { EventRecord, StatusRecord } from '#shared/records/journal-record.ts';

/** What was recorded, read beside a Tidegate that runs. */
export interface JournalView {
  /** Oldest first. */
  events(): Promise<readonly EventRecord[]>;
  statuses(): Promise<readonly StatusRecord[]>;
}

/** Opens the journal of one cluster in a state folder; empty until `serve` has made it. */
export function openJournalView(stateFolder: string, cluster: string): JournalView & { close(): void } {
  let opened: { readonly database: SqliteDatabase; readonly journal: Journal } | undefined;

  function open(): Journal | undefined {
    if (opened === undefined && existsSync(join(stateFolder, 'tidegate.db'))) {
      const database = openSqliteDatabase(stateFolder);
      opened = { database, journal: createSqliteJournal(database, systemClock) };
    }
    return opened?.journal;
  }

  return { ...viewJournal(open, cluster), close: () => opened?.database.close() };
}

/** What one cluster's part of a journal tells; nothing until there is a journal. */
export function viewJournal(open: () => Journal | undefined, cluster: string): JournalView {
  return {
    events: async () => ((await open()?.list(cluster, 'event/')) ?? []).filter((record) => record.type === 'Event'),
    statuses: async () => ((await open()?.list(cluster, 'status/')) ?? []).filter((record) => record.type === 'Status'),
  };
}
