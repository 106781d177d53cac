import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { resumeSweep } from '#shared/pull-requests/resume-sweep.ts';
import { sampleSize } from '#test/sample-size.ts';

const items = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/u), { maxLength: 40 });

it('gets to everything in as many looks as there is time for, none of it twice', () => {
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 9 }), (all, most) => {
      const seen: string[] = [];
      let from: string | undefined;
      let looks = 0;
      do {
        const left = resumeSweep(all, (one) => one, { from, isWhole: false });
        seen.push(...left.slice(0, most));
        from = left[most];
        looks += 1;
      } while (from !== undefined && looks <= all.length);
      expect(seen).toEqual(all);
      expect(looks).toBe(Math.max(1, Math.ceil(all.length / most)));
    }),
    { numRuns: sampleSize(100, 1_000) },
  );
});

it('looks at everything, first at what was not got to, when all of it is asked for', () => {
  expect(resumeSweep(['a', 'b', 'c'], (one) => one, { from: 'b', isWhole: true })).toEqual(['b', 'c', 'a']);
  expect(resumeSweep(['a', 'b', 'c'], (one) => one, { from: 'gone', isWhole: false })).toEqual(['a', 'b', 'c']);
});
