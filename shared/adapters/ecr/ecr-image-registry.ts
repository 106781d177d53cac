import { DescribeImagesCommand, DescribeRepositoriesCommand, ECRClient, type ImageDetail } from '@aws-sdk/client-ecr';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { parseEcrImage, tryParseImageReference, type EcrImage } from '#shared/images/image-reference.ts';
import type { ImageTag } from '#shared/images/image-tag.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';
import { listsRepository } from '#shared/settings/lists-repository.ts';
import type { EcrRegistry } from '#shared/settings/settings.ts';

// ECR's own quota is 100,000 images a repository; beyond it something is wrong with the answers.
const MOST_PAGES = 1_000;

/** What an ECR registry reads and how it gets there. */
export interface EcrImageRegistryOptions {
  /** The registries of the settings: nothing else is read. */
  readonly registries: readonly EcrRegistry[];
  /** A client for one region; by default with the credentials of the environment. */
  readonly createClient?: (region: string) => ECRClient;
  /** Images asked for at once, up to ECR's 1,000. */
  readonly pageSize?: number;
}

/** ECR, with connections to close. */
export interface EcrImageRegistry extends ImageRegistry {
  /**
   * Asks for one image of what a pattern of the settings stands for: of the repository itself, or of the first below a
   * prefix. Changes nothing.
   * @returns the name of the repository that was read.
   */
  probe(registry: EcrRegistry, pattern: string): Promise<string>;
  close(): void;
}

function createDefaultClient(region: string): ECRClient {
  return new ECRClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
  });
}

function findRepository(registries: readonly EcrRegistry[], image: string): EcrImage {
  // A tag or a digest is part of what is parsed, and then no longer of the name.
  const repository = tryParseImageReference(image)?.name === image ? parseEcrImage(image) : undefined;
  if (repository === undefined) {
    throw new TidegateError(
      'AccessDenied',
      `image ${JSON.stringify(image.slice(0, 200))} is not a repository of ECR: write <account>.dkr.ecr.<region>.amazonaws.com/<name> without a tag`,
      { disposition: 'stall', subject: image.slice(0, 200) },
    );
  }
  if (!listsRepository(registries, repository)) {
    throw new TidegateError(
      'AccessDenied',
      `repository ${image} is not among those of the settings: add account "${repository.account}", region ${repository.region} and ` +
        `the repository ${repository.repository} to registries.ecr in tidegate.yaml`,
      { disposition: 'stall', subject: image },
    );
  }
  return repository;
}

function explainFailure(image: string, { account, region, repository }: EcrImage, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const failure = classifyAwsFailure(cause);
  if (failure === 'missing') {
    return new TidegateError(
      'ImageRepositoryNotFound',
      `repository ${repository} does not exist in account ${account}, region ${region}: create it or correct spec.image`,
      { disposition: 'stall', subject: image, cause },
    );
  }
  if (failure === 'denied') {
    return new TidegateError(
      'AccessDenied',
      `repository ${image} may not be read (${word}): grant ecr:DescribeImages on arn:aws:ecr:${region}:${account}:repository/${repository}`,
      { disposition: 'stall', subject: image, cause },
    );
  }
  return new TidegateError(
    'RegistryUnavailable',
    `repository ${image} could not be read (${word}): it is tried again`,
    {
      disposition: 'retry',
      subject: image,
      cause,
    },
  );
}

async function findBelow(client: ECRClient, account: string, prefix: string): Promise<string | undefined> {
  let nextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await client.send(
      new DescribeRepositoriesCommand({ registryId: account, maxResults: 1_000, nextToken }),
    );
    const found = answer.repositories?.find(({ repositoryName = '' }) => repositoryName.startsWith(prefix));
    if (found?.repositoryName !== undefined) return found.repositoryName;
    nextToken = answer.nextToken;
    if (nextToken === undefined || nextToken === '') return undefined;
  }
  throw new Error(`the list of repositories does not end after ${MOST_PAGES} pages`);
}

