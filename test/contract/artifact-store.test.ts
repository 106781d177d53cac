import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createS3ApplyRecords } from '#shared/adapters/s3/s3-apply-records.ts';
import { createS3ArtifactStore } from '#shared/adapters/s3/s3-artifact-store.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import { artifactDigest } from '#shared/sources/artifact.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

interface Adapter {
  readonly store: ArtifactStore;
  damage(digest: string): Promise<void>;
  stop(): Promise<void>;
}

async function onDisk(): Promise<Adapter & { readonly folder: string }> {
  const root = await mkdtemp(join(tmpdir(), 'tidegate-artifacts-'));
  const folder = join(root, 'artifacts');
  return {
    folder,
    store: createDiskArtifactStore(folder),
    async damage(digest) {
      const path = join(folder, `${digest.slice('sha256:'.length)}.tar`);
      const bytes = await readFile(path);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      await writeFile(path, bytes);
    },
    stop: () => rm(root, { recursive: true, force: true }),
  };
}

let moto: RunningMoto;
let client: S3Client;
let buckets = 0;

beforeAll(async () => {
  moto = await startMoto();
  const { url: endpoint, region, credentials } = moto;
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 3 });
});

afterAll(async () => {
  client?.destroy();
  await moto?.stop();
});

async function inS3(): Promise<Adapter & { readonly bucket: string }> {
  buckets += 1;
  const bucket = `artifacts-${buckets}`;
  await client.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
  );
  return {
    bucket,
    store: createS3ArtifactStore({ bucket, client }),
    async damage(digest) {
      const Key = `artifacts/sha256/${digest.slice('sha256:'.length)}`;
      await client.send(
        new PutObjectCommand({ Bucket: bucket, Key, Body: 'other bytes', ChecksumAlgorithm: 'SHA256' }),
      );
    },
    stop: async () => {},
  };
}

const BYTES = new Uint8Array(Buffer.from('an artifact'));
const DIGEST = artifactDigest(BYTES);

describe.each([
  ['on disk', onDisk],
  ['in S3', inS3],
])('an artifact store %s', (_name, start) => {
  let adapter: Adapter;
  beforeEach(async () => {
    adapter = await start();
  });
  afterEach(async () => {
    await adapter.stop();
  });

  it('gives back what was put, however often', async () => {
    expect(await adapter.store.has(DIGEST)).toBe(false);
    await adapter.store.put(DIGEST, BYTES);
    await adapter.store.put(DIGEST, BYTES);
    expect(await adapter.store.has(DIGEST)).toBe(true);
    expect(await adapter.store.get(DIGEST)).toEqual(BYTES);
  });

  it('takes the same artifact from many writers at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => adapter.store.put(DIGEST, BYTES)));
    expect(await adapter.store.get(DIGEST)).toEqual(BYTES);
  });

  it('keeps what is in use, and says what is not there to be kept', async () => {
    expect(await adapter.store.keep(DIGEST)).toBe(false);
    await adapter.store.put(DIGEST, BYTES);

    expect(await adapter.store.keep(DIGEST)).toBe(true);
    expect(await adapter.store.get(DIGEST)).toEqual(BYTES);
  });

  it('holds an artifact of no bytes', async () => {
    const none = new Uint8Array();
    await adapter.store.put(artifactDigest(none), none);
    expect(await adapter.store.get(artifactDigest(none))).toEqual(none);
  });

  it('says when there is no such artifact', async () => {
    await expect(adapter.store.get(DIGEST)).rejects.toMatchObject({
      code: 'ArtifactFailed',
      message: `artifact ${DIGEST} is not stored`,
    });
  });

  it('never gives out bytes of another digest, and heals when they are put again', async () => {
    await adapter.store.put(DIGEST, BYTES);
    await adapter.damage(DIGEST);
    await expect(adapter.store.get(DIGEST)).rejects.toMatchObject({ code: 'ArtifactFailed' });
    await adapter.store.put(DIGEST, BYTES);
    expect(await adapter.store.get(DIGEST)).toEqual(BYTES);
  });

  it('refuses bytes under a digest that is not theirs', async () => {
    await expect(adapter.store.put(DIGEST, new Uint8Array([1]))).rejects.toMatchObject({ code: 'ArtifactFailed' });
    expect(await adapter.store.has(DIGEST)).toBe(false);
  });

  it.each([
    '',
    'sha256:',
    '../../etc/passwd',
    `sha256:../${'a'.repeat(61)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'A'.repeat(64)}`,
  ])('refuses %j as a digest', async (digest) => {
    await expect(adapter.store.has(digest)).rejects.toMatchObject({ code: 'ArtifactFailed', disposition: 'stall' });
    await expect(adapter.store.get(digest)).rejects.toMatchObject({ code: 'ArtifactFailed', disposition: 'stall' });
    await expect(adapter.store.put(digest, BYTES)).rejects.toMatchObject({ code: 'ArtifactFailed' });
  });
});

