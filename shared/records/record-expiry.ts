import type { JournalRecord } from './journal-record.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** When a record may be forgotten, in milliseconds since the epoch; never for what describes the present. */
export function recordExpiry(record: JournalRecord): number | undefined {
  switch (record.type) {
    case 'Event':
      return record.at + 7 * DAY_MS;
    case 'Request':
    case 'Tombstone':
      return record.at + DAY_MS;
    case 'QuietTime':
      return record.until + DAY_MS;
    case 'SourceHead':
    case 'Instructions':
    case 'InstructionSet':
    case 'InstructionPage':
    case 'Instruction':
    case 'Status':
    case 'ImageScan':
    case 'Declaration':
    case 'LastRender':
    case 'Installation':
    case 'ProposalRepository':
    case 'ArtifactsKept':
      return undefined;
  }
}

/** Whether a record's time is over, also while its store still holds it. */
export function isExpired(record: JournalRecord, now: number): boolean {
  const expiry = recordExpiry(record);
  return expiry !== undefined && expiry <= now;
}
