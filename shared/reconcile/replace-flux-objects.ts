import { TidegateError } from '#shared/common/tidegate-error.ts';
import { readStoredInstructions } from '#shared/journal/read-flux-objects.ts';
import { writeInstructions, type InstructionsWrite } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** Runs of a cluster follow one another: one that is overtaken as often as this is not the only one. */
const ATTEMPTS = 3;

/**
 * Records what a cluster's folder asks of other workers, over what another run recorded meanwhile too, as long as this one
 * holds the cluster's lease: it has read Git last.
 * @throws TidegateError `InstructionsOvertaken` (retry).
 */
export async function replaceInstructions(
  journal: Journal,
  write: InstructionsWrite,
  holdsLease: () => boolean,
): Promise<void> {
  const { cluster } = write.wanted;
  let { before } = write;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if ((await writeInstructions(journal, { ...write, before })) === 'written') return;
    if (!holdsLease()) break;
    before = (await readStoredInstructions(journal, cluster)).head;
  }
  const message = `instructions of cluster ${cluster} were recorded by another run at the same time`;
  throw new TidegateError('InstructionsOvertaken', message, { disposition: 'retry', subject: cluster });
}
