import type { JournalRecord } from '#shared/records/journal-record.ts';

/** What a key has to hold still for a write to be carried out; undefined where it reads as nothing. */
export interface JournalExpectation {
  readonly partition: string;
  readonly key: string;
  readonly record: JournalRecord | undefined;
}

/**
 * Heads, Flux objects, conditions, events and requests: what was done and what is wanted next.
 * A record's partition and key come from `journalKey`; writing a key again replaces the record.
 */
export interface Journal {
  /**
   * All or none, and readable before the stream carries the first of them. The stream carries writes of one key in their
   * order; the records of one write in theirs where the store promises that (SQLite does, DynamoDB does not).
   * Of two records of one key in a write the later one counts.
   * At most 100 records, 256 KiB each and 3.5 MB in all.
   * @returns `conflict`, with nothing written, when the expected record is another by now.
   */
  write(records: readonly JournalRecord[], expected?: JournalExpectation): Promise<'written' | 'conflict'>;
  /** @returns nothing too for what a tombstone replaced and for what is expired, whether or not the store forgot it. */
  read(partition: string, key: string): Promise<JournalRecord | undefined>;
  /** In key order (bytes of UTF-8); as `read`, without what was put to rest and what is expired. */
  list(partition: string, keyPrefix: string): Promise<readonly JournalRecord[]>;
}
