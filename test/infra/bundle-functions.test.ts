import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundleFunctions } from '#infra/bundle-functions.ts';

const MAX_WEBHOOK_BYTES = 100_000;

interface BuiltFile {
  readonly name: string;
  readonly bytes: Buffer;
}

async function buildInto(folder: string): Promise<readonly BuiltFile[]> {
  await bundleFunctions({ settings: 'configRepository: {}\n', folder });
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })));
}

function describeFiles(files: readonly BuiltFile[]): readonly string[] {
  return files.map(({ name, bytes }) => `${name} ${createHash('sha256').update(bytes).digest('hex')}`);
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bundle-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('two builds in different folders are the same bytes, and nothing of this machine is in them', async () => {
  const folders = [await makeFolder(), join(await makeFolder(), 'deeper', 'still')] as const;

  const first = await buildInto(folders[0]);
  const second = await buildInto(folders[1]);

  expect(describeFiles(second)).toEqual(describeFiles(first));
  expect(first.filter(({ name }) => name.endsWith('/index.mjs'))).toHaveLength(5);
  const local = [process.cwd(), process.cwd().slice(1), ...folders];
  const telling = first.filter(({ bytes }) => local.some((path) => bytes.includes(path)));
  expect(telling.map(({ name }) => name)).toEqual([]);
});

test('the webhook is small enough to start at once', async () => {
  const files = await buildInto(await makeFolder());

  const webhook = files.find(({ name }) => name === 'github-webhook/index.mjs');

  expect(webhook?.bytes.byteLength).toBeLessThan(MAX_WEBHOOK_BYTES);
});
