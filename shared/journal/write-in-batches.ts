import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from './journal-record.ts';
import { MAX_WRITE_BYTES, MAX_WRITE_RECORDS, recordBytes } from './refuse-oversized-write.ts';

/** Writes any number of records in order. Each batch is atomic; requests belong last, so that what they follow from is there. */
export async function writeInBatches(journal: Journal, records: readonly JournalRecord[]): Promise<void> {
  for (const batch of batchesOf(records)) await journal.write(batch);
}

function batchesOf(records: readonly JournalRecord[]): readonly (readonly JournalRecord[])[] {
  const batches: JournalRecord[][] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytes(record);
    const last = batches.at(-1);
    if (last === undefined || last.length === MAX_WRITE_RECORDS || bytes + size > MAX_WRITE_BYTES) {
      batches.push([record]);
      bytes = size;
    } else {
      last.push(record);
      bytes += size;
    }
  }
  return batches;
}
