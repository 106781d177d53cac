import { describe, expect, it } from 'vitest';

import { describeError } from '#shared/common/tidegate-error.ts';
import type { ImageRepository } from '#shared/flux/kinds/image-repository.ts';
import { scanImages } from '#shared/image-update/scan-images.ts';

const HUNG = '111111111111.dkr.ecr.eu-west-1.amazonaws.com';
const FINE = '222222222222.dkr.ecr.eu-west-1.amazonaws.com';

function repository(host: string, index: number): ImageRepository {
  const image = `${host}/team/app-${index}`;
  return {
    namespace: 'flux-system',
    name: `app-${index}`,
    image,
    intervalMs: 60_000,
    suspend: false,
    exclusionList: [],
  };
}

describe('a scan of image repositories', () => {
  it('asks a registry that hangs once, for a quarter of its time, says so of the others, and reads the rest', async () => {
    const repositories = [HUNG, HUNG, HUNG, HUNG, FINE, FINE].map(repository);
    const asked: string[] = [];
    const listTags = (image: string): Promise<readonly never[]> => {
      asked.push(image);
      return image.startsWith(HUNG) ? new Promise(() => {}) : Promise.resolve([]);
    };

    const scans = await scanImages({ listTags }, repositories, { clock: { now: () => 0 }, until: 6_000 });

    expect(asked.toSorted((one, other) => one.localeCompare(other))).toEqual([
      `${HUNG}/team/app-0`,
      `${FINE}/team/app-4`,
      `${FINE}/team/app-5`,
    ]);
    const said = scans.map((scan) => ('error' in scan ? describeError(scan.error) : 'read'));
    const skipped = `registry ${HUNG} does not answer; it is asked once a run until it does`;
    expect(said).toEqual([`registry ${HUNG} did not answer within 1.5 s`, skipped, skipped, skipped, 'read', 'read']);
  });

  it('says nothing of what it has no time for', async () => {
    const listTags = (): Promise<never> => Promise.reject(new Error('asked'));

    const scans = await scanImages({ listTags }, [repository(FINE, 1)], { clock: { now: () => 2_000 }, until: 6_000 });

    expect(scans).toEqual([]);
  });
});
