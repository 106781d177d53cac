import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { visitHosts } from '#shared/common/visit-hosts.ts';
import { sampleSize } from '#test/sample-size.ts';

interface Item {
  readonly host: string;
  readonly id: number;
}

describe('visits to hosts', () => {
  it('ask a silent host once, reach everything else while there is time, and no more at once than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 }),
        fc.subarray(['a', 'b', 'c', 'd']),
        fc.integer({ min: 1, max: 5 }),
        fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
        async (hosts, silent, concurrency, timeFor = Infinity) => {
          const items = hosts.map((host, id): Item => ({ host, id }));
          const visited: Item[] = [];
          const skipped: Item[] = [];
          let underWay = 0;
          let most = 0;
          const notReached = await visitHosts(items, {
            concurrency,
            hostOf: ({ host }) => host,
            visit: async (item) => {
              visited.push(item);
              underWay += 1;
              most = Math.max(most, underWay);
              await new Promise(setImmediate);
              underWay -= 1;
              return silent.includes(item.host) ? 'silent' : 'answered';
            },
            skip: async (item) => void skipped.push(item),
            isOutOfTime: () => visited.length >= timeFor,
          });

          const byId = (all: readonly Item[]) => all.map(({ id }) => id).toSorted((one, other) => one - other);
          expect(byId([...visited, ...skipped, ...notReached])).toEqual(byId(items));
          expect(most).toBeLessThanOrEqual(concurrency);
          for (const host of silent) expect(visited.filter((item) => item.host === host).length).toBeLessThanOrEqual(1);
          expect(skipped.every(({ host }) => silent.includes(host))).toBe(true);
          expect(timeFor < Infinity || notReached.length === 0).toBe(true);
          // Of one host they come in their order.
          for (const host of new Set(hosts)) {
            const ids = visited.filter((item) => item.host === host).map(({ id }) => id);
            expect(ids).toEqual(ids.toSorted((one, other) => one - other));
          }
        },
      ),
      { seed: 16, numRuns: sampleSize(150, 3_000) },
    );
  });

  it('do not wait for a host that hangs', async () => {
    const hanging = Promise.withResolvers<'silent'>();
    const visited: string[] = [];
    const done = visitHosts(['hangs/1', 'hangs/2', 'fine/1', 'fine/2', 'fine/3'], {
      concurrency: 2,
      hostOf: (item) => item.split('/', 1)[0] ?? '',
      visit: async (item) => {
        visited.push(item);
        if (item === 'fine/3') hanging.resolve('silent');
        return item.startsWith('hangs') ? hanging.promise : 'answered';
      },
      skip: async (item) => void visited.push(`not ${item}`),
      isOutOfTime: () => false,
    });

    expect(await done).toEqual([]);
    expect(visited).toEqual(['hangs/1', 'fine/1', 'fine/2', 'fine/3', 'not hangs/2']);
  });
});
