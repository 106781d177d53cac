import * as fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { SourceHead } from '#shared/journal/journal-record.ts';
import { isTurn, keepArtifacts } from '#shared/source/keep-artifacts.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

it('gives each artifact one tick of any day, however long a tick is', () => {
  const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/u);
  const minutes = fc.constantFrom(1, 2, 5, 10, 60, 1440);
  fc.assert(
    fc.property(digest, minutes, fc.nat(1_000_000), (one, tick, from) => {
      const tickMs = tick * 60_000;
      const ticks = Array.from({ length: 1440 / tick }, (_, index) => (from + index) * tickMs);
      expect(ticks.filter((at) => isTurn(one, at, tickMs))).toHaveLength(1);
    }),
    { numRuns: sampleSize(100, 2_000) },
  );
});

it('looks after every artifact that has its turn, whatever becomes of those before it', async () => {
  const folder = makeTemporaryFolder('keep-artifacts');
  // Where the folder should be lies a file, so that each look fails otherwise than by being missing.
  const blocked = join(folder, 'blocked');
  writeFileSync(blocked, '');
  const clock = { now: () => 0 };
  const journal = createSqliteJournal(openSqliteDatabase(folder), clock);
  const digests = ['a', 'b', 'c'].map((hex) => `sha256:${hex.repeat(64)}`);
  const heads = digests.map((digest, index): SourceHead => {
    const source = { cluster: 'one', kind: 'GitRepository', namespace: 'ns', name: `s${index}` } as const;
    return { type: 'SourceHead', source, revision: 'r', digest, url: '', observedAt: 0 };
  });
  await journal.write(heads);
  const lines: string[] = [];
  const log = createJsonLogger({ level: 'warn', knownSecrets: [], now: () => 0, write: (line) => lines.push(line) });

  // A tick as long as a day is everybody's turn.
  await keepArtifacts({ artifacts: createDiskArtifactStore(blocked), journal, clock }, ['one'], 86_400_000, log);

  for (const digest of digests) expect(lines.filter((line) => line.includes(digest))).toHaveLength(1);
});
