import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { eksConnection } from '#shared/adapters/kubernetes/eks-connection.ts';
import { createEksToken } from '#shared/adapters/kubernetes/eks-token.ts';
import { EksTokenRefusal } from '#stand-ins/kubernetes/eks-token-refusal.ts';
import type { EksTokenCheck } from '#stand-ins/kubernetes/verify-eks-token.ts';
import { verifyEksToken } from '#stand-ins/kubernetes/verify-eks-token.ts';
import { sampleSize } from '#test/sample-size.ts';

const NOW = Date.parse('2026-11-23T15:00:00Z');
const MINUTE_MS = 60_000;
const CALLER = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret/key+',
  sessionToken: 'session/token+==',
  arn: 'arn:aws:sts::123456789012:assumed-role/tidegate/session',
};
const REQUEST = { cluster: 'prod', region: 'eu-west-1', credentials: CALLER, now: NOW };
const CHECK: EksTokenCheck = { clusterId: 'prod', region: 'eu-west-1', now: NOW, callers: [CALLER] };
const REQUIRED = [
  'Action',
  'Version',
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
];

function decode(token: string): URL {
  return new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());
}

function encode(url: URL | string): string {
  return `k8s-aws-v1.${Buffer.from(String(url)).toString('base64url')}`;
}

describe('the token for EKS', () => {
  it('is a presigned GetCallerIdentity of the regional STS with the allowed parameters and no other', async () => {
    const token = await createEksToken(REQUEST);
    const url = decode(token);

    expect(token).toMatch(/^k8s-aws-v1\.[A-Za-z0-9_-]+$/u);
    expect(url.origin + url.pathname).toBe('https://sts.eu-west-1.amazonaws.com/');
    expect([...url.searchParams.keys()].toSorted()).toEqual([...REQUIRED, 'X-Amz-Security-Token'].toSorted());
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'GetCallerIdentity',
      Version: '2011-06-15',
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'ASIAEXAMPLE/20261123/eu-west-1/sts/aws4_request',
      'X-Amz-Date': '20261123T150000Z',
      'X-Amz-Expires': '60',
      'X-Amz-Security-Token': 'session/token+==',
      'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    });
  });

  it('has no session token when the credentials have none', async () => {
    const { sessionToken: _, ...credentials } = CALLER;
    const url = decode(await createEksToken({ ...REQUEST, credentials }));

    expect([...url.searchParams.keys()].toSorted()).toEqual(REQUIRED.toSorted());
  });

  it('is accepted for whatever credentials, cluster and region it was made for', async () => {
    const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 });
    const base64 = fc.base64String({ maxLength: 1500 });
    const cluster = fc.stringMatching(/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/u);
    const region = fc.constantFrom('eu-west-1', 'us-east-1', 'us-gov-west-1', 'ap-southeast-2');
    await fc.assert(
      fc.asyncProperty(key, base64, cluster, region, async (secretAccessKey, sessionToken, clusterId, where) => {
        const caller = { ...CALLER, secretAccessKey, sessionToken };
        const token = await createEksToken({ cluster: clusterId, region: where, credentials: caller, now: NOW });
        expect(verifyEksToken(token, { clusterId, region: where, now: NOW, callers: [caller] })).toBe(caller);
      }),
      { seed: 42, numRuns: sampleSize(50, 2000) },
    );
  });

  it.each([...REQUIRED, 'X-Amz-Security-Token'])('is refused when %s is altered or left out', async (name) => {
    const token = await createEksToken(REQUEST);
    const altered = decode(token);
    altered.searchParams.set(name, `${altered.searchParams.get(name)}0`);
    const without = decode(token);
    without.searchParams.delete(name);

    expect(() => verifyEksToken(encode(altered), CHECK)).toThrow(EksTokenRefusal);
    expect(() => verifyEksToken(encode(without), CHECK)).toThrow(EksTokenRefusal);
  });

  it.each<[string, Partial<EksTokenCheck>, (token: string) => string]>([
    ['token is expired', { now: NOW + 15 * MINUTE_MS + 1 }, (token) => token],
    ['token is of the future', { now: NOW - 15 * MINUTE_MS - 1 }, (token) => token],
    ['signature does not match', { clusterId: 'staging' }, (token) => token],
    ['is not the STS endpoint of us-east-1', { region: 'us-east-1' }, (token) => token],
    ['access key is not known', { callers: [] }, (token) => token],
    ['"x-id" is not allowed', {}, (token) => encode(`${decode(token).href}&x-id=GetCallerIdentity`)],
    ['"action" is there twice', {}, (token) => encode(`${decode(token).href}&action=GetCallerIdentity`)],
    ['scheme is http:', {}, (token) => encode(String(decode(token)).replace('https:', 'http:'))],
    ['path is not /', {}, (token) => encode(String(decode(token)).replace('com/?', 'com/x?'))],
    ['is not the STS endpoint', {}, (token) => encode(String(decode(token)).replace('.com/?', '.com.evil.example/?'))],
    ['has a second authorization', {}, (token) => encode(String(decode(token)).replace('sts.', 'user@sts.'))],
    ['does not begin with', {}, (token) => token.slice(1)],
    ['not in base64url without padding', {}, (token) => `${token}=`],
    ['too large', {}, (token) => encode(`${decode(token).href}&Version=${'x'.repeat(4000)}`)],
  ])('is refused: %s', async (reason, check, change) => {
    const token = change(await createEksToken(REQUEST));

    expect(() => verifyEksToken(token, { ...CHECK, ...check })).toThrow(reason);
  });

  it('is not made when the session token leaves no room, or for what is no region', async () => {
    const credentials = { ...CALLER, sessionToken: 'x'.repeat(3000) };
    await expect(createEksToken({ ...REQUEST, credentials })).rejects.toMatchObject({ code: 'EksTokenTooLarge' });
    await expect(createEksToken({ ...REQUEST, region: 'evil.example/' })).rejects.toMatchObject({
      code: 'RegionInvalid',
    });
  });
});

describe('the connection to EKS', () => {
  it('makes a new token after ten minutes, and at once when the last one was refused', async () => {
    let now = NOW;
    const connection = eksConnection({
      name: 'prod',
      region: 'eu-west-1',
      endpoint: 'https://example.eks.amazonaws.com/',
      certificateAuthority: Buffer.from('PEM').toString('base64'),
      credentials: async () => CALLER,
      now: () => now,
    });
    const first = await connection.credentials({ renewed: false });
    expect(connection.server).toBe('https://example.eks.amazonaws.com');
    expect(first).toMatchObject({ ca: 'PEM', renewAt: NOW + 10 * MINUTE_MS });

    now = NOW + 10 * MINUTE_MS - 1;
    expect(await connection.credentials({ renewed: false })).toBe(first);
    now = NOW + 10 * MINUTE_MS;
    const second = await connection.credentials({ renewed: false });
    expect(second.headers).not.toEqual(first.headers);
    now += 1000;
    expect((await connection.credentials({ renewed: true })).headers).not.toEqual(second.headers);
  });
});
