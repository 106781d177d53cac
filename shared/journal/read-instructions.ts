import { isDeepStrictEqual } from 'node:util';
import { toInstructions, type Instructions } from '#shared/api/instructions.ts';
import type { Journal } from '#shared/ports/journal.ts';
import {
  INSTRUCTION_PAGES_PREFIX,
  INSTRUCTION_PREFIX,
  INSTRUCTIONS_KEY,
  type InstructionSetRecord,
  type InstructionsRecord,
} from './journal-record.ts';

/** The instructions of a cluster as they are recorded. */
export interface StoredInstructions {
  /** What says which hold; whoever replaces it expects it to be so still. */
  readonly head: InstructionsRecord | InstructionSetRecord | undefined;
  /** Absent when none are recorded, and when not all that hold can be read: a part is never taken for the whole. */
  readonly instructions: Instructions | undefined;
}

/** How often a set is read again because another took its place meanwhile. */
const ATTEMPTS = 5;

/** What was read of each journal last, by cluster: a set whose head is unchanged is unchanged. */
const KNOWN = new WeakMap<Journal, Map<string, StoredInstructions>>();

/**
 * The instructions of a cluster that hold; what a process has read before costs one small record.
 * @param onDamage is told when some are recorded and not all of them can be read.
 * @returns nothing when none are recorded, or not all of them can be read.
 */
export async function readInstructions(
  journal: Journal,
  cluster: string,
  onDamage: (cluster: string) => void = () => undefined,
): Promise<Instructions | undefined> {
  const known = KNOWN.get(journal) ?? new Map<string, StoredInstructions>();
  KNOWN.set(journal, known);
  const stored = await readStoredInstructions(journal, cluster, known.get(cluster));
  if (stored.instructions !== undefined) known.set(cluster, stored);
  else if (stored.head !== undefined) onDamage(cluster);
  return stored.instructions;
}

/** Reads the instructions of a cluster and what says which hold; `known` is what was read of them before. */
export async function readStoredInstructions(
  journal: Journal,
  cluster: string,
  known?: StoredInstructions,
): Promise<StoredInstructions> {
  let head = await readHead(journal, cluster);
  for (let attempt = 1; head?.type === 'InstructionSet'; attempt += 1) {
    if (known?.instructions !== undefined && isDeepStrictEqual(head, known.head)) return known;
    const instructions = await readSet(journal, head);
    if (instructions !== undefined || attempt === ATTEMPTS) return { head, instructions };
    const next = await readHead(journal, cluster);
    if (isDeepStrictEqual(next, head)) return { head, instructions };
    head = next;
  }
  return { head, instructions: head?.instructions };
}

async function readHead(journal: Journal, cluster: string): Promise<StoredInstructions['head']> {
  const record = await journal.read(cluster, INSTRUCTIONS_KEY);
  return record?.type === 'Instructions' || record?.type === 'InstructionSet' ? record : undefined;
}

async function readSet(
  journal: Journal,
  { cluster, revision, pages }: InstructionSetRecord,
): Promise<Instructions | undefined> {
  const wanted = new Set(pages);
  const named = new Set<string>();
  for (const page of await journal.list(cluster, INSTRUCTION_PAGES_PREFIX)) {
    if (page.type !== 'InstructionPage' || !wanted.delete(page.digest)) continue;
    for (const digest of page.instructions) named.add(digest);
  }
  if (wanted.size > 0) return undefined;
  const records = await journal.list(cluster, INSTRUCTION_PREFIX);
  const found = records.flatMap((one) =>
    one.type === 'Instruction' && named.delete(one.digest) ? [one.followed] : [],
  );
  return named.size > 0 ? undefined : toInstructions(cluster, revision, found);
}
