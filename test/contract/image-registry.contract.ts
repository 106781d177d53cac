import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ImageRegistry } from '#shared/ports/image-registry.ts';

/** A registry under test, and how to put images into it. */
export interface ImageRegistryWorld {
  readonly registry: ImageRegistry;
  /** @returns the repository's address, without a tag. */
  createRepository(name: string): Promise<string>;
  /** Pushes different content each time. @returns the digest. */
  push(repository: string, tag: string): Promise<string>;
  /** An address of the same registry under which there is nothing. */
  readonly missingRepository: string;
  /** An address that the settings do not allow. */
  readonly forbiddenRepository: string;
  /** How many images one page holds: the suite pushes more. */
  readonly pageSize: number;
  failNextCalls(failure: 'throttled' | 'denied', times: number): Promise<void>;
  close(): Promise<void>;
}

/** What every adapter of `ImageRegistry` keeps. */
export function describeImageRegistry(name: string, open: () => Promise<ImageRegistryWorld>): void {
  describe(`image registry: ${name}`, () => {
    let world: ImageRegistryWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world.close();
    });

    it('lists nothing in a repository without images', async () => {
      expect(await world.registry.listTags(await world.createRepository('team/empty'))).toEqual([]);
    });

    it('lists every tag of every page with its digest and the time of its push', async () => {
      const image = await world.createRepository('team/many');
      const before = Math.floor(Date.now() / 1000) * 1000;
      const pushed = new Map<string, string>();
      for (let patch = 0; patch < world.pageSize * 2 + 1; patch += 1) {
        pushed.set(`1.0.${patch}`, await world.push('team/many', `1.0.${patch}`));
      }
      const tags = await world.registry.listTags(image);
      expect(new Map(tags.map(({ tag, digest }) => [tag, digest]))).toEqual(pushed);
      expect(tags).toHaveLength(pushed.size);
      for (const { pushedAt } of tags) {
        expect(pushedAt).toBeGreaterThanOrEqual(before);
        expect(pushedAt).toBeLessThanOrEqual(Date.now());
      }
    });

    it('shows a tag that was moved once, with its new digest', async () => {
      const image = await world.createRepository('team/moved');
      const first = await world.push('team/moved', 'latest');
      const second = await world.push('team/moved', 'latest');
      expect(second).not.toBe(first);
      const tags = await world.registry.listTags(image);
      expect(tags.map(({ tag, digest }) => ({ tag, digest }))).toEqual([{ tag: 'latest', digest: second }]);
    });

    it('stalls on a repository that does not exist, and names it', async () => {
      await expect(world.registry.listTags(world.missingRepository)).rejects.toMatchObject({
        code: 'ImageRepositoryNotFound',
        disposition: 'stall',
        subject: world.missingRepository,
      });
    });

    it('stalls on a repository that the settings do not allow', async () => {
      await expect(world.registry.listTags(world.forbiddenRepository)).rejects.toMatchObject({
        code: 'AccessDenied',
        disposition: 'stall',
        subject: world.forbiddenRepository,
      });
    });

    it('gets over being throttled once', async () => {
      const image = await world.createRepository('team/throttled-once');
      const digest = await world.push('team/throttled-once', '1.0.0');
      await world.failNextCalls('throttled', 1);
      expect(await world.registry.listTags(image)).toMatchObject([{ tag: '1.0.0', digest }]);
    });

    it('asks for another try later when it is throttled again and again', async () => {
      const image = await world.createRepository('team/throttled');
      await world.failNextCalls('throttled', 4);
      await expect(world.registry.listTags(image)).rejects.toMatchObject({
        code: 'RegistryUnavailable',
        disposition: 'retry',
        subject: image,
      });
    });

    it('stalls when it may not read, and names the right that is missing', async () => {
      const image = await world.createRepository('team/denied');
      await world.failNextCalls('denied', 1);
      await expect(world.registry.listTags(image)).rejects.toMatchObject({
        code: 'AccessDenied',
        disposition: 'stall',
        message: expect.stringMatching(/grant ecr:DescribeImages on .*team\/denied/),
      });
    });
  });
}
