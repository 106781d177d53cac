import { describe, expect, it } from 'vitest';

import { createOneAtATime } from '#shared/common/one-at-a-time.ts';

describe('one at a time', () => {
  it('begins each when all before it is done, in order, and goes on after one that fails', async () => {
    const inTurn = createOneAtATime();
    const seen: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      seen.push(`begins ${name}`);
      await new Promise(setImmediate);
      seen.push(`ends ${name}`);
      if (name === 'b') throw new Error(name);
      return name;
    };

    const done = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn(work(name))));

    expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(seen).toEqual(['begins a', 'ends a', 'begins b', 'ends b', 'begins c', 'ends c']);
  });
});
