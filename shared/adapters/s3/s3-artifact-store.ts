import type { S3Client } from '@aws-sdk/client-s3';
import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import { artifactDigest } from '#shared/sources/artifact.ts';

import { createS3Client } from './create-s3-client.ts';

const ATTEMPTS = 5;
const PAUSE_MS = 100;
/** An artifact in use is copied onto itself at this age: the bucket's lifecycle counts from the creation of a version. */
export const RENEW_AFTER_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Which bucket holds the artifacts. */
export interface S3ArtifactStoreOptions {
  readonly bucket: string;
  /** By default a client with the region and the credentials of the environment. */
  readonly client?: S3Client;
  /** By default the system's: how old an artifact is. */
  readonly now?: () => number;
}

/**
 * Artifacts as objects named after their digest: `artifacts/sha256/<hex>`. Written once; S3 checks what it receives
 * against the digest, and what is read is checked again.
 */
export function createS3ArtifactStore(options: S3ArtifactStoreOptions): ArtifactStore {
  const { bucket: Bucket, client = createS3Client(), now = Date.now } = options;

  /** What S3 knows of what is stored; undefined when nothing is. */
  async function findStored(digest: string): Promise<Stored | undefined> {
    const command = new HeadObjectCommand({ Bucket, Key: keyOf(digest), ChecksumMode: 'ENABLED' });
    try {
      const { ChecksumSHA256: checksum, LastModified } = await client.send(command);
      return { checksum, storedAt: LastModified?.getTime() ?? now() };
    } catch (error) {
      if (classifyAwsFailure(error) === 'missing') return undefined;
      throw explainFailure(Bucket, digest, 's3:GetObject and s3:ListBucket', error);
    }
  }

  async function write(digest: string, bytes: Uint8Array, condition: { IfNoneMatch?: '*' }): Promise<Written> {
    const checksum = { ChecksumAlgorithm: 'SHA256', ChecksumSHA256: base64Of(digest) } as const;
    const object = { Bucket, Key: keyOf(digest), Body: bytes, ...checksum, ...condition };
    try {
      await client.send(new PutObjectCommand(object));
      return 'written';
    } catch (error) {
      const word = nameAwsFailure(error);
      if (word === 'PreconditionFailed') return 'exists';
      if (word === 'ConditionalRequestConflict') return 'conflict';
      throw explainFailure(Bucket, digest, 's3:PutObject', error);
    }
  }

  /** Begins the life of what is old anew; not of what has just come to its end. */
  async function renew(digest: string, { storedAt }: Stored): Promise<boolean> {
    if (now() - storedAt < RENEW_AFTER_DAYS * DAY_MS) return true;
    const Key = keyOf(digest);
    const copy = { Bucket, Key, CopySource: `${Bucket}/${Key}`, ChecksumAlgorithm: 'SHA256' } as const;
    try {
      await client.send(new CopyObjectCommand({ ...copy, MetadataDirective: 'REPLACE' }));
      return true;
    } catch (error) {
      if (nameAwsFailure(error) === 'NoSuchKey') return false;
      throw explainFailure(Bucket, digest, 's3:GetObject and s3:PutObject', error);
    }
  }

  return {
    has: async (digest) => isWhole(digest, await findStored(digest)),

    keep: async (digest) => {
      const stored = await findStored(digest);
      return stored !== undefined && (await renew(digest, stored));
    },

    put: async (digest, bytes) => {
      keyOf(digest);
      const actual = artifactDigest(bytes);
      if (actual !== digest) {
        throw failed(`artifact ${digest} was to be stored with bytes of digest ${actual}`, 'stall');
      }
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const outcome = await write(digest, bytes, { IfNoneMatch: '*' });
        if (outcome === 'written') return;
        if (outcome === 'exists') {
          const stored = await findStored(digest);
          // Nobody may have named it for months: whoever stores it is about to.
          if (stored?.checksum === base64Of(digest) && (await renew(digest, stored))) return;
          // Somebody put other bytes there: they are replaced by the right ones.
          if (stored !== undefined && stored.checksum !== base64Of(digest)) {
            if ((await write(digest, bytes, {})) === 'written') return;
          }
        }
        await sleep(PAUSE_MS * attempt);
      }
      throw failed(`artifact ${digest} is being written by others and was not stored: it is tried again`, 'retry');
    },

    get: async (digest) => {
      const command = new GetObjectCommand({ Bucket, Key: keyOf(digest) });
      let bytes: Uint8Array | undefined;
      try {
        bytes = await (await client.send(command)).Body?.transformToByteArray();
      } catch (error) {
        if (nameAwsFailure(error) === 'NoSuchKey') throw failed(`artifact ${digest} is not stored`, 'retry', error);
        throw explainFailure(Bucket, digest, 's3:GetObject and s3:ListBucket', error);
      }
      const found = bytes ?? new Uint8Array();
      const actual = artifactDigest(found);
      if (actual !== digest) throw failed(`artifact ${digest} is damaged: its bytes have digest ${actual}`, 'retry');
      return found;
    },
  };
}

interface Stored {
  readonly checksum: string | undefined;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
}

/** Bytes that S3 knows to be others are as good as none: source-sync replaces them. */
function isWhole(digest: string, stored: Stored | undefined): boolean {
  return stored !== undefined && (stored.checksum === undefined || stored.checksum === base64Of(digest));
}

type Written = 'written' | 'exists' | 'conflict';

function hexOf(digest: string): string {
  const hex = /^sha256:(?<hex>[0-9a-f]{64})$/u.exec(digest)?.groups?.['hex'];
  if (hex === undefined) {
    throw failed(`artifact digest ${JSON.stringify(digest.slice(0, 100))} is not sha256:<64 hex digits>`, 'stall');
  }
  return hex;
}

function keyOf(digest: string): string {
  return `artifacts/sha256/${hexOf(digest)}`;
}

function base64Of(digest: string): string {
  return Buffer.from(hexOf(digest), 'hex').toString('base64');
}

function explainFailure(bucket: string, digest: string, right: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  switch (classifyAwsFailure(cause)) {
    case 'denied':
      return failed(`bucket ${bucket} refuses us artifact ${digest} (${word}): grant ${right} on it`, 'retry', cause);
    case 'missing':
      return failed(`bucket ${bucket} for artifact ${digest} does not exist: deploy it`, 'retry', cause);
    case 'transient':
      return failed(
        `bucket ${bucket} does not answer for artifact ${digest} (${word}): it is tried again`,
        'retry',
        cause,
      );
  }
}

function failed(message: string, disposition: 'retry' | 'stall', cause?: unknown): TidegateError {
  return new TidegateError('ArtifactFailed', message, { disposition, cause });
}
