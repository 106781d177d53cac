import { describe, expect, it } from 'vitest';

import { formatImageReference, parseEcrImage, parseImageReference } from '#shared/images/image-reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image reference', () => {
  it.each([
    ['podinfo', { name: 'podinfo' }],
    ['podinfo:6.7.1', { name: 'podinfo', tag: '6.7.1' }],
    ['reg:5000/a/b', { name: 'reg:5000/a/b' }],
    [`reg:5000/a/b:v1@${DIGEST}`, { name: 'reg:5000/a/b', tag: 'v1', digest: DIGEST }],
    [`ghcr.io/a/b@${DIGEST}`, { name: 'ghcr.io/a/b', digest: DIGEST }],
    ['localhost/a_b/c-d.e__f', { name: 'localhost/a_b/c-d.e__f' }],
  ])('%s is read and written back', (text, parts) => {
    const reference = parseImageReference(text);

    expect(reference).toEqual(parts);
    expect(formatImageReference(reference)).toBe(text);
  });

  it.each(['', 'A/B', 'a:', 'a@sha256:12', 'a:b c', 'a//b', '-a', `a:${'x'.repeat(129)}`, 'a:b\n', 'x'.repeat(600)])(
    'refuses %j',
    (text) => {
      expect(() => parseImageReference(text)).toThrow('is not');
    },
  );

  it.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app', '123456789012 eu-west-1 team/app'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app', '123456789012 cn-north-1 app'],
    ['123456789012.dkr-ecr.eu-west-1.on.aws/app', '123456789012 eu-west-1 app'],
    ['123456789012.dkr-ecr-fips.us-east-1.on.aws/app', '123456789012 us-east-1 app'],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app', '123456789012 us-gov-west-1 app'],
    ['123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn/team/app', '123456789012 cn-north-1 team/app'],
    ['123456789012.DKR.ecr.eu-west-1.AmazonAWS.com/app', '123456789012 eu-west-1 app'],
    ['123456789012.dkr.ecr.eu-west-1.on.aws.evil.org/app', undefined],
    ['123456789012.dkr.ecr.eu-west-1xamazonaws.com/app', undefined],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.org/app', undefined],
    ['evil.org/123456789012.dkr.ecr.eu-west-1.amazonaws.com/app', undefined],
    ['ghcr.io/a/b', undefined],
  ])('%s is the ECR image %s', (image, parts) => {
    const found = parseEcrImage(image);

    expect(found && `${found.account} ${found.region} ${found.repository}`).toBe(parts);
  });
});
