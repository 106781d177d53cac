import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { sweepDiskArtifacts } from '#shared/adapters/disk/sweep-disk-artifacts.ts';
import { artifactDigest } from '#shared/sources/artifact.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-sweep-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function store(text: string, ageMs: number): Promise<string> {
  const bytes = Buffer.from(text);
  const digest = artifactDigest(bytes);
  await createDiskArtifactStore(folder).put(digest, bytes);
  await age(`${digest.slice('sha256:'.length)}.tar`, ageMs);
  return digest;
}

async function age(name: string, ageMs: number): Promise<void> {
  const at = (Date.now() - ageMs) / 1000;
  await utimes(join(folder, name), at, at);
}

it('deletes old artifacts that no head names, half-written files, and nothing else', async () => {
  const head = await store('the head', 5_000);
  await store('old', 5_000);
  const young = await store('young', 0);
  await writeFile(join(folder, '.half.tmp'), '');
  await age('.half.tmp', 5_000);
  await writeFile(join(folder, 'notes.txt'), 'not ours');
  await age('notes.txt', 5_000);

  const deleted = await sweepDiskArtifacts(folder, { keep: new Set([head]), olderThanMs: 1_000, now: Date.now() });

  const names = [head, young].map((digest) => `${digest.slice('sha256:'.length)}.tar`);
  expect(deleted).toBe(2);
  expect((await readdir(folder)).toSorted()).toEqual([...names, 'notes.txt'].toSorted());
});

it('has nothing to do before the first artifact is stored', async () => {
  const options = { keep: new Set<string>(), olderThanMs: 0, now: Date.now() };

  expect(await sweepDiskArtifacts(join(folder, 'missing'), options)).toBe(0);
});
