import { SignatureV4 } from '@smithy/signature-v4';

import { Sha256 } from '#shared/adapters/signature/sha256.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

/** aws-iam-authenticator refuses longer ones; session tags and session policies make them grow. */
const MAX_TOKEN_BYTES = 4096;

/** Credentials of a role, as the AWS SDKs hand them around. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Whom a token is for and who signs it. */
export interface EksTokenRequest {
  /** The cluster's name in EKS. */
  readonly cluster: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Makes the bearer token that EKS takes: a presigned request to STS that says who the signer is. Nothing is called.
 * @throws TidegateError `EksTokenTooLarge` (stall) when the session token leaves no room.
 */
export async function createEksToken(request: EksTokenRequest): Promise<string> {
  const { cluster, region, credentials, now } = request;
  const hostname = stsHost(region);
  // No checksum and no header beyond these two: EKS refuses every query parameter that it does not know.
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256, applyChecksum: false });
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: hostname, 'x-k8s-aws-id': cluster },
    },
    { expiresIn: 60, signingDate: new Date(now) },
  );
  const query = Object.entries(signed.query ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
  const token = `k8s-aws-v1.${Buffer.from(`https://${hostname}/?${query}`).toString('base64url')}`;
  if (token.length <= MAX_TOKEN_BYTES) return token;
  throw new TidegateError(
    'EksTokenTooLarge',
    `token for cluster ${cluster} has ${token.length} bytes; EKS takes ${MAX_TOKEN_BYTES}: give the role's session fewer tags and policies`,
    { disposition: 'stall', subject: cluster },
  );
}

/** The regional endpoint of STS: the global one is another region's, and refuses the tokens of some. */
export function stsHost(region: string): string {
  if (!/^[a-z]{2}(?:-[a-z]+)+-\d$/u.test(region)) {
    throw new TidegateError(
      'RegionInvalid',
      `region ${JSON.stringify(region)} is none of AWS: write it as in eu-west-1`,
      { disposition: 'stall', subject: region },
    );
  }
  return `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}
