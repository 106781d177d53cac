import type { S3Client } from '@aws-sdk/client-s3';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ApplyRecords } from '#shared/ports/apply-records.ts';

import { createS3Client } from './create-s3-client.ts';

/** Which bucket holds the apply records. */
export interface S3ApplyRecordsOptions {
  readonly bucket: string;
  /** By default a client with the region and the credentials of the environment. */
  readonly client?: S3Client;
}

/**
 * Apply records as objects, `records/<cluster>.json`. The last writer wins: only the holder of the cluster's lease
 * writes, and a record of an older run costs no more than a few applies that change nothing.
 */
export function createS3ApplyRecords(options: S3ApplyRecordsOptions): ApplyRecords {
  const { bucket: Bucket, client = createS3Client() } = options;
  return {
    load: async (cluster) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: keyOf(cluster) }));
        return await Body?.transformToByteArray();
      } catch {
        return undefined;
      }
    },
    save: async (cluster, bytes) => {
      const object = { Bucket, Key: keyOf(cluster), Body: bytes, ContentType: 'application/json' };
      try {
        await client.send(new PutObjectCommand(object));
      } catch (error) {
        const right = classifyAwsFailure(error) === 'denied' ? ': grant s3:PutObject on it' : '';
        throw new TidegateError(
          'RecordsUnavailable',
          `bucket ${Bucket} does not take the apply record of cluster ${cluster} (${nameAwsFailure(error)})${right}`,
          { disposition: 'retry', subject: cluster, cause: error },
        );
      }
    },
  };
}

function keyOf(cluster: string): string {
  return `records/${encodeURIComponent(cluster)}.json`;
}
