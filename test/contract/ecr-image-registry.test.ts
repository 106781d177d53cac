import { ECRClient } from '@aws-sdk/client-ecr';
import { describe, expect, it } from 'vitest';

import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { openElasticContainerRegistry } from '#stand-ins/aws/elastic-container-registry.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { describeImageRegistry } from './image-registry.contract.ts';

describeImageRegistry('ECR', async () => {
  const moto = await startMoto();
  const ecr = openElasticContainerRegistry(moto);
  const pageSize = 3;
  const registry = createEcrImageRegistry({
    registries: [{ account: moto.account, region: moto.region, repositories: ['team/*'] }],
    createClient: (region) =>
      new ECRClient({ endpoint: moto.url, region, credentials: moto.credentials, maxAttempts: 4 }),
    pageSize,
  });
  let pushes = 0;
  return {
    registry,
    createRepository: (name) => ecr.createRepository({ name, immutableTags: false }),
    push: async (repository, tag) => {
      pushes += 1;
      return (await ecr.pushImage({ repository, tag, content: `push ${pushes}` })).digest;
    },
    missingRepository: `${ecr.host}/team/missing`,
    forbiddenRepository: `${ecr.host}/other/app`,
    pageSize,
    failNextCalls: async (failure, times) => {
      const throttled = { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' };
      const denied = { status: 400, code: 'AccessDeniedException', message: 'no identity-based policy allows it' };
      await moto.injectFault({ operation: 'DescribeImages', times, ...(failure === 'throttled' ? throttled : denied) });
    },
    close: async () => {
      registry.close();
      ecr.close();
      await moto.stop();
    },
  };
});

describe('ECR image registry', () => {
  it('lists every tag or says that it could not, when a later page is throttled or fails', async () => {
    const moto = await startMoto();
    const ecr = openElasticContainerRegistry(moto);
    const registry = createEcrImageRegistry({
      registries: [{ account: moto.account, region: moto.region, repositories: ['team/*'] }],
      createClient: (region) =>
        new ECRClient({ endpoint: moto.url, region, credentials: moto.credentials, maxAttempts: 4 }),
      pageSize: 3,
    });
    try {
      const image = await ecr.createRepository({ name: 'team/app', immutableTags: false });
      const tags = Array.from({ length: 7 }, (_, index) => `1.0.${index}`);
      for (const tag of tags) await ecr.pushImage({ repository: 'team/app', tag, content: tag });
      const fault = { operation: 'DescribeImages', message: 'no', after: 1 };

      await moto.injectFault({ ...fault, status: 400, code: 'ThrottlingException', times: 2 });
      await moto.injectFault({ ...fault, status: 500, code: 'ServerException', after: 0, times: 1 });
      expect((await registry.listTags(image)).map(({ tag }) => tag).toSorted()).toEqual(tags);

      await moto.injectFault({ ...fault, status: 400, code: 'ThrottlingException', times: 4 });
      await expect(registry.listTags(image)).rejects.toMatchObject({
        code: 'RegistryUnavailable',
        disposition: 'retry',
      });
    } finally {
      registry.close();
      ecr.close();
      await moto.stop();
    }
  });

  it('asks for another try later when nothing answers', async () => {
    const registry = createEcrImageRegistry({
      registries: [{ account: '123456789012', region: 'eu-west-1', repositories: ['app'] }],
      // Port 9 of the loopback address: nothing listens there.
      createClient: (region) =>
        new ECRClient({
          endpoint: 'http://127.0.0.1:9',
          region,
          credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
          maxAttempts: 1,
        }),
    });
    await expect(registry.listTags('123456789012.dkr.ecr.eu-west-1.amazonaws.com/app')).rejects.toMatchObject({
      code: 'RegistryUnavailable',
      disposition: 'retry',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    registry.close();
  });

  it.each([
    ['ghcr.io/stefanprodan/podinfo', 'is not a repository of ECR'],
    ['nginx', 'is not a repository of ECR'],
    ['', 'is not a repository of ECR'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.0.0', 'without a tag'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/../other', 'is not a repository of ECR'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/team/app', 'is not a repository of ECR'],
    ['evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app', 'is not a repository of ECR'],
    [`123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/${'a'.repeat(600)}`, 'is not a repository of ECR'],
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app', 'region us-east-1'],
    ['210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/app', 'account "210987654321"'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team', 'repository team to registries.ecr'],
  ])('reads nothing of %s, which the settings do not name', async (image, reason) => {
    const registry = createEcrImageRegistry({
      registries: [{ account: '123456789012', region: 'eu-west-1', repositories: ['team/*'] }],
      createClient: () => {
        throw new Error('a client was made');
      },
    });
    await expect(registry.listTags(image)).rejects.toMatchObject({
      code: 'AccessDenied',
      message: expect.stringContaining(reason),
    });
  });
});
