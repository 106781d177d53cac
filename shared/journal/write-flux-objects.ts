import type { Journal } from '#shared/ports/journal.ts';
import {
  FLUX_OBJECT_PAGES_PREFIX,
  FLUX_OBJECT_PREFIX,
  FLUX_OBJECTS_KEY,
  journalKey,
  type FluxObjectSetRecord,
  type JournalRecord,
} from '#shared/records/journal-record.ts';
import { layOutFluxObjects, type FluxObjectLayout } from '#shared/records/lay-out-flux-objects.ts';

import type { StoredFluxObjects } from './read-flux-objects.ts';
import { MAX_WRITE_RECORDS } from './refuse-oversized-write.ts';
import { batchRecords } from './write-in-batches.ts';

/** What becomes the set of Flux objects that holds. */
export interface FluxObjectsWrite {
  readonly wanted: FluxObjectLayout;
  /** What was read before; nothing is written over what another writer put in its place. */
  readonly before: StoredFluxObjects['head'];
  /** What follows from the change, written with it: requests to those who follow the Flux objects. Few records. */
  readonly news: readonly JournalRecord[];
  readonly now: number;
}

/** Whether a set is recorded, in the form of this version, and of it can be read what was read when it was laid out. */
export function isRecorded({ head, damage }: StoredFluxObjects, wanted: FluxObjectLayout): boolean {
  const { lost } = wanted;
  return (
    head?.type === 'InstructionSet' &&
    isSame(head.pages, digestsOf(wanted)) &&
    isSame(damage?.fluxObjects ?? [], lost.fluxObjects) &&
    isSame(damage?.pages ?? [], lost.pages)
  );
}

/** Whether a set tells otherwise than what is recorded, in whatever form and from whichever commit. */
export function isNewSet(stored: StoredFluxObjects, wanted: FluxObjectLayout): boolean {
  const { head, fluxObjects } = stored;
  if (head?.type === 'InstructionSet') return !isRecorded(stored, wanted);
  return fluxObjects === undefined || !isSame(digestsOf(layOutFluxObjects(fluxObjects)), digestsOf(wanted));
}

/**
 * Records Flux objects: first those that are not there yet and their pages, which nobody follows as long as nothing names
 * them; then, in one write, the record that names them, with what follows from it; last, those that nobody follows any
 * more go. Interrupted anywhere, the old set holds or the new one; what was left over goes with the next change. What is
 * lost of the set is not taken away: it may be readable again.
 *
 * Nothing is taken away but by a write of the record that says what holds, and only if that is as it was read: of two
 * writers at once one is told of the other, and none names what the other took away.
 * @returns `conflict` when another writer was faster; the set is the other's then.
 */
export async function writeFluxObjects(journal: Journal, write: FluxObjectsWrite): Promise<'written' | 'conflict'> {
  const { wanted, before, news, now } = write;
  const { cluster, revision, fluxObjects, pages, lost } = wanted;
  const stored = [
    ...(await journal.list(cluster, FLUX_OBJECT_PREFIX)),
    ...(await journal.list(cluster, FLUX_OBJECT_PAGES_PREFIX)),
  ];
  const there = new Set(stored.map((record) => journalKey(record).key));
  const kept = new Set([...lost.fluxObjects, ...lost.pages]);
  // Which Flux objects a page named that cannot be read, nobody knows.
  const isKept = (record: JournalRecord): boolean =>
    (record.type === 'Instruction' && (lost.pages.length > 0 || kept.has(record.digest))) ||
    (record.type === 'InstructionPage' && kept.has(record.digest));
  const holding = [...fluxObjects, ...pages];
  const missing = holding.filter((record) => !there.has(journalKey(record).key));
  for (const batch of batchRecords(missing)) await journal.write(batch);

  for (const record of [...holding, ...stored.filter(isKept)]) there.delete(journalKey(record).key);
  const gone = [...there].map((key): JournalRecord => ({ type: 'Tombstone', partition: cluster, key, at: now }));
  const first = gone.splice(0, MAX_WRITE_RECORDS - 1 - news.length);
  let head: FluxObjectSetRecord = {
    type: 'InstructionSet',
    cluster,
    revision,
    sequence: before?.type === 'InstructionSet' ? before.sequence + 1 : 1,
    pages: digestsOf(wanted),
  };
  const replace = async (record: StoredFluxObjects['head'], records: readonly JournalRecord[]) =>
    journal.write(records, { partition: cluster, key: FLUX_OBJECTS_KEY, record });
  if ((await replace(before, [head, ...news, ...first])) === 'conflict') return 'conflict';
  for (const batch of batchRecords(gone, MAX_WRITE_RECORDS - 1)) {
    const next = { ...head, sequence: head.sequence + 1 };
    if ((await replace(head, [next, ...batch])) === 'conflict') break;
    head = next;
  }
  return 'written';
}

function isSame(digests: readonly string[], others: readonly string[]): boolean {
  return digests.length === others.length && digests.every((digest, index) => digest === others[index]);
}

/** Of the pages that a set names, those that are lost last. */
function digestsOf({ pages, lost }: FluxObjectLayout): readonly string[] {
  return [...pages.map(({ digest }) => digest), ...lost.pages];
}
