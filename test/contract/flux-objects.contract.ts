import { describe, expect, it } from 'vitest';
import type { Instructions } from '#shared/flux/flux-objects.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { layOutInstructions } from '#shared/records/lay-out-flux-objects.ts';
import { readInstructions, readStoredInstructions } from '#shared/journal/read-flux-objects.ts';
import { recordBytes } from '#shared/journal/refuse-oversized-write.ts';
import { isNewSet, isRecorded, writeInstructions } from '#shared/journal/write-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';

const CLUSTER = 'laptop';

/** As many image repositories and policies, each with the interval that a change would change. */
export function manyInstructions(names: readonly string[], revision = 'main@sha1:a', intervalMs = 60_000) {
  const namespace = 'flux-system';
  const instructions: Instructions = {
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
  return instructions;
}

function namesUpTo(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${String(index).padStart(5, '0')}`);
}

function withoutOrder(instructions: Instructions | undefined): unknown {
  return instructions === undefined
    ? undefined
    : { revision: instructions.revision, pages: layOutInstructions(instructions).pages };
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
async function record(journal: Journal, instructions: Instructions, at = 1): Promise<'written' | 'conflict' | 'same'> {
  const wanted = layOutInstructions(instructions);
  const stored = await readStoredInstructions(journal, CLUSTER);
  if (isRecorded(stored, wanted)) return 'same';
  const news = isNewSet(stored, wanted) ? [changed(CLUSTER, at)] : [];
  return writeInstructions(journal, { wanted, before: stored.head, news, now: at });
}

/** What every journal does for the instructions of a cluster, for `many` of them. */
export function describeInstructions(name: string, many: number, open: () => Promise<Journal>): void {
  describe(`instructions in ${name}`, () => {
    it(`are kept and read, ${many} of them, and written only where they change`, { timeout: 600_000 }, async () => {
      const journal = await open();
      const names = namesUpTo(many / 2);
      const before = manyInstructions(names);
      await record(journal, before);
      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(before));

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
      // The instruction, its page, what names the pages, the request; and two that go.
      expect(one.seen).toMatchObject({ writes: 2, records: 6 });
      expect(one.seen.bytes).toBeLessThan(12_000);
      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(after));
    });

    it('hold as a whole, the old ones or the new, wherever their writer was interrupted', async () => {
      const journal = await open();
      // More than one write holds, so that every part of the way is met.
      const count = Math.min(60, many / 20);
      const old = manyInstructions(namesUpTo(count));
      const next = manyInstructions(namesUpTo(count + 30).slice(count / 2), 'main@sha1:b', 30_000);
      let writes = 0;
      for (let isDone = false; !isDone; writes += 1) {
        await record(journal, old);
        const requests = (await journal.list(CLUSTER, 'request/')).length;
        const killed = watch(journal, writes);
        await record(killed.journal, next, 1000 + writes).catch(() => undefined);

        const held = await readInstructions(journal, CLUSTER);
        const isNext = held?.revision === next.revision;
        expect(withoutOrder(held)).toEqual(withoutOrder(isNext ? next : old));
        // Whoever follows them is told, if and only if there is something new to follow.
        expect(await journal.list(CLUSTER, 'request/')).toHaveLength(requests + (isNext ? 1 : 0));
        await record(journal, next);
        expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(next));
        isDone = killed.seen.writes < writes;
      }
      expect(writes).toBeGreaterThan(3);
      const left = [
        ...(await journal.list(CLUSTER, 'instruction/')),
        ...(await journal.list(CLUSTER, 'instruction-page/')),
      ];
      const { instructions, pages } = layOutInstructions(next);
      expect(left).toHaveLength(instructions.length + pages.length);
    });

    it('are not replaced by a writer that looked before another one wrote', async () => {
      const journal = await open();
      const [one, other] = [manyInstructions(['a']), manyInstructions(['b'])];
      const { head: before } = await readStoredInstructions(journal, CLUSTER);
      await record(journal, one);

      const late = { wanted: layOutInstructions(other), before, news: [changed(CLUSTER, 2)], now: 2 };
      expect(await writeInstructions(journal, late)).toBe('conflict');

      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(one));
      expect(await journal.list(CLUSTER, 'request/')).toHaveLength(1);
    });

    it('are followed from the single record of an older version, and take its place without a word', async () => {
      const journal = await open();
      const instructions = manyInstructions(['a', 'b']);
      await journal.write([{ type: 'Instructions', instructions }]);
      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(instructions));

      expect(await record(journal, instructions)).toBe('written');

      expect(await journal.read(CLUSTER, 'instructions')).toMatchObject({ type: 'InstructionSet', sequence: 1 });
      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(instructions));
      expect(await journal.list(CLUSTER, 'request/')).toEqual([]);
    });

    it.each(['instruction/', 'instruction-page/'])('are unknown, not fewer, while one of %s is missing', async (at) => {
      const journal = await open();
      const instructions = manyInstructions(['a', 'b', 'c']);
      await record(journal, instructions);
      const [lost] = await journal.list(CLUSTER, at);
      const digest = lost?.type === 'Instruction' || lost?.type === 'InstructionPage' ? lost.digest : '';
      const name = lost?.type === 'Instruction' ? `${lost.followed.kind}/flux-system/a/` : '';
      await journal.write([{ type: 'Tombstone', partition: CLUSTER, key: `${at}${name}${digest}`, at: 2 }]);

      expect(await readInstructions(journal, CLUSTER)).toBeUndefined();
      expect(await record(journal, instructions)).toBe('written');
      expect(withoutOrder(await readInstructions(journal, CLUSTER))).toEqual(withoutOrder(instructions));
    });
  });
}
