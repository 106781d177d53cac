import { describe, expect, it } from 'vitest';

import type { ImageRepository } from '#shared/flux/kinds/image-repository.ts';
import { createKeptScans } from '#shared/image-update/kept-scans.ts';
import type { Scan } from '#shared/image-update/scan-images.ts';

const REPOSITORY: ImageRepository = {
  namespace: 'flux-system',
  name: 'podinfo',
  image: 'example.com/podinfo',
  intervalMs: 60_000,
  exclusionList: [],
  suspend: false,
};
const SCAN: Scan = { repository: REPOSITORY, tags: [{ tag: '1.0.0', digest: 'sha256:0' }] };
const manyTags = (name: string, count: number): Scan => ({
  repository: { ...REPOSITORY, name },
  tags: Array.from({ length: count }, () => ({ tag: 'x', digest: 'sha256:0' })),
});
const never = (): number => 0;

describe('scans that are kept for an automation that waits', () => {
  it('are found again in their cluster', () => {
    const kept = createKeptScans();
    kept.keep('one', [SCAN], 10);

    expect(kept.find('one', [REPOSITORY], never)).toEqual([SCAN]);
    expect(kept.find('two', [REPOSITORY], never)).toEqual([]);
  });

  it.each<[string, ImageRepository, () => number]>([
    ['the repository is specified in another way', { ...REPOSITORY, image: 'example.com/other' }, never],
    ['an automation that uses it ran after the scan, maybe in another process', REPOSITORY, () => 11],
  ])('are not used when %s', (_, repository, usedAt) => {
    const kept = createKeptScans();
    kept.keep('one', [SCAN], 10);

    expect(kept.find('one', [repository], usedAt)).toEqual([]);
  });

  it('hold no failure: it is tried again', () => {
    const kept = createKeptScans();
    kept.keep('one', [SCAN], 10);
    kept.keep('one', [{ repository: REPOSITORY, error: new Error('503') }], 20);

    expect(kept.find('one', [REPOSITORY], never)).toEqual([]);
  });

  it('are forgotten when their automation ran', () => {
    const kept = createKeptScans();
    kept.keep('one', [SCAN], 10);
    kept.forget('one', [REPOSITORY]);

    expect(kept.find('one', [REPOSITORY], never)).toEqual([]);
  });

  it('are bounded by their tags, the oldest go first', () => {
    const kept = createKeptScans();
    const scans = ['a', 'b', 'c'].map((name) => manyTags(name, 400_000));
    for (const scan of scans) kept.keep('one', [scan], 10);

    const names = kept
      .find(
        'one',
        scans.map(({ repository }) => repository),
        never,
      )
      .map(({ repository }) => repository.name);

    expect(names).toEqual(['b', 'c']);
  });
});
