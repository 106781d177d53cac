import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const PREFIX = 'k8s-aws-v1.';
const MAX_TOKEN_BYTES = 4096;
const VALID_MS = 15 * 60_000;
const MAX_EXPIRES_SECONDS = 900;
const CLUSTER_HEADER = 'x-k8s-aws-id';
const EMPTY_PAYLOAD = createHash('sha256').update('').digest('hex');
const ALLOWED: ReadonlySet<string> = new Set([
  'action',
  'version',
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
]);

/** Somebody to whom STS gave credentials. */
export interface AwsCaller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** `arn:aws:sts::123456789012:assumed-role/tidegate/session`. */
  readonly arn: string;
}

/** What a token is checked against. */
export interface EksTokenCheck {
  readonly clusterId: string;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly callers: readonly AwsCaller[];
}

/** A token that is not accepted, and why. */
export class EksTokenRefusal extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'EksTokenRefusal';
  }
}

type Parameters = ReadonlyMap<string, { readonly name: string; readonly value: string }>;

/**
 * Finds out whose token it is, by the rules of aws-iam-authenticator and, in place of the call to STS, by computing the
 * signature again.
 * @throws EksTokenRefusal naming the rule.
 */
export function verifyEksToken(token: string, check: EksTokenCheck): AwsCaller {
  const url = readUrl(token);
  if (url.protocol !== 'https:') throw new EksTokenRefusal(`scheme is ${url.protocol} and must be https:`);
  if (url.host !== `sts.${check.region}.amazonaws.com` || url.username !== '' || url.password !== '') {
    throw new EksTokenRefusal(`host ${url.host} is not the STS endpoint of ${check.region}`);
  }
  if (url.pathname !== '/' || url.hash !== '') throw new EksTokenRefusal('path is not /');
  const parameters = readParameters(url.searchParams);
  const get = (name: string): string => parameters.get(name)?.value ?? '';
  if (get('action') !== 'GetCallerIdentity') throw new EksTokenRefusal('action is not GetCallerIdentity');
  if (get('x-amz-algorithm') !== 'AWS4-HMAC-SHA256') throw new EksTokenRefusal('algorithm is not AWS4-HMAC-SHA256');
  const signedHeaders = get('x-amz-signedheaders').toLowerCase().split(';');
  for (const header of ['host', CLUSTER_HEADER]) {
    if (!signedHeaders.includes(header)) throw new EksTokenRefusal(`header ${header} is not signed`);
  }
  const expires = get('x-amz-expires');
  if (!/^\d{1,4}$/u.test(expires) || Number(expires) > MAX_EXPIRES_SECONDS) {
    throw new EksTokenRefusal(`x-amz-expires is ${JSON.stringify(expires)}; allowed: 0 to ${MAX_EXPIRES_SECONDS}`);
  }
  const signedAt = readDate(get('x-amz-date'));
  if (check.now > signedAt + VALID_MS) throw new EksTokenRefusal('token is expired');
  if (check.now < signedAt - VALID_MS) throw new EksTokenRefusal('token is of the future');

  const [accessKeyId = ''] = get('x-amz-credential').split('/');
  const caller = check.callers.find((known) => known.accessKeyId === accessKeyId);
  if (caller === undefined) throw new EksTokenRefusal('access key is not known to STS');
  if (get('x-amz-security-token') !== (caller.sessionToken ?? '')) {
    throw new EksTokenRefusal('session token is not that of the access key');
  }
  const headers = new Map([
    ['host', url.host],
    [CLUSTER_HEADER, check.clusterId],
  ]);
  const expected = computeSignature(parameters, signedHeaders, headers, caller.secretAccessKey, check.region);
  const given = get('x-amz-signature');
  if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected))) {
    throw new EksTokenRefusal('signature does not match');
  }
  return caller;
}

function readUrl(token: string): URL {
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw new EksTokenRefusal('token is too large');
  if (!token.startsWith(PREFIX)) throw new EksTokenRefusal(`token does not begin with ${PREFIX}`);
  const encoded = token.slice(PREFIX.length);
  const text = /^[A-Za-z0-9_-]*$/u.test(encoded) ? Buffer.from(encoded, 'base64url').toString('utf8') : '';
  if (!URL.canParse(text)) throw new EksTokenRefusal('token is not a URL in base64url without padding');
  return new URL(text);
}

function readParameters(search: URLSearchParams): Parameters {
  const parameters = new Map<string, { readonly name: string; readonly value: string }>();
  for (const [name, value] of search) {
    const lower = name.toLowerCase();
    if (!ALLOWED.has(lower)) throw new EksTokenRefusal(`query parameter ${JSON.stringify(name)} is not allowed`);
    if (parameters.has(lower)) throw new EksTokenRefusal(`query parameter ${JSON.stringify(name)} is there twice`);
    parameters.set(lower, { name, value });
  }
  return parameters;
}

function readDate(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u, '$1-$2-$3T$4:$5:$6Z');
  const time = iso === text ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) throw new EksTokenRefusal('x-amz-date is not a date');
  return time;
}

function computeSignature(
  parameters: Parameters,
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
    throw new EksTokenRefusal(`credential is not of the scope ${scope}`);
  }
  const query = [...parameters]
    .filter(([lower]) => lower !== 'x-amz-signature')
    .map(([, { name, value }]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&');
  const lines = signedHeaders.map((header) => {
    const value = headers.get(header);
    if (value === undefined) throw new EksTokenRefusal(`header ${header} is signed and is not sent`);
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
