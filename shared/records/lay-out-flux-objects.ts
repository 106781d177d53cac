import { hash } from 'node:crypto';

import { hashValue } from '#shared/common/hash-value.ts';
import { listFluxObjects, type FluxObjects, type FollowedFluxObject } from '#shared/flux/flux-objects.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import type { FluxObjectPageRecord, FluxObjectRecord } from './journal-record.ts';

/** Flux objects as they are recorded: one by one, and the pages that name them. */
export interface FluxObjectLayout {
  readonly cluster: string;
  readonly revision: string;
  readonly fluxObjects: readonly FluxObjectRecord[];
  /** In the order of their digests. */
  readonly pages: readonly FluxObjectPageRecord[];
  /** What holds beside them and cannot be read: named all the same, so that nobody takes the rest for the whole. */
  readonly lost: LostFluxObjects;
}

/** Digests of what a set names and nobody can read. */
export interface LostFluxObjects {
  readonly fluxObjects: readonly string[];
  readonly pages: readonly string[];
}

const NOTHING_LOST: LostFluxObjects = { fluxObjects: [], pages: [] };

/** So many digests are well below what a record may be. */
const MAX_LOST_IN_PAGE = 1_000;

/**
 * Divides Flux objects into records, the same ones whatever their order. One that changes is a record, its page and the
 * record that names the pages; with about as many pages as a page has entries, that is a few kilobytes of ten thousand.
 * @param damage what was lost of the set before, and may hold still; what is among the Flux objects again is lost no more.
 */
export function layOutFluxObjects(fluxObjects: FluxObjects, damage = NOTHING_LOST): FluxObjectLayout {
  const { cluster, revision } = fluxObjects;
  const records = listFluxObjects(fluxObjects).map((followed) => recordFluxObject(cluster, followed));
  // A power of two: the number of pages, and with it all of them, changes each time that there are four times as many.
  const count = 2 ** Math.ceil(Math.log2(Math.max(1, records.length)) / 2);
  const pages = [...Map.groupBy(records, ({ followed }) => pageOf(followed, count)).values()].map((page) =>
    recordPage(
      cluster,
      page.map(({ digest }) => digest),
    ),
  );
  const lost = {
    fluxObjects: without(
      damage.fluxObjects,
      records.map(({ digest }) => digest),
    ),
    pages: without(
      damage.pages,
      pages.map(({ digest }) => digest),
    ),
  };
  for (let from = 0; from < lost.fluxObjects.length; from += MAX_LOST_IN_PAGE) {
    pages.push(recordPage(cluster, lost.fluxObjects.slice(from, from + MAX_LOST_IN_PAGE)));
  }
  pages.sort((one, other) => (one.digest < other.digest ? -1 : 1));
  return { cluster, revision, fluxObjects: records, pages, lost };
}

function recordPage(cluster: string, digests: readonly string[]): FluxObjectPageRecord {
  const fluxObjects = digests.toSorted();
  return { type: 'InstructionPage', cluster, digest: hashValue(fluxObjects), fluxObjects };
}

function without(lost: readonly string[], found: readonly string[]): readonly string[] {
  if (lost.length === 0) return lost;
  const there = new Set(found);
  return lost.filter((digest) => !there.has(digest)).sort();
}

/** One Flux object as it is recorded. */
export function recordFluxObject(cluster: string, { kind, fluxObject }: FollowedFluxObject): FluxObjectRecord {
  const followed = { kind, fluxObject } as FollowedFluxObject;
  // Of the stored form, so that an upgrade finds its Flux objects unchanged.
  return { type: 'Instruction', cluster, digest: hashValue({ kind, instruction: fluxObject }), followed };
}

/** By name, so that one that is written differently stays where it is. */
function pageOf({ kind, fluxObject }: FollowedFluxObject, count: number): number {
  const name = `${kind}/${formatNamespacedName(fluxObject)}`;
  return hash('sha256', name, 'buffer').readUInt32BE() % count;
}
