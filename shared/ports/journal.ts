import type { JournalRecord } from '#shared/journal/journal-record.ts';

/**
 * Heads, instructions, conditions, events and requests: what was done and what is wanted next.
 * A record's partition and key come from `journalKey`; writing a key again replaces the record.
 */
export interface Journal {
  /** All or none, and seen by the stream in this order. At most 100 records, 256 KiB each. */
  write(records: readonly JournalRecord[]): Promise<void>;
  read(partition: string, key: string): Promise<JournalRecord | undefined>;
  /** In key order. */
  list(partition: string, keyPrefix: string): Promise<readonly JournalRecord[]>;
}
