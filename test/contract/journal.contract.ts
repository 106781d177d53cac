import { describe, expect, it } from 'vitest';

import { createQuietTimes, listQuietTimes } from '#shared/journal/quiet-times.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { JournalRecord, RequestRecord, StatusRecord } from '#shared/records/journal-record.ts';

export function statusRecord(name: string, observedAt: number): StatusRecord {
  return {
    type: 'Status',
    object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name },
    conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: observedAt }],
    suspended: false,
    observedAt,
    details: {},
  };
}

export function requestRecord(id: string, at: number): RequestRecord {
  const message = { type: 'Reconcile', cluster: 'laptop', reason: 'test' } as const;
  return { type: 'Request', cluster: 'laptop', id, queue: 'reconcile/laptop', group: 'laptop', message, at };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** What every journal does; each is opened empty, with a clock of the test. */
export function describeJournal(name: string, openAt: (clock: Pick<Clock, 'now'>) => Promise<Journal>): void {
  const open = (): Promise<Journal> => openAt({ now: () => 0 });

  describe(`${name} keeps a journal`, () => {
    it('reads back what was written, and the newest of what was written twice', async () => {
      const journal = await open();

      await journal.write([statusRecord('a', 1), requestRecord('r1', 1)]);
      await journal.write([statusRecord('a', 2)]);

      expect(await journal.read('laptop', 'status/Kustomization/flux-system/a')).toEqual(statusRecord('a', 2));
      expect(await journal.read('laptop', 'request/r1')).toEqual(requestRecord('r1', 1));
    });

    it('reads nothing for a key nobody wrote, and for a record that was put to rest', async () => {
      const journal = await open();
      const key = 'status/Kustomization/flux-system/a';
      await journal.write([statusRecord('a', 1)]);

      await journal.write([{ type: 'Tombstone', partition: 'laptop', key, at: 2 }]);

      expect(await journal.read('laptop', key)).toBeUndefined();
      expect(await journal.list('laptop', 'status/')).toEqual([]);
      expect(await journal.read('elsewhere', key)).toBeUndefined();
    });

    it('lists by prefix in key order, in one partition only', async () => {
      const journal = await open();
      const other: JournalRecord = {
        ...statusRecord('z', 1),
        object: { cluster: 'other', kind: 'Kustomization', namespace: 'flux-system', name: 'z' },
      };

      await journal.write([
        statusRecord('b', 1),
        requestRecord('r', 1),
        statusRecord('a_', 1),
        statusRecord('a%', 1),
        other,
      ]);

      const listed = await journal.list('laptop', 'status/Kustomization/');
      expect(listed).toEqual([statusRecord('a%', 1), statusRecord('a_', 1), statusRecord('b', 1)]);
      expect(await journal.list('laptop', 'status/Kustomization/flux-system/a_')).toEqual([statusRecord('a_', 1)]);
    });

    it('tells every process of an installation when GitHub is asked again, and for how long a limit without an end holds', async () => {
      let now = 1_000_000;
      const clock = { now: () => now };
      const journal = await openAt(clock);
      const openProcess = () => createQuietTimes(journal, clock, { perOwner: true });
      const [one, other] = [openProcess(), openProcess()];
      const why = 'its budget is used up';

      expect(await other.find('acme')).toBeUndefined();
      await one.begin('Acme', { until: now + 3_000_000, why, isNamed: true });
      now += 6_000;
      const quiet = { type: 'QuietTime', account: 'acme', since: 1_000_000, until: 4_000_000, why };
      expect(await other.find('ACME')).toEqual(quiet);
      expect(await listQuietTimes(journal)).toEqual([quiet]);
      expect(await other.find('umbrella')).toBeUndefined();
      // A later end lengthens it; an earlier one changes nothing.
      expect(await other.begin('acme', { until: 4_500_000, why, isNamed: true })).toMatchObject({ since: 1_000_000 });
      expect(await other.begin('acme', { until: now + 1, why, isNamed: true })).toMatchObject({ until: 4_500_000 });

      now = 4_500_000;
      expect([await openProcess().find('acme'), await other.find('acme')]).toEqual([undefined, undefined]);
      now = 50_000_000;
      const guessed: number[] = [];
      for (let time = 0; time < 8; time += 1) {
        const { until } = await openProcess().begin('acme', { until: now + 60_000, why, isNamed: false });
        guessed.push((until - now) / 60_000);
        now = until + 1_000;
      }
      expect(guessed).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    });

    it('counts the requests of a token together, whoever owns what they are about', async () => {
      const journal = await open();
      const quietTimes = createQuietTimes(journal, { now: () => 0 }, { perOwner: false });

      await quietTimes.begin('acme', { until: 60_000, why: 'w', isNamed: true });

      expect(await quietTimes.find('umbrella')).toMatchObject({ account: 'token', until: 60_000 });
    });

    it('refuses a write with one record too large as a whole, naming the record', async () => {
      const journal = await open();
      const large: StatusRecord = { ...statusRecord('large', 1), details: { text: 'x'.repeat(300_000) } };

      const write = journal.write([statusRecord('small', 1), large]);

      await expect(write).rejects.toThrow('laptop/status/Kustomization/flux-system/large');
      expect(await journal.list('laptop', '')).toEqual([]);
    });

    it('writes in batches all that fits, what is asked for too, before one that is too large fails', async () => {
      const journal = await open();
      const large: StatusRecord = { ...statusRecord('large', 1), details: { text: 'x'.repeat(300_000) } };
      const request = requestRecord('r', 1);

      const write = writeInBatches(journal, [statusRecord('before', 1), large, statusRecord('after', 1), request]);

      await expect(write).rejects.toThrow('laptop/status/Kustomization/flux-system/large');
      const written = await journal.list('laptop', 'status/');
      expect(written.flatMap((record) => (record.type === 'Status' ? [record.object.name] : [])).sort()).toEqual([
        'after',
        'before',
      ]);
      expect(await journal.list('laptop', 'request/')).toEqual([request]);
    });

    it('refuses more than 100 records at once', async () => {
      const journal = await open();
      const records = Array.from({ length: 101 }, (_, index) => statusRecord(`n${index}`, 1));

      await expect(journal.write(records)).rejects.toThrow('101 records');
    });

    it('refuses more than 3.5 MB at once, and takes them in batches', async () => {
      const journal = await open();
      const records = Array.from({ length: 20 }, (_, index) => ({
        ...statusRecord(`n${index}`.padEnd(5, '-'), 1),
        details: { text: 'x'.repeat(200_000) },
      }));

      await expect(journal.write(records)).rejects.toThrow('write in several parts');
      expect(await journal.list('laptop', '')).toEqual([]);
      await writeInBatches(journal, records);

      expect(await journal.list('laptop', 'status/')).toHaveLength(20);
    });

    it('keeps the later one of two records of one key in one write', async () => {
      const journal = await open();

      await journal.write([statusRecord('a', 1), statusRecord('b', 1), statusRecord('a', 2)]);

      expect(await journal.list('laptop', '')).toEqual([statusRecord('a', 2), statusRecord('b', 1)]);
    });

    it('lists in the order of the bytes, everything, however much it is', async () => {
      const journal = await open();
      const names = [
        'Z',
        'a',
        '~',
        'é',
        '\u{1f600}',
        '\uffff',
        ...Array.from({ length: 300 }, (_, index) => `n${index}`),
      ];
      const large = (name: string): StatusRecord => ({
        ...statusRecord(name, 1),
        details: { text: 'x'.repeat(9_000) },
      });
      await writeInBatches(journal, names.map(large));

      const listed = await journal.list('laptop', 'status/Kustomization/flux-system/');

      const inOrder = names.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect(listed.map((record) => (record.type === 'Status' ? record.object.name : record.type))).toEqual(inOrder);
    });

    it('passes over what is expired, whether or not its store has forgotten it', async () => {
      let now = 0;
      const journal = await openAt({ now: () => now });
      await journal.write([statusRecord('a', 0), requestRecord('old', 0), requestRecord('new', 1)]);

      now = DAY_MS;

      expect(await journal.read('laptop', 'request/old')).toBeUndefined();
      expect(await journal.list('laptop', '')).toEqual([requestRecord('new', 1), statusRecord('a', 0)]);
    });

    it('writes only where a record is as it was read, whether that is written too or not', async () => {
      const journal = await open();
      const key = 'status/Kustomization/flux-system/a';
      const expecting = (record: JournalRecord | undefined) => ({ partition: 'laptop', key, record });

      expect(await journal.write([statusRecord('a', 1)], expecting(statusRecord('a', 0)))).toBe('conflict');
      expect(await journal.write([statusRecord('a', 1)], expecting(undefined))).toBe('written');
      expect(await journal.write([statusRecord('a', 2)], expecting(undefined))).toBe('conflict');
      const read = await journal.read('laptop', key);
      expect(await journal.write([statusRecord('a', 2), requestRecord('r', 2)], expecting(read))).toBe('written');
      expect(await journal.write([statusRecord('b', 2)], expecting(read))).toBe('conflict');
      expect(await journal.write([statusRecord('b', 2)], expecting(statusRecord('a', 2)))).toBe('written');
      await journal.write([{ type: 'Tombstone', partition: 'laptop', key, at: 3 }]);
      expect(await journal.write([statusRecord('a', 4)], expecting(undefined))).toBe('written');

      expect(await journal.list('laptop', 'status/')).toEqual([statusRecord('a', 4), statusRecord('b', 2)]);
    });

    it('lets one of many win who expect the same', async () => {
      const journal = await open();
      const expected = { partition: 'laptop', key: 'status/Kustomization/flux-system/a', record: undefined };

      const ends = await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          journal.write([statusRecord('a', at), requestRecord(`r${at}`, 1)], expected),
        ),
      );

      expect(ends.filter((end) => end === 'written')).toHaveLength(1);
      expect(await journal.list('laptop', 'request/')).toHaveLength(1);
    });

    it('loses no write of many at the same time, and mixes none', async () => {
      const journal = await open();
      const pair = (round: number): readonly JournalRecord[] => [
        statusRecord('left', round),
        statusRecord('right', round),
      ];

      await Promise.all(
        Array.from({ length: 20 }, (_, round) => journal.write([...pair(round), requestRecord(`r${round}`, 1)])),
      );

      const [left, right] = await journal.list('laptop', 'status/');
      expect(left).toEqual({ ...right, object: { ...(right?.type === 'Status' ? right.object : {}), name: 'left' } });
      expect(await journal.list('laptop', 'request/')).toHaveLength(20);
    });
  });
}
