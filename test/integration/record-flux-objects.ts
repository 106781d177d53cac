import type { Instructions } from '#shared/flux/flux-objects.ts';
import { layOutInstructions } from '#shared/records/lay-out-flux-objects.ts';
import { readStoredInstructions } from '#shared/journal/read-flux-objects.ts';
import { writeInstructions } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** Makes these the instructions of their cluster, as a run of reconcile would. */
export async function recordInstructions(journal: Journal, instructions: Instructions): Promise<void> {
  const { head: before } = await readStoredInstructions(journal, instructions.cluster);
  const write = { wanted: layOutInstructions(instructions), before, news: [], now: Date.now() };
  if ((await writeInstructions(journal, write)) === 'conflict') throw new Error('somebody else records instructions');
}
