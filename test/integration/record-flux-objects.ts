import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import { writeFluxObjects } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';

/** Makes these the Flux objects of their cluster, as a run of reconcile would. */
export async function recordFluxObjects(journal: Journal, fluxObjects: FluxObjects): Promise<void> {
  const { head: before } = await readStoredFluxObjects(journal, fluxObjects.cluster);
  const write = { wanted: layOutFluxObjects(fluxObjects), before, news: [], now: Date.now() };
  if ((await writeFluxObjects(journal, write)) === 'conflict') throw new Error('somebody else records Flux objects');
}
