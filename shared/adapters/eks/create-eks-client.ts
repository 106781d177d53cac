import { EKSClient } from '@aws-sdk/client-eks';

/** A client with the credentials of the environment, for a person who waits. */
export function createEksClient(region: string): EKSClient {
  return new EKSClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}
