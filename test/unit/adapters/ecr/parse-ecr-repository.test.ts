import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowsRepository } from '#shared/adapters/ecr/allows-repository.ts';
import { parseEcrRepository } from '#shared/adapters/ecr/parse-ecr-repository.ts';
import { sampleSize } from '#test/sample-size.ts';

const account = fc.stringMatching(/^\d{12}$/);
const region = fc.constantFrom('eu-west-1', 'us-gov-west-1', 'cn-north-1', 'ap-southeast-2');
const name = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._/-][a-z0-9]{1,8}){0,3}$/);

describe('parse an ECR repository', () => {
  it('reads back account, region and name of any address', () => {
    fc.assert(
      fc.property(account, region, name, (account, region, name) => {
        const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
        const image = `${account}.dkr.ecr.${region}.${domain}/${name}`;
        expect(parseEcrRepository(image)).toEqual({ account, region, name });
      }),
      { seed: 42, numRuns: sampleSize(200, 10_000) },
    );
  });

  it.each([
    '',
    'nginx',
    'ghcr.io/team/app',
    'public.ecr.aws/team/app',
    '12345678901.dkr.ecr.eu-west-1.amazonaws.com/app',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1.0.0',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/App',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/../app',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/app',
    'evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com/app',
    `123456789012.dkr.ecr.eu-west-1.amazonaws.com/${'a'.repeat(600)}`,
    `123456789012.dkr.ecr.eu-west-1.amazonaws.com/${'a-'.repeat(200)}`,
  ])('refuses %j', (image) => {
    expect(parseEcrRepository(image)).toBeUndefined();
  });
});

describe('the repositories that the settings allow', () => {
  const registries = [{ account: '123456789012', region: 'eu-west-1', repositories: ['app', 'team/*'] }];
  const repository = { account: '123456789012', region: 'eu-west-1', name: 'app' };

  it.each([
    ['an exact name', { name: 'app' }, true],
    ['a name below a prefix', { name: 'team/app' }, true],
    ['a name far below a prefix', { name: 'team/a/b' }, true],
    ['the prefix itself', { name: 'team' }, false],
    ['a name that only begins like the prefix', { name: 'team-b/app' }, false],
    ['a name that only begins like an exact one', { name: 'app2' }, false],
    ['another account', { account: '210987654321' }, false],
    ['another region', { region: 'eu-west-2' }, false],
  ])('%s: %o is allowed: %s', (_what, change, allowed) => {
    expect(allowsRepository(registries, { ...repository, ...change })).toBe(allowed);
  });
});
