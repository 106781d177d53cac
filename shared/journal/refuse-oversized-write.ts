import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import { formatJournalRecord } from '#shared/records/parse-journal-record.ts';

/** What one atomic write may hold: DynamoDB's transaction limits, with room for keys, so that every journal has the same. */
export const MAX_WRITE_RECORDS = 100;
export const MAX_WRITE_BYTES = 3_500_000;
export const MAX_RECORD_BYTES = 256 * 1024;
const MAX_KEY_BYTES = 1024;

/**
 * Makes sure that a write fits.
 * @throws TidegateError `JournalWriteTooLarge` (stall) naming the record and the limit.
 */
export function refuseOversizedWrite(records: readonly JournalRecord[]): void {
  if (records.length > MAX_WRITE_RECORDS) {
    throw tooLarge(
      `journal write holds ${records.length} records; allowed: ${MAX_WRITE_RECORDS}, write in several parts`,
    );
  }
  let total = 0;
  for (const record of records) {
    const bytes = recordBytes(record);
    const refusal = whyOversized(record, bytes);
    if (refusal !== undefined) throw refusal;
    total += bytes;
  }
  if (total > MAX_WRITE_BYTES) {
    throw tooLarge(`journal write has ${total} bytes; allowed: ${MAX_WRITE_BYTES}, write in several parts`);
  }
}

/** Why a record of so many bytes fits into no write, if it does not. */
export function whyOversized(record: JournalRecord, bytes: number): TidegateError | undefined {
  const { partition, key } = journalKey(record);
  const subject = `${partition}/${key}`;
  if (bytes > MAX_RECORD_BYTES) {
    return tooLarge(`journal record ${subject} has ${bytes} bytes; allowed: ${MAX_RECORD_BYTES}`, subject);
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES || Buffer.byteLength(partition) > MAX_KEY_BYTES) {
    return tooLarge(`journal key ${subject.slice(0, 100)}… is too long; allowed: ${MAX_KEY_BYTES} bytes`, subject);
  }
  return undefined;
}

/** The size of a record as it is stored. */
export function recordBytes(record: JournalRecord): number {
  return Buffer.byteLength(formatJournalRecord(record));
}

function tooLarge(message: string, subject?: string): TidegateError {
  return new TidegateError('JournalWriteTooLarge', message, {
    disposition: 'stall',
    ...defined({ subject }),
  });
}