describe('the store on disk', () => {
  it('leaves no temporary file behind', async () => {
    const adapter = await onDisk();
    await Promise.all(Array.from({ length: 5 }, () => adapter.store.put(DIGEST, BYTES)));
    expect(await readdir(adapter.folder)).toEqual([`${DIGEST.slice('sha256:'.length)}.tar`]);
    await adapter.stop();
  });
});

describe('the store in S3', () => {
  let bucket: string;
  let store: ArtifactStore;
  const path = `artifacts/sha256/${DIGEST.slice('sha256:'.length)}`;
  const fail = (operation: string, status: number, code: string, times: number, afterwards = false): Promise<void> =>
    moto.injectFault({ operation: `${operation} /${bucket}/${path}`, status, code, message: 'no', afterwards, times });

  beforeEach(async () => {
    ({ bucket, store } = await inS3());
  });

  it('writes an object once, and leaves it as it is when it is put again', async () => {
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await store.put(DIGEST, BYTES);
    await Promise.all([store.put(DIGEST, BYTES), store.put(DIGEST, BYTES)]);
    const { Versions } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(Versions).toHaveLength(1);
  });

  it('begins the life of an artifact in use anew at 30 days, and not before', async () => {
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const versions = async () => (await client.send(new ListObjectVersionsCommand({ Bucket: bucket }))).Versions ?? [];
    const later = (days: number) =>
      createS3ArtifactStore({ bucket, client, now: () => Date.now() + days * 24 * 60 * 60 * 1000 });
    await store.put(DIGEST, BYTES);

    await later(29).keep(DIGEST);
    expect(await versions()).toHaveLength(1);
    await later(31).keep(DIGEST);

    expect((await versions()).filter(({ IsLatest }) => IsLatest === false)).toHaveLength(1);
    expect(await store.has(DIGEST)).toBe(true);
    expect(await store.get(DIGEST)).toEqual(BYTES);
  });

  it('begins the life of an old artifact anew when it is stored again, before anything names it', async () => {
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await store.put(DIGEST, BYTES);
    const now = (): number => Date.now() + 89 * 24 * 60 * 60 * 1000;

    await createS3ArtifactStore({ bucket, client, now }).put(DIGEST, BYTES);

    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(Versions).toHaveLength(2);
    expect(await store.get(DIGEST)).toEqual(BYTES);
  });

  it('takes an artifact that has other bytes for none', async () => {
    await store.put(DIGEST, BYTES);
    const other = { Bucket: bucket, Key: path, Body: 'other bytes', ChecksumAlgorithm: 'SHA256' } as const;
    await client.send(new PutObjectCommand(other));

    expect(await store.has(DIGEST)).toBe(false);
  });

  it('comes through slow-downs, failures, conflicts and an answer that was lost', async () => {
    await fail('PUT', 503, 'SlowDown', 1);
    await fail('PUT', 409, 'ConditionalRequestConflict', 2);
    await fail('PUT', 500, 'InternalError', 1, true);
    await store.put(DIGEST, BYTES);
    await fail('GET', 503, 'SlowDown', 2);
    expect(await store.get(DIGEST)).toEqual(BYTES);
  });

  it('asks for another try when S3 stays overloaded', async () => {
    await fail('PUT', 503, 'SlowDown', 3);
    await expect(store.put(DIGEST, BYTES)).rejects.toMatchObject({
      code: 'ArtifactFailed',
      disposition: 'retry',
      message: expect.stringContaining('SlowDown'),
    });
    expect(await store.has(DIGEST)).toBe(false);
  });

  it('looks whether an artifact is there through slow-downs, and never takes a failure for an absence', async () => {
    await store.put(DIGEST, BYTES);
    await fail('HEAD', 503, 'SlowDown', 2);
    expect(await store.has(DIGEST)).toBe(true);

    await fail('HEAD', 503, 'SlowDown', 3);
    await expect(store.has(DIGEST)).rejects.toMatchObject({ code: 'ArtifactFailed', disposition: 'retry' });
  });

  it('puts what is there already through slow-downs, and writes it no second time', async () => {
    await store.put(DIGEST, BYTES);
    await fail('PUT', 409, 'ConditionalRequestConflict', 1);
    await fail('HEAD', 503, 'SlowDown', 2);
    const before = (await moto.countRequests())[`PUT /${bucket}/${path}`] ?? 0;

    await store.put(DIGEST, BYTES);

    // The conflict, and the one that found it written.
    expect((await moto.countRequests())[`PUT /${bucket}/${path}`]).toBe(before + 2);
  });

  it('gives up on an artifact that others never cease to write, and says so', async () => {
    await fail('PUT', 409, 'ConditionalRequestConflict', 5);
    await expect(store.put(DIGEST, BYTES)).rejects.toMatchObject({
      code: 'ArtifactFailed',
      disposition: 'retry',
      message: expect.stringContaining('is being written by others'),
    });
  });

  it('says which right is missing, and which bucket', async () => {
    await fail('PUT', 403, 'AccessDenied', 1);
    await expect(store.put(DIGEST, BYTES)).rejects.toThrow(`bucket ${bucket} refuses us`);
    await fail('HEAD', 403, 'AccessDenied', 1);
    await expect(store.has(DIGEST)).rejects.toThrow(/refuses us .*grant s3:GetObject and s3:ListBucket on it/u);
    await fail('GET', 403, 'AccessDenied', 1);
    await expect(store.get(DIGEST)).rejects.toThrow(/refuses us .*grant s3:GetObject and s3:ListBucket on it/u);
    const nowhere = createS3ArtifactStore({ bucket: 'nowhere', client });
    await expect(nowhere.get(DIGEST)).rejects.toThrow('bucket nowhere for artifact');
  });
});

