import { isDeepStrictEqual } from 'node:util';
import { toInstructions, type Instructions } from '#shared/flux/flux-objects.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { Journal } from '#shared/ports/journal.ts';
import {
  INSTRUCTION_PAGES_PREFIX,
  INSTRUCTION_PREFIX,
  INSTRUCTIONS_KEY,
  type InstructionSetRecord,
  type InstructionsRecord,
} from '#shared/records/journal-record.ts';
import type { LostInstructions } from '#shared/records/lay-out-flux-objects.ts';

/** The instructions of a cluster as they are recorded. */
export interface StoredInstructions {
  /** What says which hold; whoever replaces it expects it to be so still. */
  readonly head: InstructionsRecord | InstructionSetRecord | undefined;
  /** Absent when none are recorded, and when not all that hold can be read: a part is never taken for the whole. */
  readonly instructions: Instructions | undefined;
  /** Present when some are recorded and not all of them can be read. */
  readonly damage?: InstructionsDamage;
}

/** What is left of a set, and what of it is lost, in the order of the digests. */
export interface InstructionsDamage extends LostInstructions {
  readonly readable: Instructions;
}

/** Stands, among the lost pages, for those that the record named which says what holds, when that is lost. */
const LOST_HEAD = INSTRUCTIONS_KEY;

/** Why a set is not whole. */
export function describeDamage({ instructions, pages }: InstructionsDamage): string {
  if (pages.includes(LOST_HEAD)) return 'the record that says which hold cannot be read';
  return `${instructions.length} instructions, and ${pages.length} pages that name others, cannot be read`;
}

/** How often a set is read again because another took its place meanwhile. */
const ATTEMPTS = 5;

/** What was read of each journal last, by cluster: a set whose head is unchanged is unchanged. */
const KNOWN = new WeakMap<Journal, Map<string, StoredInstructions>>();

/**
 * The instructions of a cluster that hold, for those who weigh one with another: what is missing may be what another needs.
 * @returns nothing when none are recorded, or not all of them can be read.
 */
export async function readInstructions(journal: Journal, cluster: string): Promise<Instructions | undefined> {
  return (await readKnownInstructions(journal, cluster)).instructions;
}

/** The instructions of a cluster as they are recorded; what a process has read before costs one small record. */
export async function readKnownInstructions(journal: Journal, cluster: string): Promise<StoredInstructions> {
  const known = KNOWN.get(journal) ?? new Map<string, StoredInstructions>();
  KNOWN.set(journal, known);
  const stored = await readStoredInstructions(journal, cluster, known.get(cluster));
  if (stored.instructions !== undefined) known.set(cluster, stored);
  return stored;
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
    const set = await readSet(journal, head);
    if (set.instructions !== undefined || attempt === ATTEMPTS) return { head, ...set };
    const next = await readHead(journal, cluster);
    if (isDeepStrictEqual(next, head)) return { head, ...set };
    head = next;
  }
  if (head !== undefined) return { head, instructions: head.instructions };
  return { head, instructions: undefined, ...(await readWithoutHead(journal, cluster)) };
}

async function readHead(journal: Journal, cluster: string): Promise<StoredInstructions['head']> {
  const record = await journal.read(cluster, INSTRUCTIONS_KEY);
  return record?.type === 'Instructions' || record?.type === 'InstructionSet' ? record : undefined;
}

async function readSet(
  journal: Journal,
  { cluster, revision, pages }: InstructionSetRecord,
): Promise<Omit<StoredInstructions, 'head'>> {
  const wanted = new Set(pages);
  const named = new Set<string>();
  for (const page of await journal.list(cluster, INSTRUCTION_PAGES_PREFIX)) {
    if (page.type !== 'InstructionPage' || !wanted.delete(page.digest)) continue;
    for (const digest of page.instructions) named.add(digest);
  }
  const records = await journal.list(cluster, INSTRUCTION_PREFIX);
  const found = records.flatMap((one) =>
    one.type === 'Instruction' && named.delete(one.digest) ? [one.followed] : [],
  );
  const readable = toInstructions(cluster, revision, found);
  if (wanted.size === 0 && named.size === 0) return { instructions: readable };
  return { instructions: undefined, damage: { readable, instructions: [...named].sort(), pages: [...wanted].sort() } };
}

/**
 * Instructions that nothing names: what named them is damaged, or the first writer has not come to it. Neither is known to be the
 * whole, and of an instruction that is there twice, the one that held is not known.
 */
async function readWithoutHead(
  journal: Journal,
  cluster: string,
): Promise<Pick<StoredInstructions, 'damage'> | undefined> {
  const pages = await journal.list(cluster, INSTRUCTION_PAGES_PREFIX);
  const records = await journal.list(cluster, INSTRUCTION_PREFIX);
  if (pages.length === 0 && records.length === 0) return undefined;
  const found = records.flatMap((one) => (one.type === 'Instruction' ? [one.followed] : []));
  const byName = Map.groupBy(found, ({ kind, instruction }) => `${kind}/${formatNamespacedName(instruction)}`);
  const single = [...byName.values()].flatMap((same) => (same.length === 1 ? same : []));
  return { damage: { readable: toInstructions(cluster, '', single), instructions: [], pages: [LOST_HEAD] } };
}
