import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { bundleFunctions } from '#infra/bundle-functions.ts';
import { readInstallation } from '#infra/read-installation.ts';
import { CLUSTER_FILE, parseClusterFile } from '#shared/settings/cluster-file.ts';

import { EXAMPLE_SETTINGS } from './synthesize.ts';

const MAX_WEBHOOK_BYTES = 100_000;

const installation = await readInstallation(EXAMPLE_SETTINGS);

interface BuiltFile {
  readonly name: string;
  readonly bytes: Buffer;
}

async function buildInto(folder: string): Promise<readonly BuiltFile[]> {
  await bundleFunctions({ installation, folder });
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })));
}

function describeFiles(files: readonly BuiltFile[]): readonly string[] {
  return files.map(({ name, bytes }) => `${name} ${createHash('sha256').update(bytes).digest('hex')}`);
}

let folders: readonly string[];
let first: readonly BuiltFile[];
let second: readonly BuiltFile[];

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'tidegate-bundle-'));
  folders = [join(root, 'one'), join(root, 'deeper', 'still')];
  [first = [], second = []] = await Promise.all(folders.map(buildInto));
  await rm(root, { recursive: true, force: true });
});

test('two builds in different folders are the same bytes, and nothing of this machine is in them', () => {
  expect(describeFiles(second)).toEqual(describeFiles(first));
  expect(first.filter(({ name }) => name.endsWith('/index.mjs'))).toHaveLength(6);
  const local = [process.cwd(), process.cwd().slice(1), ...folders];
  const telling = first.filter(({ bytes }) => local.some((path) => bytes.includes(path)));
  expect(telling.map(({ name }) => name)).toEqual([]);
});

test('each reconcile has its own cluster beside its code, and the settings of no other', () => {
  const beside = first.filter(({ name }) => name.endsWith(`/${CLUSTER_FILE}`));
  const found = beside.map(({ name, bytes }) => [name, parseClusterFile(bytes.toString('utf8'))] as const);
  expect(found.map(([name, { cluster, eks }]) => [name, cluster.name, cluster.namespaces, eks.name])).toEqual([
    ['reconcile-production/cluster.json', 'production', undefined, 'prod'],
    ['reconcile-staging/cluster.json', 'staging', ['apps', 'team-b'], 'staging'],
  ]);
  expect(first.filter(({ name }) => /^reconcile-.*tidegate\.yaml$/u.test(name))).toEqual([]);
});

test('the webhook is small enough to start at once', () => {
  const webhook = first.find(({ name }) => name === 'github-webhook/index.mjs');

  expect(webhook?.bytes.byteLength).toBeLessThan(MAX_WEBHOOK_BYTES);
});