describe.each([
  ['on disk', async () => diskApplyRecords(await mkdtemp(join(tmpdir(), 'tidegate-records-')))],
  ['in S3', async () => createS3ApplyRecords({ bucket: (await inS3()).bucket, client })],
])('apply records %s', (_name, open) => {
  it('are loaded as they were saved last, each cluster its own, and not at all before', async () => {
    const records = await open();
    expect(await records.load('a/b')).toBeUndefined();
    await records.save('a/b', Buffer.from('first'));
    await records.save('a/b', Buffer.from('second'));
    await records.save('a', Buffer.from('other'));
    expect(Buffer.from((await records.load('a/b')) ?? []).toString()).toBe('second');
    expect(Buffer.from((await records.load('a')) ?? []).toString()).toBe('other');
  });
});

describe('apply records in S3', () => {
  it('are as if there were none when they cannot be read, and say so when they cannot be written', async () => {
    const records = createS3ApplyRecords({ bucket: 'nowhere', client });
    expect(await records.load('laptop')).toBeUndefined();
    await expect(records.save('laptop', BYTES)).rejects.toMatchObject({
      disposition: 'retry',
      message: expect.stringContaining('NoSuchBucket'),
    });
  });

  it('are saved through slow-downs and a lost answer, and are to be saved again when S3 stays overloaded', async () => {
    const { bucket } = await inS3();
    const records = createS3ApplyRecords({ bucket, client });
    const fail = (code: string, status: number, times: number, afterwards = false): Promise<void> =>
      moto.injectFault({
        operation: `PUT /${bucket}/records/laptop.json`,
        status,
        code,
        message: 'no',
        afterwards,
        times,
      });
    await fail('SlowDown', 503, 1);
    await fail('InternalError', 500, 1, true);
    await records.save('laptop', BYTES);
    expect(await records.load('laptop')).toEqual(BYTES);

    await fail('SlowDown', 503, 3);
    await expect(records.save('laptop', Buffer.from('later'))).rejects.toMatchObject({
      code: 'RecordsUnavailable',
      disposition: 'retry',
    });
    expect(await records.load('laptop')).toEqual(BYTES);
  });

  it('are as if there were none, for one run, when S3 is overloaded: objects are applied again', async () => {
    const { bucket } = await inS3();
    const records = createS3ApplyRecords({ bucket, client });
    await records.save('laptop', BYTES);
    const operation = `GET /${bucket}/records/laptop.json`;
    await moto.injectFault({ operation, status: 503, code: 'SlowDown', message: 'no', times: 3 });

    expect(await records.load('laptop')).toBeUndefined();
    expect(await records.load('laptop')).toEqual(BYTES);
  });
});
