import { hash } from 'node:crypto';
import { hashValue } from '#shared/common/hash-value.ts';
import { listInstructions, type FollowedInstruction, type Instructions } from '#shared/flux/flux-objects.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { InstructionPageRecord, InstructionRecord } from './journal-record.ts';

/** Instructions as they are recorded: one by one, and the pages that name them. */
export interface InstructionLayout {
  readonly cluster: string;
  readonly revision: string;
  readonly instructions: readonly InstructionRecord[];
  /** In the order of their digests. */
  readonly pages: readonly InstructionPageRecord[];
  /** What holds beside them and cannot be read: named all the same, so that nobody takes the rest for the whole. */
  readonly lost: LostInstructions;
}

/** Digests of what a set names and nobody can read. */
export interface LostInstructions {
  readonly instructions: readonly string[];
  readonly pages: readonly string[];
}

const NOTHING_LOST: LostInstructions = { instructions: [], pages: [] };

/** So many digests are well below what a record may be. */
const MAX_LOST_IN_PAGE = 1_000;

/**
 * Divides instructions into records, the same ones whatever their order. One that changes is a record, its page and the
 * record that names the pages; with about as many pages as a page has entries, that is a few kilobytes of ten thousand.
 * @param damage what was lost of the set before, and may hold still; what is among the instructions again is lost no more.
 */
export function layOutInstructions(instructions: Instructions, damage = NOTHING_LOST): InstructionLayout {
  const { cluster, revision } = instructions;
  const records = listInstructions(instructions).map((followed) => recordInstruction(cluster, followed));
  // A power of two: the number of pages, and with it all of them, changes each time that there are four times as many.
  const count = 2 ** Math.ceil(Math.log2(Math.max(1, records.length)) / 2);
  const pages = [...Map.groupBy(records, ({ followed }) => pageOf(followed, count)).values()].map((page) =>
    recordPage(
      cluster,
      page.map(({ digest }) => digest),
    ),
  );
  const lost = {
    instructions: without(
      damage.instructions,
      records.map(({ digest }) => digest),
    ),
    pages: without(
      damage.pages,
      pages.map(({ digest }) => digest),
    ),
  };
  for (let from = 0; from < lost.instructions.length; from += MAX_LOST_IN_PAGE) {
    pages.push(recordPage(cluster, lost.instructions.slice(from, from + MAX_LOST_IN_PAGE)));
  }
  pages.sort((one, other) => (one.digest < other.digest ? -1 : 1));
  return { cluster, revision, instructions: records, pages, lost };
}

function recordPage(cluster: string, digests: readonly string[]): InstructionPageRecord {
  const instructions = digests.toSorted();
  return { type: 'InstructionPage', cluster, digest: hashValue(instructions), instructions };
}

function without(lost: readonly string[], found: readonly string[]): readonly string[] {
  if (lost.length === 0) return lost;
  const there = new Set(found);
  return lost.filter((digest) => !there.has(digest)).sort();
}

/** One instruction as it is recorded. */
export function recordInstruction(cluster: string, { kind, instruction }: FollowedInstruction): InstructionRecord {
  const followed = { kind, instruction } as FollowedInstruction;
  return { type: 'Instruction', cluster, digest: hashValue(followed), followed };
}

/** By name, so that one that is written differently stays where it is. */
function pageOf({ kind, instruction }: FollowedInstruction, count: number): number {
  const name = `${kind}/${formatNamespacedName(instruction)}`;
  return hash('sha256', name, 'buffer').readUInt32BE() % count;
}
