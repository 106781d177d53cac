import { TidegateError } from '#shared/common/tidegate-error.ts';
import { readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import { writeFluxObjects, type FluxObjectsWrite } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** Runs of a cluster follow one another: one that is overtaken as often as this is not the only one. */
const ATTEMPTS = 3;

/**
 * Records what a cluster's folder asks of other workers, over what another run recorded meanwhile too, as long as this one
 * holds the cluster's lease: it has read Git last.
 * @throws TidegateError `InstructionsOvertaken` (retry).
 */
export async function replaceFluxObjects(
  journal: Journal,
  write: FluxObjectsWrite,
  holdsLease: () => boolean,
): Promise<void> {
  const { cluster } = write.wanted;
  let { before } = write;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if ((await writeFluxObjects(journal, { ...write, before })) === 'written') return;
    if (!holdsLease()) break;
    before = (await readStoredFluxObjects(journal, cluster)).head;
  }
  const message = `Flux objects of cluster ${cluster} were recorded by another run at the same time`;
  throw new TidegateError('InstructionsOvertaken', message, { disposition: 'retry', subject: cluster });
}
