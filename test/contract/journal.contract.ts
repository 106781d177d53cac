import { describe, expect, it } from 'vitest';
import type { JournalRecord, RequestRecord, StatusRecord } from '#shared/journal/journal-record.ts';
import type { Journal } from '#shared/ports/journal.ts';

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

/** What every journal does. */
export function describeJournal(name: string, open: () => Promise<Journal>): void {
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

    it('refuses a write with one record too large as a whole, naming the record', async () => {
      const journal = await open();
      const large: StatusRecord = { ...statusRecord('large', 1), details: { text: 'x'.repeat(300_000) } };

      const write = journal.write([statusRecord('small', 1), large]);

      await expect(write).rejects.toThrow('laptop/status/Kustomization/flux-system/large');
      expect(await journal.list('laptop', '')).toEqual([]);
    });

    it('refuses more than 100 records at once', async () => {
      const journal = await open();
      const records = Array.from({ length: 101 }, (_, index) => statusRecord(`n${index}`, 1));

      await expect(journal.write(records)).rejects.toThrow('101 records');
    });
  });
}
