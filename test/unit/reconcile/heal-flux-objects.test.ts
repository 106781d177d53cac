import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase, type SqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { readFluxObjects, readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import { createJournalReporter } from '#shared/reconcile/journal-reporter.ts';
import { planStartRecords } from '#shared/reconcile/plan-start-records.ts';
import { readPreviousState } from '#shared/reconcile/read-previous-state.ts';
import { writeStartRecords } from '#shared/reconcile/write-start-records.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

/** What Git tells of a cluster, while one Kustomization, which may tell more, is suspended or not. */
function desired(cluster: string, names: readonly string[], isSuspended: boolean, image = 'i'): DesiredState {
  const node = { kustomization: defaultRoot('./'), revision: 'r', children: [], stalled: false };
  const rendered = { ...node, render: { kind: 'rendered', objects: [] } } as const;
  const suspended = { ...node, render: { kind: 'suspended', ready: true } } as const;
  const fluxObjects: FluxObjects = {
    cluster,
    revision: 'main@sha1:a',
    gitRepositories: [],
    imageRepositories: names.map((name) => ({
      namespace: 'flux-system',
      name,
      image,
      intervalMs: 1,
      exclusionList: [],
      suspend: false,
    })),
    imagePolicies: [],
    imageUpdateAutomations: [],
  };
  return {
    cluster,
    report: { repository: 'r', commit: 'c' },
    revision: 'main@sha1:a',
    nodes: isSuspended ? [rendered, suspended] : [rendered],
    fluxObjects,
    stalled: [],
    missingSources: [],
    doubts: [],
    leftOut: [],
    secrets: [],
  };
}

/** Announces as a run does. @returns how often it wrote Flux objects. */
async function run(journal: Journal, state: DesiredState): Promise<number> {
  let ids = 0;
  const startRecords = planStartRecords(state, await readPreviousState(state.cluster, journal), 1, () => `${ids++}`);
  const log = createJsonLogger({ level: 'error', knownSecrets: [], now: () => 0, write: () => undefined });
  const reporter = createJournalReporter(state.cluster, journal, log);
  await writeStartRecords(startRecords, { journal, reporter, holdsLease: () => true });
  return startRecords.fluxObjects === undefined ? 0 : 1;
}

/** Cuts the text of a record short, as a disk may. */
function damage(database: SqliteDatabase, partition: string, key: string): void {
  const cut = database.connection.prepare(
    'UPDATE journal SET body = substr(body, 1, 20) WHERE partition = ? AND key = ?',
  );
  cut.run(partition, key);
}

async function recordKeys(journal: Journal, cluster: string): Promise<readonly string[]> {
  const records = await Promise.all(
    ['instruction/', 'instruction-page/'].map((prefix) => journal.list(cluster, prefix)),
  );
  return [...records.flat().map((record) => journalKey(record).key), 'instructions'];
}

const namesOf = (fluxObjects: FluxObjects | undefined) => fluxObjects?.imageRepositories.map(({ name }) => name).sort();

it('damaged Flux objects become whole from what Git tells though a Kustomization is suspended', async () => {
  const database = openSqliteDatabase(makeTemporaryFolder('heal'));
  const journal = createSqliteJournal(database, { now: () => 1 });
  await run(journal, desired('one', ['a', 'b'], false));
  const [first = ''] = await recordKeys(journal, 'one');
  damage(database, 'one', first);
  expect(first).toContain('/a/');
  expect(await readFluxObjects(journal, 'one')).toBeUndefined();

  // Only the suspended one would tell of b.
  await run(journal, desired('one', ['a'], true));

  expect(namesOf(await readFluxObjects(journal, 'one'))).toEqual(['a', 'b']);
  database.close();
});

it('what Git tells anew is followed beside what is lost, which nobody takes for gone until Git tells all', async () => {
  const database = openSqliteDatabase(makeTemporaryFolder('heal'));
  const journal = createSqliteJournal(database, { now: () => 1 });
  await run(journal, desired('one', ['a', 'b', 'c'], false));
  const [first = ''] = await recordKeys(journal, 'one');
  damage(database, 'one', first);

  // The suspended one told of a.
  expect(await run(journal, desired('one', ['b', 'd'], true))).toBe(1);

  const { fluxObjects, damage: left } = await readStoredFluxObjects(journal, 'one');
  expect(fluxObjects).toBeUndefined();
  expect(left?.fluxObjects).toHaveLength(1);
  expect(namesOf(left?.readable)).toEqual(['b', 'c', 'd']);
  expect(await run(journal, desired('one', ['b', 'd'], true))).toBe(0);
  await run(journal, desired('one', ['b', 'd'], false));
  expect(namesOf(await readFluxObjects(journal, 'one'))).toEqual(['b', 'd']);
  database.close();
});

it('whatever is damaged, no set is whole that lacks what may hold, all that can be read is followed, and Git heals it', async () => {
  const database = openSqliteDatabase(makeTemporaryFolder('heal'));
  const journal = createSqliteJournal(database, { now: () => 1 });
  let clusters = 0;
  const some = fc.subarray(NAMES);
  await fc.assert(
    fc.asyncProperty(some, some, fc.constantFrom('i', 'other'), fc.infiniteStream(fc.nat(3)), async (...given) => {
      const [before, told, image, dice] = given;
      const cluster = `c-${(clusters += 1)}`;
      await run(journal, desired(cluster, before, false));
      // Of what is lost altogether nothing tells that it ever was.
      const [kept, ...others] = await recordKeys(journal, cluster);
      for (const key of kept === undefined ? [] : others) {
        if (dice.next().value === 0) damage(database, cluster, key);
      }
      const { damage: left } = await readStoredFluxObjects(journal, cluster);

      await run(journal, desired(cluster, told, true, image));

      const all = [...new Set([...before, ...told])].sort();
      const stored = await readStoredFluxObjects(journal, cluster);
      const readable = namesOf(stored.fluxObjects ?? stored.damage?.readable) ?? [];
      expect(stored.fluxObjects === undefined ? all : readable).toEqual(all);
      expect(readable).toEqual(expect.arrayContaining([...told, ...(namesOf(left?.readable) ?? [])]));
      expect(await run(journal, desired(cluster, told, true, image))).toBe(0);

      await run(journal, desired(cluster, told, false, image));
      expect(namesOf(await readFluxObjects(journal, cluster))).toEqual(told.toSorted());
      const held = await journal.list(cluster, 'instruction/');
      expect(held).toHaveLength(told.length);
    }),
    { numRuns: sampleSize(25, 1_000) },
  );
  database.close();
});
