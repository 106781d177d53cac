import { hash } from 'node:crypto';
import { hashValue } from '#shared/api/hash-value.ts';
import { listInstructions, type FollowedInstruction, type Instructions } from '#shared/api/instructions.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { InstructionPageRecord, InstructionRecord } from './journal-record.ts';

/** Instructions as they are recorded: one by one, and the pages that name them. */
export interface InstructionLayout {
  readonly cluster: string;
  readonly revision: string;
  readonly instructions: readonly InstructionRecord[];
  /** In the order of their digests. */
  readonly pages: readonly InstructionPageRecord[];
}

/**
 * Divides instructions into records, the same ones whatever their order. One that changes is a record, its page and the
 * record that names the pages; with about as many pages as a page has entries, that is a few kilobytes of ten thousand.
 */
export function layOutInstructions(instructions: Instructions): InstructionLayout {
  const { cluster, revision } = instructions;
  const records = listInstructions(instructions).map((followed) => recordInstruction(cluster, followed));
  // A power of two: the number of pages, and with it all of them, changes each time that there are four times as many.
  const count = 2 ** Math.ceil(Math.log2(Math.max(1, records.length)) / 2);
  const pages = [...Map.groupBy(records, ({ followed }) => pageOf(followed, count)).values()].map((page) => {
    const digests = page.map(({ digest }) => digest).sort();
    return { type: 'InstructionPage', cluster, digest: hashValue(digests), instructions: digests } as const;
  });
  pages.sort((one, other) => (one.digest < other.digest ? -1 : 1));
  return { cluster, revision, instructions: records, pages };
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
