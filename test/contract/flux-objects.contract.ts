import { describe, expect, it } from 'vitest';

import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { readFluxObjects, readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import { recordBytes } from '#shared/journal/refuse-oversized-write.ts';
import { isNewSet, isRecorded, writeFluxObjects } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';

const CLUSTER = 'laptop';

/** As many image repositories and policies, each with the interval that a change would change. */
export function manyFluxObjects(names: readonly string[], revision = 'main@sha1:a', intervalMs = 60_000) {
  const namespace = 'flux-system';
  const fluxObjects: FluxObjects = {
    cluster: CLUSTER,
    revision,
    gitRepositories: [],
    imageRepositories: names.map((name) => ({
      namespace,
      name,
      image: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/${name}`,
      intervalMs,
      exclusionList: [],
      suspend: false,
    })),
    imagePolicies: names.map((name) => ({
      namespace,
      name,
      imageRepositoryRef: { namespace, name },
      policy: { kind: 'semver', range: '>=1' },
      digestReflectionPolicy: 'Never',
      suspend: false,
    })),
    imageUpdateAutomations: [],
  };
  return fluxObjects;
}

function namesUpTo(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${String(index).padStart(5, '0')}`);
}

function withoutOrder(fluxObjects: FluxObjects | undefined): unknown {
  return fluxObjects === undefined
    ? undefined
    : { revision: fluxObjects.revision, pages: layOutFluxObjects(fluxObjects).pages };
}

function changed(cluster: string, at: number): JournalRecord {
  const message = { type: 'InstructionsChanged', cluster } as const;
  return { type: 'Request', cluster, id: `${at}`, queue: 'image-update', group: cluster, message, at };
}

/** A journal whose writes are counted, and which is lost to its writer after some of them. */
function watch(journal: Journal, writesLeft = Number.POSITIVE_INFINITY) {
  const seen = { writes: 0, records: 0, bytes: 0 };
  const watched: Journal = {
    read: (...key) => journal.read(...key),
    list: (...prefix) => journal.list(...prefix),
    write: async (records, expected) => {
      if (seen.writes >= writesLeft) throw new Error('killed');
      seen.writes += 1;
      seen.records += records.length;
      seen.bytes += records.reduce((sum, record) => sum + recordBytes(record), 0);
      return journal.write(records, expected);
    },
  };
  return { seen, journal: watched };
}

/** Records a set as a run does, and says whether another was faster. */
async function record(journal: Journal, fluxObjects: FluxObjects, at = 1): Promise<'written' | 'conflict' | 'same'> {
  const wanted = layOutFluxObjects(fluxObjects);
  const stored = await readStoredFluxObjects(journal, CLUSTER);
  if (isRecorded(stored, wanted)) return 'same';
  const news = isNewSet(stored, wanted) ? [changed(CLUSTER, at)] : [];
  return writeFluxObjects(journal, { wanted, before: stored.head, news, now: at });
}

/** What every journal does for the Flux objects of a cluster, for `many` of them. */
export function describeFluxObjects(name: string, many: number, open: () => Promise<Journal>): void {
  describe(`Flux objects in ${name}`, () => {
    it(`are kept and read, ${many} of them, and written only where they change`, { timeout: 600_000 }, async () => {
      const journal = await open();
      const names = namesUpTo(many / 2);
      const before = manyFluxObjects(names);
      await record(journal, before);
      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(before));

      const same = watch(journal);
      expect(await record(same.journal, { ...before, revision: 'main@sha1:b' })).toBe('same');
      expect(same.seen).toEqual({ writes: 0, records: 0, bytes: 0 });

      const [first] = before.imageRepositories;
      const after = {
        ...before,
        imageRepositories: [
          ...before.imageRepositories.slice(1),
          ...(first === undefined ? [] : [{ ...first, image: 'x' }]),
        ],
      };
      const one = watch(journal);
      expect(await record(one.journal, after)).toBe('written');
      // The Flux object, its page, what names the pages, the request; and two that go.
      expect(one.seen).toMatchObject({ writes: 2, records: 6 });
      expect(one.seen.bytes).toBeLessThan(12_000);
      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(after));
    });

    it('hold as a whole, the old ones or the new, wherever their writer was interrupted', async () => {
      const journal = await open();
      // More than one write holds, so that every part of the way is met.
      const count = Math.min(60, many / 20);
      const old = manyFluxObjects(namesUpTo(count));
      const next = manyFluxObjects(namesUpTo(count + 30).slice(count / 2), 'main@sha1:b', 30_000);
      let writes = 0;
      for (let isDone = false; !isDone; writes += 1) {
        await record(journal, old);
        const requests = (await journal.list(CLUSTER, 'request/')).length;
        const killed = watch(journal, writes);
        await record(killed.journal, next, 1000 + writes).catch(() => undefined);

        const held = await readFluxObjects(journal, CLUSTER);
        const isNext = held?.revision === next.revision;
        expect(withoutOrder(held)).toEqual(withoutOrder(isNext ? next : old));
        // Whoever follows them is told, if and only if there is something new to follow.
        expect(await journal.list(CLUSTER, 'request/')).toHaveLength(requests + (isNext ? 1 : 0));
        await record(journal, next);
        expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(next));
        isDone = killed.seen.writes < writes;
      }
      expect(writes).toBeGreaterThan(3);
      const left = [
        ...(await journal.list(CLUSTER, 'instruction/')),
        ...(await journal.list(CLUSTER, 'instruction-page/')),
      ];
      const { fluxObjects, pages } = layOutFluxObjects(next);
      expect(left).toHaveLength(fluxObjects.length + pages.length);
    });

    it('are not replaced by a writer that looked before another one wrote', async () => {
      const journal = await open();
      const [one, other] = [manyFluxObjects(['a']), manyFluxObjects(['b'])];
      const { head: before } = await readStoredFluxObjects(journal, CLUSTER);
      await record(journal, one);

      const late = { wanted: layOutFluxObjects(other), before, news: [changed(CLUSTER, 2)], now: 2 };
      expect(await writeFluxObjects(journal, late)).toBe('conflict');

      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(one));
      expect(await journal.list(CLUSTER, 'request/')).toHaveLength(1);
    });

    it('are followed from the single record of an older version, and take its place without a word', async () => {
      const journal = await open();
      const fluxObjects = manyFluxObjects(['a', 'b']);
      await journal.write([{ type: 'Instructions', fluxObjects }]);
      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(fluxObjects));

      expect(await record(journal, fluxObjects)).toBe('written');

      expect(await journal.read(CLUSTER, 'instructions')).toMatchObject({ type: 'InstructionSet', sequence: 1 });
      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(fluxObjects));
      expect(await journal.list(CLUSTER, 'request/')).toEqual([]);
    });

    it.each(['instruction/', 'instruction-page/'])('are unknown, not fewer, while one of %s is missing', async (at) => {
      const journal = await open();
      const fluxObjects = manyFluxObjects(['a', 'b', 'c']);
      await record(journal, fluxObjects);
      const [lost] = await journal.list(CLUSTER, at);
      const digest = lost?.type === 'Instruction' || lost?.type === 'InstructionPage' ? lost.digest : '';
      const name = lost?.type === 'Instruction' ? `${lost.followed.kind}/flux-system/a/` : '';
      await journal.write([{ type: 'Tombstone', partition: CLUSTER, key: `${at}${name}${digest}`, at: 2 }]);

      expect(await readFluxObjects(journal, CLUSTER)).toBeUndefined();
      expect(await record(journal, fluxObjects)).toBe('written');
      expect(withoutOrder(await readFluxObjects(journal, CLUSTER))).toEqual(withoutOrder(fluxObjects));
    });
  });
}
