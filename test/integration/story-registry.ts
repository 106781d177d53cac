import { ECRClient } from '@aws-sdk/client-ecr';
import { createHash } from 'node:crypto';

import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ImageTag } from '#shared/images/image-tag.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';
import { openElasticContainerRegistry } from '#stand-ins/aws/elastic-container-registry.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

/** Where the images of stories are. */
export interface StoryRegistry {
  readonly account: string;
  readonly region: string;
  readonly registry: ImageRegistry;
  /** @returns the repository's address, without a tag. */
  createRepository(name: string): Promise<string>;
  push(repository: string, tag: string): Promise<void>;
  close(): Promise<void>;
}

/** An ECR, read by the adapter of the product. */
export async function startEcrForStories(): Promise<StoryRegistry> {
  const moto = await startMoto();
  const { account, region } = moto;
  const ecr = openElasticContainerRegistry(moto);
  const registry = createEcrImageRegistry({
    registries: [{ account, region, repositories: ['team/*'] }],
    createClient: () => new ECRClient({ endpoint: moto.url, region, credentials: moto.credentials }),
  });
  return {
    account,
    region,
    registry,
    createRepository: (name) => ecr.createRepository({ name, immutableTags: true }),
    push: async (repository, tag) => {
      await ecr.pushImage({ repository, tag, content: `${repository} ${tag}` });
    },
    close: async () => {
      registry.close();
      ecr.close();
      await moto.stop();
    },
  };
}

/**
 * A registry that is nothing but what was pushed to it, for thousands of stories about what happens after the registry was read:
 * how it is read is what the contract of registries is about.
 */
export function openRegistryInMemory(): StoryRegistry {
  const [account, region] = ['123456789012', 'eu-west-1'];
  const host = `${account}.dkr.ecr.${region}.amazonaws.com`;
  const repositories = new Map<string, ImageTag[]>();
  const tagsOf = (image: string): ImageTag[] => {
    const tags = repositories.get(image);
    if (tags !== undefined) return tags;
    throw new TidegateError('ImageRepositoryNotFound', `repository ${image} does not exist`, { disposition: 'stall' });
  };
  return {
    account,
    region,
    registry: { listTags: (image) => Promise.resolve([...tagsOf(image)]) },
    createRepository: (name) => {
      repositories.set(`${host}/${name}`, []);
      return Promise.resolve(`${host}/${name}`);
    },
    push: (repository, tag) => {
      const digest = `sha256:${createHash('sha256').update(`${repository} ${tag}`).digest('hex')}`;
      tagsOf(`${host}/${repository}`).push({ tag, digest, pushedAt: Date.now() });
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
