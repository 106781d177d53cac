import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { Instructions } from '#shared/flux/flux-objects.ts';
import { layOutInstructions } from '#shared/records/lay-out-flux-objects.ts';
import { readInstructions, readStoredInstructions } from '#shared/journal/read-flux-objects.ts';
import { writeInstructions } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

function instructionsOf(cluster: string, names: readonly string[], revision: string): Instructions {
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
      const sets = [first, one, other].map((set, index) => instructionsOf(cluster, set, `r${index}`));
      const [initial, ...wanted] = sets;
      const write = async (to: Journal, set: Instructions): Promise<void> => {
        for (let outcome = 'conflict'; outcome === 'conflict';) {
          const { head: before } = await readStoredInstructions(to, cluster);
          outcome = await writeInstructions(to, { wanted: layOutInstructions(set), before, news: [], now: 0 });
        }
      };
      if (initial !== undefined) await write(truth, initial);
      const seen: (Instructions | undefined)[] = [];
      const read = async (): Promise<void> => {
        for (let times = 0; times < 4; times += 1) seen.push(await readInstructions(journal, cluster));
      };

      const all = Promise.all([...wanted.map((set) => write(journal, set)), read(), read()]);
      await scheduler.waitFor(all);
      seen.push(await readInstructions(truth, cluster));

      const pagesOf = (set: Instructions) => JSON.stringify([set.revision, layOutInstructions(set).pages]);
      const whole = sets.map(pagesOf);
      for (const set of seen) expect(whole).toContain(set === undefined ? 'nothing' : pagesOf(set));
      const last = seen.at(-1);
      expect(['r1', 'r2']).toContain(last?.revision);
    }),
    { numRuns: sampleSize(60, 2_000) },
  );
  database.close();
});
