import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from './journal-record.ts';

/** What one atomic write may hold (DynamoDB's transaction limit). */
const BATCH = 100;

/** Writes any number of records in order. Each batch is atomic; requests belong last, so that what they follow from is there. */
export async function writeInBatches(journal: Journal, records: readonly JournalRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += BATCH) {
    await journal.write(records.slice(start, start + BATCH));
  }
}
