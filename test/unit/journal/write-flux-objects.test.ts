import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { readFluxObjects, readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import { writeFluxObjects } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

function fluxObjectsOf(cluster: string, names: readonly string[], revision: string): FluxObjects {
  return {
    cluster,
    revision,
    gitRepositories: [],
    imageRepositories: names.map((name) => ({
      namespace: 'flux-system',
      name,
      image: `registry.example.com/${name}`,
      intervalMs: 60_000,
      exclusionList: [],
      suspend: false,
    })),
    imagePolicies: [],
    imageUpdateAutomations: [],
  };
}

/** A journal whose calls wait for their turn. */
function inTurns(scheduler: fc.Scheduler, truth: Journal): Journal {
  const turn = async <T>(call: () => Promise<T>): Promise<T> => {
    await scheduler.schedule(Promise.resolve());
    return call();
  };
  return {
    read: (...key) => turn(() => truth.read(...key)),
    list: (...prefix) => turn(() => truth.list(...prefix)),
    write: (...write) => turn(() => truth.write(...write)),
  };
}

it('whoever reads has a whole set, in whatever order two writers and a reader have their turns', async () => {
  const database = openSqliteDatabase(makeTemporaryFolder('instructions'));
  const truth = createSqliteJournal(database, { now: () => 0 });
  let clusters = 0;
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), names, names, names, async (scheduler, first, one, other) => {
      clusters += 1;
      const cluster = `c-${clusters}`;
      const journal = inTurns(scheduler, truth);
      const sets = [first, one, other].map((set, index) => fluxObjectsOf(cluster, set, `r${index}`));
      const [initial, ...wanted] = sets;
      const write = async (to: Journal, set: FluxObjects): Promise<void> => {
        for (let outcome = 'conflict'; outcome === 'conflict';) {
          const { head: before } = await readStoredFluxObjects(to, cluster);
          outcome = await writeFluxObjects(to, { wanted: layOutFluxObjects(set), before, news: [], now: 0 });
        }
      };
      if (initial !== undefined) await write(truth, initial);
      const seen: (FluxObjects | undefined)[] = [];
      const read = async (): Promise<void> => {
        for (let times = 0; times < 4; times += 1) seen.push(await readFluxObjects(journal, cluster));
      };

      const all = Promise.all([...wanted.map((set) => write(journal, set)), read(), read()]);
      await scheduler.waitFor(all);
      seen.push(await readFluxObjects(truth, cluster));

      const pagesOf = (set: FluxObjects) => JSON.stringify([set.revision, layOutFluxObjects(set).pages]);
      const whole = sets.map(pagesOf);
      for (const set of seen) expect(whole).toContain(set === undefined ? 'nothing' : pagesOf(set));
      const last = seen.at(-1);
      expect(['r1', 'r2']).toContain(last?.revision);
    }),
    { numRuns: sampleSize(60, 2_000) },
  );
  database.close();
});
