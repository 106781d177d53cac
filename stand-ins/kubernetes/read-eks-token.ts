import { AWS_REGIONS } from '#shared/settings/aws-regions.ts';

import { EksTokenRefusal } from './eks-token-refusal.ts';

const PREFIX = 'k8s-aws-v1.';
const MAX_TOKEN_BYTES = 4096;
const VALID_MS = 15 * 60_000;
const MAX_EXPIRES_SECONDS = 900;
const CLUSTER_HEADER = 'x-k8s-aws-id';
const OTHER_PARTITIONS = ['cn-', 'us-gov-', 'us-isob-', 'us-isof-', 'us-iso-', 'eu-isoe-', 'eusc-'];
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

/** By their names in lower case: how each was written, and its value. */
export type QueryParameters = ReadonlyMap<string, { readonly name: string; readonly value: string }>;

/** The request to STS that a token stands for. */
export interface IdentityRequest {
  readonly host: string;
  /** A user and a password before the host, which go along as an `Authorization` header. */
  readonly hasUserInfo: boolean;
  readonly parameters: QueryParameters;
}

/** What aws-iam-authenticator knows when it reads a token. */
export interface ReadEksTokenOptions {
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Reads a token by the rules that aws-iam-authenticator applies before it asks STS, down to what Go takes for a URL.
 * @throws EksTokenRefusal naming the rule.
 */
export function readEksToken(token: string, { region, now }: ReadEksTokenOptions): IdentityRequest {
  const { scheme, authority, path, query, fragment } = splitUrl(decodeToken(token));
  if (scheme.toLowerCase() !== 'https') throw refusal(`scheme is ${scheme}: and must be https:`);
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const isOddUser = at >= 0 && !/^[\w\-.:~!$&'()*+,;=%@]*$/u.test(authority.slice(0, at));
  if (isOddUser || !isStsHost(host, region)) {
    throw refusal(`host ${authority} is not the STS endpoint of ${region} or of another region of its partition`);
  }
  if (path !== '/') throw refusal('path is not /');
  for (const part of [authority.slice(0, Math.max(at, 0)), fragment]) unescape(part);
  const parameters = readQueryParameters(query);
  const get = (name: string): string => parameters.get(name)?.value ?? '';
  if (get('action') !== 'GetCallerIdentity') throw refusal('action is not GetCallerIdentity');
  if (!get('x-amz-signedheaders').toLowerCase().split(';').includes(CLUSTER_HEADER)) {
    throw refusal(`header ${CLUSTER_HEADER} is not signed`);
  }
  const expires = /^[+-]?\d+$/u.test(get('x-amz-expires')) ? Number(get('x-amz-expires')) : Number.NaN;
  if (!(expires >= 0 && expires <= MAX_EXPIRES_SECONDS)) {
    const given = JSON.stringify(get('x-amz-expires'));
    throw refusal(`x-amz-expires is ${given}; allowed: 0 to ${MAX_EXPIRES_SECONDS}`);
  }
  if (now > readDate(get('x-amz-date')) + VALID_MS) throw refusal('token is expired');
  return { host, hasUserInfo: at >= 0, parameters };
}

function refusal(reason: string): EksTokenRefusal {
  return new EksTokenRefusal('authenticator', reason);
}

/** One character a byte, because Go looks at bytes. */
function decodeToken(token: string): string {
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw refusal('token is too large');
  if (!token.startsWith(PREFIX)) throw refusal(`token does not begin with ${PREFIX}`);
  // Go's decoder reads over line breaks.
  const encoded = token.slice(PREFIX.length).replaceAll(/[\r\n]/gu, '');
  if (!/^[\w-]*$/u.test(encoded) || encoded.length % 4 === 1) {
    throw refusal('token is not in base64url without padding');
  }
  return Buffer.from(encoded, 'base64url').toString('latin1');
}

/** `URL` forgives much that Go does not: spaces around, tabs within, backslashes, a default port, a host in capitals. */
function splitUrl(text: string) {
  const hasControls = text.split('').some((character) => character < ' ' || character === '\u007F');
  const parts =
    /^(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):\/\/(?<authority>[^/?#]*)(?<path>[^?#]*)(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/u.exec(
      text,
    )?.groups;
  if (hasControls || parts === undefined) throw refusal('token is not a URL');
  const { scheme = '', authority = '', path = '', query = '', fragment = '' } = parts;
  return { scheme, authority, path, query, fragment };
}

function isStsHost(host: string, region: string): boolean {
  const partitionOf = (name: string): string | undefined => OTHER_PARTITIONS.find((prefix) => name.startsWith(prefix));
  const partition = partitionOf(region);
  if (host === 'sts.amazonaws.com') return partition === undefined;
  return AWS_REGIONS.some((known) => partitionOf(known) === partition && host === stsEndpoint(known));
}

/** Where the STS of a region is. */
export function stsEndpoint(region: string): string {
  return `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/**
 * Reads a query as Go does, and takes only what a token may have, once.
 * @throws EksTokenRefusal naming the parameter.
 */
function readQueryParameters(query: string): QueryParameters {
  const parameters = new Map<string, { readonly name: string; readonly value: string }>();
  const pairs = query.split('&').filter((pair) => pair !== '');
  const isMalformed = pairs.some((pair) => pair.includes(';'));
  if (isMalformed) throw refusal('query is malformed');
  for (const pair of pairs) {
    const [rawName = '', ...rest] = pair.split('=');
    const name = unescape(rawName.replaceAll('+', ' '));
    const value = unescape(rest.join('=').replaceAll('+', ' '));
    const lower = name.toLowerCase();
    if (!ALLOWED.has(lower)) throw refusal(`query parameter ${JSON.stringify(name)} is not allowed`);
    if (parameters.has(lower)) throw refusal(`query parameter ${JSON.stringify(name)} is there twice`);
    parameters.set(lower, { name, value });
  }
  return parameters;
}

function unescape(text: string): string {
  if (/%(?![\dA-Fa-f]{2})/u.test(text)) throw refusal(`escape in ${JSON.stringify(text)} is malformed`);
  const bytes = text.replaceAll(/%(..)/gu, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Milliseconds since the epoch of `20261123T150000Z`; Go also takes parts of a second, and rolls nothing over. */
function readDate(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:[.,](\d{1,9}))?Z$/u, '$1-$2-$3T$4:$5:$6Z');
  const time = iso === text ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso.replace('Z', '.000Z')) {
    throw refusal('x-amz-date is not a date');
  }
  return time;
}
