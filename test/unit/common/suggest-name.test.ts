import { describe, expect, it } from 'vitest';

import { suggestName } from '#shared/common/suggest-name.ts';

describe('suggesting a name', () => {
  const allowed = ['interval', 'name', 'namespace', 'ref', 'url'];

  it.each([
    ['intervall', 'interval'],
    ['nmae', 'name'],
    ['Namespace', 'namespace'],
    ['uri', 'url'],
    ['x'.repeat(10_000), undefined],
    ['verify', undefined],
  ])('answers %s with %s', (got, expected) => {
    expect(suggestName(got, allowed)).toBe(expected);
  });
});
