import { array, assert as check, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { mayExpandTo } from '#shared/render/may-expand-to.ts';
import { isClusterFolder } from '#shared/render/resolve-root.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('whether a path with variables may lead to a folder', () => {
  it.each([
    ['./clusters/${ENVIRONMENT}/${CLUSTER}', 'clusters/production/eu', true],
    ['clusters/${ENVIRONMENT}-${CLUSTER}/', './clusters/production-eu', true],
    ['${PATH_OF_IT}', './clusters/production', true],
    ['./clusters/${CLUSTER:=production}', './clusters/production', true],
    ['./clusters/$CLUSTER', './clusters/production', true],
    ['./apps/${CLUSTER}', './clusters/production', false],
    ['./clusters/${CLUSTER}/apps', './clusters/production', false],
    ['./clusters/production', './clusters/production/', true],
    ['./clusters/staging', './clusters/production', false],
  ])('%s to %s: %s', (path, folder, expected) => {
    expect(mayExpandTo(path, folder)).toBe(expected);
  });

  it('is never denied of one that does', () => {
    const names = constantFrom('clusters', 'production', 'a', 'a-b', '.');
    const parts = array(array(constantFrom('a', '-', 'x', '${V}', '${W}'), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    });
    const holds = property(
      parts,
      names,
      string({ unit: constantFrom('a', '-', '/', 'x'), maxLength: 5 }),
      (path, v, w) => {
        const text = path.map((part) => part.join('')).join('/');
        const filled = text.replaceAll('${V}', v).replaceAll('${W}', w);
        const folder = filled
          .split('/')
          .filter((part) => part !== '' && part !== '.')
          .join('/');
        return !isClusterFolder(filled, folder) || mayExpandTo(`./${text}`, folder);
      },
    );

    expect(() => check(holds, { seed: 42, numRuns: sampleSize(1_000, 50_000) })).not.toThrow();
  });
});
