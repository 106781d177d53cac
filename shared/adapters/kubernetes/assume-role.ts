import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import type { AwsCredentials } from './eks-token.ts';

/** The shortest session that STS gives. */
const SESSION_MS = 15 * 60_000;
/** A token signed with these serves for ten minutes, and not a moment longer than they do. */
const RENEW_BEFORE_MS = 11 * 60_000;

/** A role of another account whose access entry a cluster has. */
export interface AssumeRoleOptions {
  /** `arn:aws:iam::123456789012:role/tidegate-production`. */
  readonly roleArn: string;
  /** Stands in CloudTrail and in the cluster's audit log. */
  readonly sessionName: string;
  readonly region: string;
  readonly now: () => number;
  /** By default a client of the region with the credentials of the environment. */
  readonly client?: STSClient;
}

/** Credentials of an assumed role, 15 minutes each, taken anew before they end. */
export function assumeRole(options: AssumeRoleOptions): () => Promise<AwsCredentials> {
  const { roleArn, sessionName, now, client = createDefaultClient(options.region) } = options;
  let last: { readonly credentials: AwsCredentials; readonly endsAt: number } | undefined;
  return async () => {
    if (last !== undefined && now() < last.endsAt - RENEW_BEFORE_MS) return last.credentials;
    const askedAt = now();
    const credentials = await assume(client, roleArn, sessionName);
    last = { credentials, endsAt: askedAt + SESSION_MS };
    return credentials;
  };
}

function createDefaultClient(region: string): STSClient {
  return new STSClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}

async function assume(client: STSClient, roleArn: string, sessionName: string): Promise<AwsCredentials> {
  const command = new AssumeRoleCommand({
    RoleArn: roleArn,
    // STS allows these characters and 64 of them.
    RoleSessionName: sessionName.replaceAll(/[^\w+=,.@-]/gu, '-').slice(0, 64),
    DurationSeconds: SESSION_MS / 1000,
  });
  let answer;
  try {
    answer = await client.send(command);
  } catch (error) {
    throw explainFailure(roleArn, error);
  }
  const { AccessKeyId, SecretAccessKey, SessionToken } = answer.Credentials ?? {};
  if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
    throw explainFailure(roleArn, new Error('STS answered without credentials'));
  }
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

function explainFailure(roleArn: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const message =
    classifyAwsFailure(cause) === 'denied'
      ? `role ${roleArn} may not be assumed (${word}): grant sts:AssumeRole on it, and trust this role in its trust policy`
      : `role ${roleArn} could not be assumed (${word}): it is tried again`;
  return new TidegateError('AuthenticationFailed', message, { disposition: 'retry', subject: roleArn, cause });
}
