import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { EksTokenRefusal } from './eks-token-refusal.ts';
import type { IdentityRequest, QueryParameters } from './read-eks-token.ts';
import { stsEndpoint } from './read-eks-token.ts';

const SKEW_MS = 15 * 60_000;
const CLUSTER_HEADER = 'x-k8s-aws-id';
const EMPTY_PAYLOAD = createHash('sha256').update('').digest('hex');

/** Somebody to whom STS gave credentials. */
export interface AwsCaller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** `arn:aws:sts::123456789012:assumed-role/tidegate/session`. */
  readonly arn: string;
}

/** What the STS of a region knows, and the header that comes with the request. */
export interface IdentityCheck {
  readonly clusterId: string;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly callers: readonly AwsCaller[];
}

/**
 * Finds out who signed a request for the caller's identity, as STS does: by computing the signature again.
 * @throws EksTokenRefusal naming what is wrong.
 */
export function verifyIdentityRequest(request: IdentityRequest, check: IdentityCheck): AwsCaller {
  const { host, parameters } = request;
  const get = (name: string): string => parameters.get(name)?.value ?? '';
  if (host !== stsEndpoint(check.region)) throw refusal(`host ${host} is not the STS endpoint of ${check.region}`);
  if (request.hasUserInfo) throw refusal('request has a second authorization beside its signature');
  if (get('x-amz-algorithm') !== 'AWS4-HMAC-SHA256') throw refusal('algorithm is not AWS4-HMAC-SHA256');
  const signedHeaders = get('x-amz-signedheaders').toLowerCase().split(';');
  if (!signedHeaders.includes('host')) throw refusal('header host is not signed');
  const signedAt = Date.parse(
    get('x-amz-date').replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (!(signedAt <= check.now + SKEW_MS)) throw refusal('token is of the future');
  if (signedAt < check.now - SKEW_MS) throw refusal('token is expired');

  const [accessKeyId = ''] = get('x-amz-credential').split('/');
  const caller = check.callers.find((known) => known.accessKeyId === accessKeyId);
  if (caller === undefined) throw refusal('access key is not known to STS');
  if (get('x-amz-security-token') !== (caller.sessionToken ?? '')) {
    throw refusal('session token is not that of the access key');
  }
  const headers = new Map([
    ['host', host],
    [CLUSTER_HEADER, check.clusterId],
  ]);
  const expected = computeSignature(parameters, signedHeaders, headers, caller.secretAccessKey, check.region);
  const given = Buffer.from(get('x-amz-signature'));
  if (given.length !== expected.length || !timingSafeEqual(given, Buffer.from(expected))) {
    throw refusal('signature does not match');
  }
  return caller;
}

function refusal(reason: string): EksTokenRefusal {
  return new EksTokenRefusal('sts', reason);
}

function computeSignature(
  parameters: QueryParameters,
  signedHeaders: readonly string[],
  headers: ReadonlyMap<string, string>,
  secretAccessKey: string,
  region: string,
): string {
  const get = (name: string): string => parameters.get(name)?.value ?? '';
  const date = get('x-amz-date');
  const day = date.slice(0, 8);
  const scope = `${day}/${region}/sts/aws4_request`;
  if (get('x-amz-credential').split('/').slice(1).join('/') !== scope) {
    throw refusal(`credential is not of the scope ${scope}`);
  }
  const query = [...parameters]
    .filter(([lower]) => lower !== 'x-amz-signature')
    .map(([, { name, value }]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&');
  const lines = signedHeaders.map((header) => {
    const value = headers.get(header);
    if (value === undefined) throw refusal(`header ${header} is signed and is not sent`);
    return `${header}:${value}\n`;
  });
  const canonical = ['GET', '/', query, lines.join(''), signedHeaders.join(';'), EMPTY_PAYLOAD].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = [day, region, 'sts', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`).toString('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
