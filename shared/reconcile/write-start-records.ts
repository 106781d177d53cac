import { dispositionOf } from '#shared/common/tidegate-error.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';

import type { JournalReporter } from './journal-reporter.ts';
import type { StartRecords } from './plan-start-records.ts';
import { replaceFluxObjects } from './replace-flux-objects.ts';

/**
 * Records what is about to happen.
 *
 * What cannot be read is told before the Flux objects that leave it out: an automation that is neither followed nor stalled is
 * gone for those who follow them, and its pull requests are withdrawn. While that cannot be told, the Flux objects of
 * before hold. One that no record has room for was never followed, and keeps nothing.
 * @returns what has to be recorded once more when the run is done: the cluster has by then what it tells of, and the
 * next commit may break what declares it.
 */
export async function writeStartRecords(
  { stalled, fluxObjects, records, remembered }: StartRecords,
  ports: {
    readonly journal: Journal;
    readonly reporter: Pick<JournalReporter, 'tell'>;
    readonly holdsLease: () => boolean;
  },
): Promise<readonly JournalRecord[]> {
  const { journal, reporter, holdsLease } = ports;
  let isToldOfStalled = true;
  await reporter.tell('what cannot be read', async () => {
    try {
      await writeInBatches(journal, stalled);
    } catch (error) {
      isToldOfStalled = dispositionOf(error) === 'stall';
      throw error;
    }
  });
  if (fluxObjects !== undefined && isToldOfStalled) {
    await reporter.tell('the Flux objects', () => replaceFluxObjects(journal, fluxObjects, holdsLease));
  }
  let owed: readonly JournalRecord[] = remembered;
  await reporter.tell('what is about to happen', async () => {
    await writeInBatches(journal, remembered);
    owed = [];
    await writeInBatches(journal, records);
  });
  return owed;
}
