/** What is asked of servers, and within which bounds. */
export interface HostVisits<Item> {
  /** How much is asked at the same time. */
  readonly concurrency: number;
  readonly hostOf: (item: Item) => string;
  /** @returns whether the server answered anything at all; never rejects. */
  readonly visit: (item: Item) => Promise<'answered' | 'silent'>;
  /** Its server did not answer somebody else. */
  readonly skip: (item: Item, host: string) => Promise<void>;
  /** Whether there is no time left to begin another. */
  readonly isOutOfTime: () => boolean;
}

/**
 * Asks servers about items in their order. The first item of a host goes alone: one that hangs keeps one place, and is
 * not asked again for the others.
 * @returns the items that were not reached, in their order.
 */
export async function visitHosts<Item>(items: readonly Item[], visits: HostVisits<Item>): Promise<readonly Item[]> {
  const { concurrency, hostOf, visit, skip, isOutOfTime } = visits;
  const reached = new Set<Item>();
  const silent = new Set<string>();
  const behind = new Map<string, Item[]>();
  const ready: Item[] = [];
  for (const item of items) {
    const others = behind.get(hostOf(item));
    if (others === undefined) {
      behind.set(hostOf(item), []);
      ready.push(item);
    } else {
      others.push(item);
    }
  }

  async function reach(item: Item): Promise<void> {
    const host = hostOf(item);
    reached.add(item);
    if (silent.has(host)) await skip(item, host);
    else if ((await visit(item)) === 'silent') silent.add(host);
    ready.push(...(behind.get(host) ?? []));
    behind.set(host, []);
  }

  const underWay = new Set<Promise<void>>();
  for (let next = 0; ;) {
    while (underWay.size < concurrency && next < ready.length && !isOutOfTime()) {
      const item = ready[next];
      next += 1;
      if (item === undefined) continue;
      const work = reach(item).finally(() => underWay.delete(work));
      underWay.add(work);
    }
    if (underWay.size === 0) return items.filter((item) => !reached.has(item));
    await Promise.race(underWay);
  }
}
