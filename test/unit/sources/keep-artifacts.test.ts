import * as fc from 'fast-check';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';
import { keepArtifacts, looksDue } from '#shared/sources/keep-artifacts.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

it('gives each artifact one look a day, however long a tick is and whichever ticks are missed', () => {
  const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/u);
  const minutes = fc.constantFrom(1, 2, 5, 10, 60, 1440);
  fc.assert(
    fc.property(digest, minutes, fc.nat(1_000_000), fc.infiniteStream(fc.boolean()), (one, tick, from, missed) => {
      const tickMs = tick * MINUTE;
      const start = from * tickMs;
      const end = start + 3 * DAY;
      let before = { through: start, failed: [] };
      const looks: number[] = [];
      for (let at = start + tickMs; at <= end; at += tickMs) {
        // However many are missed, the last of a day comes.
        if (missed.next().value === true && (at - start) % DAY !== 0) continue;
        for (const { digest: looked } of looksDue(new Set([one]), before, at, tickMs)) {
          expect(looked).toBe(one);
          looks.push(Math.ceil((at - start) / DAY));
        }
        before = { through: at, failed: [] };
      }
      expect(looks).toEqual([1, 2, 3]);
    }),
    { numRuns: sampleSize(50, 2_000) },
  );
});

/** Artifacts that a journal names, and ticks that look after them; of each look at one that is missing a line tells. */
async function open(...moments: readonly number[]) {
  const folder = makeTemporaryFolder('keep-artifacts');
  let now = 0;
  const clock = { now: () => now };
  const journal = createSqliteJournal(openSqliteDatabase(folder), clock);
  const digests = moments.map((moment) => `sha256:${moment.toString(16).padStart(64, '0')}`);
  await journal.write(
    digests.map((digest, index): SourceHead => {
      const source = { cluster: 'one', kind: 'GitRepository', namespace: 'ns', name: `s${index}` } as const;
      return { type: 'SourceHead', source, revision: 'r', digest, url: '', observedAt: 0 };
    }),
  );
  let lines: string[] = [];
  const log = createJsonLogger({ level: 'warn', knownSecrets: [], now: () => 0, write: (line) => lines.push(line) });
  const place = join(folder, 'artifacts');
  const artifacts = createDiskArtifactStore(place);
  return {
    /** Where the folder should be lies a file, so that each look fails otherwise than by being missing. */
    block: () => {
      rmSync(place, { recursive: true, force: true });
      writeFileSync(place, '');
    },
    unblock: () => {
      rmSync(place);
      mkdirSync(place);
    },
    /** @returns which artifacts the tick looked at, by their place, and how many of its looks failed. */
    tick: async (at: number, until = Number.POSITIVE_INFINITY) => {
      now = at;
      lines = [];
      await keepArtifacts({ artifacts, journal, clock }, ['one'], { tickMs: MINUTE, until }, log);
      const looked = digests.flatMap((digest, index) => (lines.some((line) => line.includes(digest)) ? [index] : []));
      return { looked, failed: lines.filter((line) => line.includes('not looked after')).length };
    },
  };
}

it('makes up for a tick that was missed, once', async () => {
  const { tick } = await open(10 * MINUTE);

  expect(await tick(DAY + 8 * MINUTE)).toEqual({ looked: [], failed: 0 });
  // Those of the tenth and eleventh minute are killed.
  expect(await tick(DAY + 12 * MINUTE)).toEqual({ looked: [0], failed: 0 });
  expect(await tick(DAY + 13 * MINUTE)).toEqual({ looked: [], failed: 0 });
  expect(await tick(2 * DAY + 9 * MINUTE)).toEqual({ looked: [], failed: 0 });
  expect(await tick(2 * DAY + 10 * MINUTE)).toEqual({ looked: [0], failed: 0 });
});

it('looks after every artifact that has its turn, whatever becomes of those before it, and tries again what failed', async () => {
  const { tick, block, unblock } = await open(MINUTE, 2 * MINUTE, 3 * MINUTE);
  await tick(DAY);
  block();

  expect(await tick(DAY + 2 * MINUTE)).toEqual({ looked: [0, 1], failed: 2 });
  expect(await tick(DAY + 3 * MINUTE)).toEqual({ looked: [0, 1, 2], failed: 3 });
  unblock();
  expect(await tick(DAY + 4 * MINUTE)).toEqual({ looked: [0, 1, 2], failed: 0 });
  expect(await tick(DAY + 5 * MINUTE)).toEqual({ looked: [], failed: 0 });
});

it('leaves to the next tick what it has no time for', async () => {
  const { tick, block, unblock } = await open(MINUTE, 2 * MINUTE);
  await tick(DAY);

  expect(await tick(DAY + 2 * MINUTE, DAY)).toEqual({ looked: [], failed: 0 });
  block();
  expect(await tick(DAY + 3 * MINUTE)).toEqual({ looked: [0, 1], failed: 2 });
  expect(await tick(DAY + 4 * MINUTE, DAY)).toEqual({ looked: [], failed: 0 });
  unblock();
  expect(await tick(DAY + 5 * MINUTE)).toEqual({ looked: [0, 1], failed: 0 });
  expect(await tick(DAY + 6 * MINUTE)).toEqual({ looked: [], failed: 0 });
});

it('is not held up by a clock that was ahead', async () => {
  const { tick } = await open(10 * MINUTE);
  await tick(500 * DAY);

  expect(await tick(DAY + 10 * MINUTE)).toEqual({ looked: [0], failed: 0 });
});