/** What is wrong with a registry of the settings, as far as its answers tell. */
function explainProbe({ account, region }: EcrRegistry, pattern: string, cause: unknown): TidegateError {
  if (cause instanceof TidegateError) return cause;
  const subject = `ECR repository ${pattern} of account ${account} in ${region}`;
  const word = nameAwsFailure(cause);
  const failure = classifyAwsFailure(cause);
  const right = pattern.endsWith('/*') ? 'ecr:DescribeRepositories and ecr:DescribeImages' : 'ecr:DescribeImages';
  const say = (code: string, what: string): TidegateError =>
    new TidegateError(code, `${subject} ${what}`, { disposition: 'stall', subject, cause });
  if (word === 'CredentialsProviderError' || word === 'TokenProviderError') {
    return say('AuthenticationFailed', 'was not asked: no AWS credentials found; sign in to AWS first');
  }
  if (failure === 'missing') return say('ImageRepositoryNotFound', 'does not exist: create it, or correct the name');
  return failure === 'denied'
    ? say('AccessDenied', `may not be read (${word}): use credentials with ${right} on it`)
    : say('RegistryUnavailable', `could not be read (${word}): try again`);
}

function readTags(details: readonly ImageDetail[]): readonly ImageTag[] {
  return details.flatMap(({ imageTags = [], imageDigest, imagePushedAt }) =>
    imageDigest === undefined
      ? []
      : imageTags.map((tag) => ({
          tag,
          digest: imageDigest,
          ...(imagePushedAt === undefined ? {} : { pushedAt: imagePushedAt.getTime() }),
        })),
  );
}

async function describeAll(client: ECRClient, repository: EcrImage, pageSize: number): Promise<readonly ImageTag[]> {
  // A tag that moves between two pages is seen twice: the later push has it.
  const tags = new Map<string, ImageTag>();
  let nextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await client.send(
      new DescribeImagesCommand({
        registryId: repository.account,
        repositoryName: repository.repository,
        filter: { tagStatus: 'TAGGED' },
        maxResults: pageSize,
        nextToken,
      }),
    );
    for (const found of readTags(answer.imageDetails ?? [])) {
      const known = tags.get(found.tag);
      if (known === undefined || (found.pushedAt ?? 0) >= (known.pushedAt ?? 0)) tags.set(found.tag, found);
    }
    nextToken = answer.nextToken;
    if (nextToken === undefined || nextToken === '') return [...tags.values()];
  }
  throw new Error(`the list of images does not end after ${MOST_PAGES} pages`);
}

/** Reads the tags of the ECR repositories that the settings allow. */
export function createEcrImageRegistry(options: EcrImageRegistryOptions): EcrImageRegistry {
  const { registries, createClient = createDefaultClient, pageSize = 1_000 } = options;
  const clients = new Map<string, ECRClient>();
  function clientOf(region: string): ECRClient {
    const client = clients.get(region) ?? createClient(region);
    clients.set(region, client);
    return client;
  }
  return {
    listTags: async (image) => {
      const repository = findRepository(registries, image);
      try {
        return await describeAll(clientOf(repository.region), repository, pageSize);
      } catch (error) {
        throw explainFailure(image, repository, error);
      }
    },
    probe: async (registry, pattern) => {
      const client = clientOf(registry.region);
      try {
        const name = pattern.endsWith('/*') ? await findBelow(client, registry.account, pattern.slice(0, -1)) : pattern;
        if (name === undefined) {
          const subject = `ECR registry of account ${registry.account} in ${registry.region}`;
          const message = `${subject} has no repository ${pattern}: create one, or correct the name`;
          throw new TidegateError('ImageRepositoryNotFound', message, { disposition: 'stall', subject });
        }
        await client.send(
          new DescribeImagesCommand({ registryId: registry.account, repositoryName: name, maxResults: 1 }),
        );
        return name;
      } catch (error) {
        throw explainProbe(registry, pattern, error);
      }
    },
    close: () => {
      for (const client of clients.values()) client.destroy();
      clients.clear();
    },
  };
}
