import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from './journal-record.ts';
import { MAX_RECORD_BYTES, MAX_WRITE_BYTES, MAX_WRITE_RECORDS, recordBytes } from './refuse-oversized-write.ts';

/**
 * Writes any number of records in order. Each batch is atomic; requests belong last, so that what they follow from is there. A
 * record that is too large takes nothing with it but the requests: all others are written before it fails.
 */
export async function writeInBatches(journal: Journal, records: readonly JournalRecord[]): Promise<void> {
  for (const batch of batchesOf(records.filter(isWritable))) await journal.write(batch);
  const tooLarge = records.find((record) => !fits(record));
  if (tooLarge !== undefined) await journal.write([tooLarge]);
  for (const batch of batchesOf(records.filter(isRequest))) await journal.write(batch);
}

function isWritable(record: JournalRecord): boolean {
  return !isRequest(record) && fits(record);
}

function isRequest({ type }: JournalRecord): boolean {
  return type === 'Request';
}

function fits(record: JournalRecord): boolean {
  return recordBytes(record) <= MAX_RECORD_BYTES;
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
