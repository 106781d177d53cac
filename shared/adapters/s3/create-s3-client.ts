import { S3Client } from '@aws-sdk/client-s3';

/** A client with the region and the credentials of the environment, patient enough for an artifact of 64 MiB. */
export function createS3Client(): S3Client {
  return new S3Client({
    maxAttempts: 6,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
  });
}
