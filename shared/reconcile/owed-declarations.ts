import { isDeepStrictEqual } from 'node:util';

import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { DECLARATIONS_PREFIX, journalKey, type JournalRecord } from '#shared/records/journal-record.ts';

import type { PreviousState, RememberedDeclarations } from './read-previous-state.ts';

/** What a run could not record of what it remembers, in their order, and what was recorded then. */
interface Owed {
  readonly before: RememberedDeclarations | undefined;
  readonly records: readonly JournalRecord[];
}

/** By cluster; lost with the process, after which holds what the journal has. */
const OWED = new WeakMap<Journal, Map<string, Owed>>();

/** Keeps for the next run of this process what could not be recorded; nothing, where all is. */
export function keepOwed(
  journal: Journal,
  cluster: string,
  before: RememberedDeclarations | undefined,
  records: readonly JournalRecord[],
): void {
  const owed = OWED.get(journal) ?? new Map<string, Owed>();
  OWED.set(journal, owed);
  if (records.length === 0) owed.delete(cluster);
  else owed.set(cluster, { before, records });
}

/**
 * What the last runs knew, with what the last one of this process applied and could not record, unless another run has
 * recorded its own since. It is recorded now, where that is possible.
 * @returns what is owed still beside it.
 */
export async function recallOwed(
  journal: Journal,
  cluster: string,
  previous: PreviousState,
): Promise<{ readonly previous: PreviousState; readonly pending: readonly JournalRecord[] }> {
  const owed = OWED.get(journal)?.get(cluster);
  if (owed === undefined || !isDeepStrictEqual(owed.before, previous.remembered)) return { previous, pending: [] };
  const recalled = { ...previous, remembered: overlay(previous.remembered, owed.records) };
  try {
    await writeInBatches(journal, owed.records);
  } catch {
    // The run says what it could not record, this among it.
    return { previous: recalled, pending: owed.records };
  }
  keepOwed(journal, cluster, undefined, []);
  return { previous: recalled, pending: [] };
}

function overlay(
  remembered: RememberedDeclarations | undefined,
  records: readonly JournalRecord[],
): RememberedDeclarations {
  const declarations = new Map(remembered?.declarations);
  const lastRenders = new Map(remembered?.lastRenders);
  const names = new Map(
    [...declarations, ...lastRenders].map(([name, record]) => [journalKey(record).key, name] as const),
  );
  for (const record of records) {
    if (record.type === 'Declaration') declarations.set(formatNamespacedName(record.kustomization), record);
    if (record.type === 'LastRender') lastRenders.set(formatNamespacedName(record), record);
    if (record.type !== 'Tombstone') continue;
    const name = names.get(record.key) ?? '';
    const from = record.key.startsWith(DECLARATIONS_PREFIX) ? declarations : lastRenders;
    from.delete(name);
  }
  return { declarations, lastRenders };
}
