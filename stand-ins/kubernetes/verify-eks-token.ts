import { readEksToken } from './read-eks-token.ts';
import type { AwsCaller } from './verify-identity-request.ts';
import { verifyIdentityRequest } from './verify-identity-request.ts';

/** What a token is checked against. */
export interface EksTokenCheck {
  readonly clusterId: string;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly callers: readonly AwsCaller[];
}

/**
 * Finds out whose token it is, by the rules of aws-iam-authenticator and, in place of the call to STS, by computing the
 * signature again.
 * @throws EksTokenRefusal naming the rule.
 */
export function verifyEksToken(token: string, check: EksTokenCheck): AwsCaller {
  return verifyIdentityRequest(readEksToken(token, check), check);
}
