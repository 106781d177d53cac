import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startFunction, type LambdaFunction } from '#stand-ins/lambda/start-function.ts';
import { startGitHttpServer, type GitHttpServer } from '#test/contract/git-http-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const MEGABYTE = 1024 * 1024;
/** What the template gives source-sync. */
const MEMORY_MB = 1024;
/** Of the 64 that a source may hold; nothing of it can be compressed. */
const FILES = 8;
const FILE_MB = 7;

/** source-sync over real parts; Lambda's bundle differs in where journal and artifacts are. */
const HANDLER = `
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
const load = (path) => import(join(${JSON.stringify(ROOT)}, path));
const { createSourceSyncHandler } = await load('functions/source-sync/handler.ts');
const { createDiskArtifactStore } = await load('shared/adapters/disk/disk-artifact-store.ts');
const { createIsomorphicGitRemote } = await load('shared/adapters/git/isomorphic-git-remote.ts');
const { createSqliteJournal } = await load('shared/adapters/sqlite/sqlite-journal.ts');
const { openSqliteDatabase } = await load('shared/adapters/sqlite/sqlite-database.ts');
const { systemClock } = await load('shared/adapters/clock/system-clock.ts');
const { DEFAULT_SOURCE_LIMITS } = await load('shared/sources/artifact.ts');
const { FOLDER, GIT } = process.env;
const journal = createSqliteJournal(openSqliteDatabase(FOLDER), systemClock);
const gitRepositories = Array.from({ length: 4 }, (_, index) => ({
  namespace: 'flux-system', name: 'large-' + index, url: GIT + '/acme/large.git', ref: { branch: 'main' },
  intervalMs: 60_000, timeoutMs: 150_000, suspend: false, ignore: '/small-' + index + '.txt',
}));
const none = { imageRepositories: [], imagePolicies: [], imageUpdateAutomations: [] };
await journal.write([{ type: 'Instructions', fluxObjects: { cluster: 'a', revision: 'main@sha1:x', gitRepositories, ...none } }]);
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };
const handle = createSourceSyncHandler({
  settings: { configRepository: { url: GIT + '/acme/fleet.git', branch: 'main' }, clusters: [{ name: 'a' }] },
  tickMs: 60_000, gitRemote: createIsomorphicGitRemote({ version: '0.0.0' }), journal,
  artifacts: createDiskArtifactStore(join(FOLDER, 'artifacts')), credentials: { forSource: async () => undefined },
  clock: systemClock, githubApiUrl: 'https://api.github.com', limits: DEFAULT_SOURCE_LIMITS, log,
});
export async function handler(event, context) {
  const body = JSON.stringify({ type: 'Tick', id: '1' });
  await handle({ Records: [{ messageId: '1', body, attributes: { MessageGroupId: 'tick' } }] }, context);
  const statuses = await journal.list('a', 'status/GitRepository/');
  return statuses.map(({ object, conditions }) => object.name + ' ' + conditions[0].reason + ': ' + conditions[0].message);
}`;

describe('source-sync in the memory that Lambda gives it', () => {
  let folder: string;
  let git: GitHttpServer;
  let sync: LambdaFunction;
  let commit: string;

  beforeAll(async () => {
    git = await startGitHttpServer();
    folder = await mkdtemp(join(tmpdir(), 'large-sources-'));
    await writeFile(join(folder, 'index.mjs'), HANDLER);
    await git.commit('acme/fleet', { 'app.yaml': 'a' });
    const large = Array.from({ length: FILES }, (_, index) => [`data-${index}.bin`, randomBytes(FILE_MB * MEGABYTE)]);
    const small = Array.from({ length: 4 }, (_, index) => [`small-${index}.txt`, 'x']);
    commit = await git.commit('acme/large', Object.fromEntries([...large, ...small]));
    // Or it would compress in vain for every fetch.
    await git.git('acme/large', '-c', 'core.compression=0', 'repack', '-adFq');
    sync = startFunction({
      name: 'source-sync',
      taskRoot: folder,
      handler: 'index.handler',
      environment: { FOLDER: folder, GIT: git.url },
      reserved: {},
      timeoutMs: 180_000,
      memoryMb: MEMORY_MB,
    });
  }, 60_000);
  afterAll(async () => {
    await sync?.stop();
    await git?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('stores four sources near the largest that are allowed in one tick', { timeout: 180_000 }, async () => {
    const invocation = await sync.invoke({});

    expect(invocation).toMatchObject({ outcome: 'answered' });
    const stored = `Succeeded: stored artifact for revision 'main@sha1:${commit}'`;
    expect('payload' in invocation && invocation.payload).toEqual([
      expect.stringMatching(/^flux-system Succeeded/u),
      ...Array.from({ length: 4 }, (_, index) => `large-${index} ${stored}`),
    ]);
    expect(sync.peakMemory()).toBeLessThan(0.9 * MEMORY_MB * MEGABYTE);
  });
});
