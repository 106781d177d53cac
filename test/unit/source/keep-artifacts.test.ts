import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isTurn } from '#shared/source/keep-artifacts.ts';
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
