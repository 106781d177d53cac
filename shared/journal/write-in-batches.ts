import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';

import { MAX_WRITE_BYTES, MAX_WRITE_RECORDS, recordBytes, whyOversized } from './refuse-oversized-write.ts';

/**
 * Writes any number of records in order. Each batch is atomic; requests come last, so that what they follow from is
 * there. A record that is too large takes nothing with it: all others are written before it fails.
 */
export async function writeInBatches(journal: Journal, records: readonly JournalRecord[]): Promise<void> {
  const refusals = records.map((record) => whyOversized(record, recordBytes(record)));
  const writable = records.filter((_record, index) => refusals[index] === undefined);
  for (const batch of batchRecords(writable.filter((record) => !isRequest(record)))) await journal.write(batch);
  for (const batch of batchRecords(writable.filter(isRequest))) await journal.write(batch);
  const refusal = refusals.find((one) => one !== undefined);
  if (refusal !== undefined) throw refusal;
}

function isRequest({ type }: JournalRecord): boolean {
  return type === 'Request';
}

/** Divides records into as many as one write may hold, in their order. */
export function batchRecords(
  records: readonly JournalRecord[],
  maxRecords = MAX_WRITE_RECORDS,
): readonly (readonly JournalRecord[])[] {
  const batches: JournalRecord[][] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytes(record);
    const last = batches.at(-1);
    if (last === undefined || last.length === maxRecords || bytes + size > MAX_WRITE_BYTES) {
      batches.push([record]);
      bytes = size;
    } else {
      last.push(record);
      bytes += size;
    }
  }
  return batches;
}
