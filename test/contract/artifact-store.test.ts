import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskArtifactStore } from '#shared/adapters/artifacts/disk-artifact-store.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import { artifactDigest } from '#shared/source/artifact.ts';

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

const BYTES = new Uint8Array(Buffer.from('an artifact'));
const DIGEST = artifactDigest(BYTES);

describe.each([['on disk', onDisk]])('an artifact store %s', (_name, start) => {
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
