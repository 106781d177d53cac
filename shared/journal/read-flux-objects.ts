import { isDeepStrictEqual } from 'node:util';

import { toFluxObjects, type FluxObjects } from '#shared/flux/flux-objects.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { Journal } from '#shared/ports/journal.ts';
import {
  FLUX_OBJECT_PAGES_PREFIX,
  FLUX_OBJECT_PREFIX,
  FLUX_OBJECTS_KEY,
  type FluxObjectSetRecord,
  type FluxObjectsRecord,
} from '#shared/records/journal-record.ts';
import type { LostFluxObjects } from '#shared/records/lay-out-flux-objects.ts';

/** The Flux objects of a cluster as they are recorded. */
export interface StoredFluxObjects {
  /** What says which hold; whoever replaces it expects it to be so still. */
  readonly head: FluxObjectsRecord | FluxObjectSetRecord | undefined;
  /** Absent when none are recorded, and when not all that hold can be read: a part is never taken for the whole. */
  readonly fluxObjects: FluxObjects | undefined;
  /** Present when some are recorded and not all of them can be read. */
  readonly damage?: FluxObjectsDamage;
}

/** What is left of a set, and what of it is lost, in the order of the digests. */
export interface FluxObjectsDamage extends LostFluxObjects {
  readonly readable: FluxObjects;
}

/** Stands, among the lost pages, for those that the record named which says what holds, when that is lost. */
const LOST_HEAD = FLUX_OBJECTS_KEY;

/** Why a set is not whole. */
export function describeDamage({ fluxObjects, pages }: FluxObjectsDamage): string {
  if (pages.includes(LOST_HEAD)) return 'the record that says which hold cannot be read';
  return `${fluxObjects.length} Flux objects, and ${pages.length} pages that name others, cannot be read`;
}

/** How often a set is read again because another took its place meanwhile. */
const ATTEMPTS = 5;

/** What was read of each journal last, by cluster: a set whose head is unchanged is unchanged. */
const KNOWN = new WeakMap<Journal, Map<string, StoredFluxObjects>>();

/**
 * The Flux objects of a cluster that hold, for those who weigh one with another: what is missing may be what another needs.
 * @returns nothing when none are recorded, or not all of them can be read.
 */
export async function readFluxObjects(journal: Journal, cluster: string): Promise<FluxObjects | undefined> {
  return (await readKnownFluxObjects(journal, cluster)).fluxObjects;
}

/** The Flux objects of a cluster as they are recorded; what a process has read before costs one small record. */
export async function readKnownFluxObjects(journal: Journal, cluster: string): Promise<StoredFluxObjects> {
  const known = KNOWN.get(journal) ?? new Map<string, StoredFluxObjects>();
  KNOWN.set(journal, known);
  const stored = await readStoredFluxObjects(journal, cluster, known.get(cluster));
  if (stored.fluxObjects !== undefined) known.set(cluster, stored);
  return stored;
}

/** Reads the Flux objects of a cluster and what says which hold; `known` is what was read of them before. */
export async function readStoredFluxObjects(
  journal: Journal,
  cluster: string,
  known?: StoredFluxObjects,
): Promise<StoredFluxObjects> {
  let head = await readHead(journal, cluster);
  for (let attempt = 1; head?.type === 'InstructionSet'; attempt += 1) {
    if (known?.fluxObjects !== undefined && isDeepStrictEqual(head, known.head)) return known;
    const set = await readSet(journal, head);
    if (set.fluxObjects !== undefined || attempt === ATTEMPTS) return { head, ...set };
    const next = await readHead(journal, cluster);
    if (isDeepStrictEqual(next, head)) return { head, ...set };
    head = next;
  }
  if (head !== undefined) return { head, fluxObjects: head.fluxObjects };
  return { head, fluxObjects: undefined, ...(await readWithoutHead(journal, cluster)) };
}

async function readHead(journal: Journal, cluster: string): Promise<StoredFluxObjects['head']> {
  const record = await journal.read(cluster, FLUX_OBJECTS_KEY);
  return record?.type === 'Instructions' || record?.type === 'InstructionSet' ? record : undefined;
}

async function readSet(
  journal: Journal,
  { cluster, revision, pages }: FluxObjectSetRecord,
): Promise<Omit<StoredFluxObjects, 'head'>> {
  const wanted = new Set(pages);
  const named = new Set<string>();
  for (const page of await journal.list(cluster, FLUX_OBJECT_PAGES_PREFIX)) {
    if (page.type !== 'InstructionPage' || !wanted.delete(page.digest)) continue;
    for (const digest of page.fluxObjects) named.add(digest);
  }
  const records = await journal.list(cluster, FLUX_OBJECT_PREFIX);
  const found = records.flatMap((one) =>
    one.type === 'Instruction' && named.delete(one.digest) ? [one.followed] : [],
  );
  const readable = toFluxObjects(cluster, revision, found);
  if (wanted.size === 0 && named.size === 0) return { fluxObjects: readable };
  return { fluxObjects: undefined, damage: { readable, fluxObjects: [...named].sort(), pages: [...wanted].sort() } };
}

/**
 * Flux objects that nothing names: what named them is damaged, or the first writer has not come to it. Neither is known to be the
 * whole, and of a Flux object that is there twice, the one that held is not known.
 */
async function readWithoutHead(
  journal: Journal,
  cluster: string,
): Promise<Pick<StoredFluxObjects, 'damage'> | undefined> {
  const pages = await journal.list(cluster, FLUX_OBJECT_PAGES_PREFIX);
  const records = await journal.list(cluster, FLUX_OBJECT_PREFIX);
  if (pages.length === 0 && records.length === 0) return undefined;
  const found = records.flatMap((one) => (one.type === 'Instruction' ? [one.followed] : []));
  const byName = Map.groupBy(found, ({ kind, fluxObject }) => `${kind}/${formatNamespacedName(fluxObject)}`);
  const single = [...byName.values()].flatMap((same) => (same.length === 1 ? same : []));
  return { damage: { readable: toFluxObjects(cluster, '', single), fluxObjects: [], pages: [LOST_HEAD] } };
}
