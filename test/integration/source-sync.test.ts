import type { SQSEvent } from 'aws-lambda';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { createSourceSyncHandler } from '#functions/source-sync/handler.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createTextLogger } from '#shared/adapters/log/text-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { EventRecord, RequestRecord, SourceHead, StatusRecord } from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { DEFAULT_SOURCE_LIMITS, unpackArtifact } from '#shared/sources/artifact.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';
import { startGitHttpServer, type GitHttpServer } from '#test/contract/git-http-server.ts';

import { recordFluxObjects } from './record-flux-objects.ts';

const MINUTE = 60_000;

let folder: string;
let server: GitHttpServer;
let journal: Journal;
let artifacts: ArtifactStore;
let closeDatabase: () => void;
let gitRemote: GitRemote;
let now: number;
let lines: string[];
let githubApiUrl: string;
/** What is left of the time that the run may take. */
let leftMs: () => number;

beforeEach(async () => {
  lines = [];
  leftMs = () => 180_000;
  folder = await mkdtemp(join(tmpdir(), 'tidegate-source-sync-'));
  server = await startGitHttpServer();
  githubApiUrl = `${server.url}/api/v3`;
  gitRemote = createIsomorphicGitRemote({ version: '0.0.0-test' });
  now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now };
  const database = openSqliteDatabase(folder);
  closeDatabase = () => database.close();
  journal = createSqliteJournal(database, clock);
  artifacts = createDiskArtifactStore(join(folder, 'artifacts'));
});

afterEach(async () => {
  closeDatabase();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function settings(...clusters: readonly string[]): Settings {
  return {
    installation: 'default',
    configRepository: { url: `${server.url}/acme/fleet.git`, branch: 'main' },
    github: { apiUrl: `${server.url}/api/v3`, webhookSecret: 'webhook', branchPrefix: 'tidegate/' },
    registries: { ecr: [] },
    statuses: { withheldPrune: 'pending' },
    clusters: clusters.map((name) => ({
      name,
      path: `./clusters/${name}`,
      target: { kind: 'kubeconfig', context: name },
      pruneGuard: { maxObjects: 5, maxPercent: 20 },
    })),
    serve: { address: '127.0.0.1', port: 0, stateFolder: folder, secretsFolder: folder, tickSeconds: 60 },
  };
}

/** Lets the next sync ask the server, and stops it before it does anything with the answer. */
function pauseAfterNextLook(): { readonly reached: Promise<void>; readonly resume: () => void } {
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const remote = gitRemote;
  gitRemote = {
    ...remote,
    listRefs: async (request) => {
      gitRemote = remote;
      const refs = await remote.listRefs(request);
      reached.resolve();
      await resumed.promise;
      return refs;
    },
  };
  return { reached: reached.promise, resume: resumed.resolve };
}

/** Sends messages as SQS would, all of one group, and returns the ids that are handed back. */
async function send(
  clusters: readonly string[],
  ...messages: readonly (WorkMessage | string)[]
): Promise<readonly string[]> {
  const handle = createSourceSyncHandler({
    settings: settings(...clusters),
    journal,
    artifacts,
    gitRemote,
    credentials: { forSource: () => Promise.resolve(server.credentials) },
    clock: { now: () => now, sleep: () => Promise.resolve() },
    githubApiUrl,
    limits: DEFAULT_SOURCE_LIMITS,
    tickMs: MINUTE,
    log: createTextLogger({
      level: 'debug',
      color: false,
      knownSecrets: [],
      now: () => now,
      write: (line) => lines.push(line),
    }),
  });
  const { batchItemFailures } = await handle(batch(messages), { getRemainingTimeInMillis: () => leftMs() });
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

function batch(messages: readonly (WorkMessage | string)[]): SQSEvent {
  return {
    Records: messages.map((message, index) => ({
      messageId: String(index),
      receiptHandle: String(index),
      body: typeof message === 'string' ? message : JSON.stringify(message),
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '0',
        SenderId: 'x',
        ApproximateFirstReceiveTimestamp: '0',
        MessageGroupId: 'sources',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:source-sync.fifo',
      awsRegion: 'eu-west-1',
    })),
  };
}

function artifactPath(digest: string | undefined): string {
  return join(folder, 'artifacts', `${(digest ?? '').slice('sha256:'.length)}.tar`);
}

/** A server that takes requests and answers none. */
async function startSilentServer(): Promise<{ readonly url: string; readonly asked: () => readonly string[] }> {
  const asked: string[] = [];
  const silent = createServer(({ method, url = '' }) => void asked.push(`${method} ${url.split('?', 1)[0]}`));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  onTestFinished(async () => {
    silent.closeAllConnections();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked: () => [...asked] };
}

function tick(): WorkMessage {
  return { type: 'Tick', id: String(now) };
}

function pushed(repository: string, ref = 'refs/heads/main'): WorkMessage {
  return { type: 'RepositoryPushed', repository, ref, after: '0'.repeat(40), deliveryId: 'd' };
}

async function head(cluster: string, name = 'flux-system'): Promise<SourceHead | undefined> {
  const record = await journal.read(cluster, `head/GitRepository/flux-system/${name}`);
  return record?.type === 'SourceHead' ? record : undefined;
}

async function status(cluster: string, name = 'flux-system'): Promise<StatusRecord | undefined> {
  const record = await journal.read(cluster, `status/GitRepository/flux-system/${name}`);
  return record?.type === 'Status' ? record : undefined;
}

async function events(cluster: string): Promise<readonly string[]> {
  const records = await journal.list(cluster, 'event/');
  return records
    .filter((record): record is EventRecord => record.type === 'Event')
    .map(({ reason, message }) => `${reason}: ${message}`);
}

async function requests(cluster: string): Promise<readonly RequestRecord[]> {
  return (await journal.list(cluster, 'request/')).filter((record) => record.type === 'Request');
}

async function artifactFiles(digest: string | undefined): Promise<readonly string[]> {
  return [...(await unpackArtifact(await artifacts.get(digest ?? ''), DEFAULT_SOURCE_LIMITS)).keys()];
}

function repository(name: string, extra: Partial<GitRepository> = {}): GitRepository {
  return {
    namespace: 'flux-system',
    name,
    url: `${server.url}/acme/${name}.git`,
    intervalMs: 10 * MINUTE,
    timeoutMs: 5000,
    ref: { branch: 'main' },
    suspend: false,
    ...extra,
  };
}

async function instruct(cluster: string, ...gitRepositories: readonly GitRepository[]): Promise<void> {
  const none = { imageRepositories: [], imagePolicies: [], imageUpdateAutomations: [] };
  await recordFluxObjects(journal, { cluster, revision: 'main@sha1:x', gitRepositories, ...none });
}

describe('source-sync', () => {
  it('stores the configuration repository for every cluster with one fetch, and asks each to reconcile', async () => {
    const oid = await server.commit('acme/fleet', { 'clusters/a/app.yaml': 'a', 'logo.png': 'x' });
    expect(await send(['a', 'b'], tick())).toEqual([]);
    for (const cluster of ['a', 'b']) {
      const stored = await head(cluster);
      expect(stored).toMatchObject({ revision: `main@sha1:${oid}`, url: `${server.url}/acme/fleet.git` });
      expect(await artifactFiles(stored?.digest)).toEqual(['clusters/a/app.yaml']);
      expect((await status(cluster))?.conditions).toEqual([
        {
          type: 'Ready',
          status: 'True',
          reason: 'Succeeded',
          message: `stored artifact for revision 'main@sha1:${oid}'`,
          lastTransitionTime: now,
        },
      ]);
      expect(await events(cluster)).toEqual([`NewArtifact: stored artifact for revision 'main@sha1:${oid}'`]);
      expect(await requests(cluster)).toMatchObject([
        { queue: `reconcile/${cluster}`, group: cluster, message: { type: 'Reconcile', cluster } },
      ]);
    }
    expect(server.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
  });

  it('costs one request and says nothing new while nothing changes', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    server.requests.length = 0;
    for (let minute = 1; minute <= 3; minute += 1) {
      now += MINUTE - 500;
      await send(['a'], tick());
    }
    expect(server.requests).toEqual(Array.from({ length: 3 }, () => 'GET /acme/fleet.git/info/refs'));
    expect((await status('a'))?.observedAt).toBe(now);
    expect(await events('a')).toHaveLength(1);
    expect(await requests('a')).toHaveLength(1);
  });

  it('follows a push, told in whatever case, and a duplicate of it changes nothing', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    now += 1000;
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'b' });
    const push = pushed(`${server.url}/Acme/Fleet`);
    expect(await send(['a'], push, push, push)).toEqual([]);
    expect((await head('a'))?.revision).toBe(`main@sha1:${oid}`);
    expect(await requests('a')).toHaveLength(2);
  });

  it('reads nothing for a push to another branch or repository', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    server.requests.length = 0;
    await send(['a'], pushed(`${server.url}/acme/fleet`, 'refs/heads/other'), pushed(`${server.url}/acme/fleet2`));
    expect(server.requests).toEqual([]);
  });

  it('keeps the artifact, but not the revision, when a commit leaves the tree as it was', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    const before = await head('a');
    now += MINUTE;
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'a', 'picture.png': 'new' });
    await send(['a'], tick());
    expect(await head('a')).toMatchObject({ revision: `main@sha1:${oid}`, digest: before?.digest });
    expect(await requests('a')).toHaveLength(2);
  });

  it('reads what the Flux objects declare; the root keeps the address of the settings but takes ignore', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a', 'notes.md': 'n' });
    const podinfo = await server.commit('acme/podinfo', { 'kustomize/app.yaml': 'p' });
    await server.git('acme/podinfo', 'tag', '-a', '6.7.0', '-m', 'x', podinfo);
    await server.git('acme/podinfo', 'tag', '-a', '6.8.0-rc.1', '-m', 'x', podinfo);
    const hijack = repository('flux-system', { url: 'https://evil.example/x', ref: { tag: 'x' }, ignore: '*.md' });
    await instruct('a', hijack, repository('podinfo', { ref: { semver: '6.x' } }));
    await send(['a'], tick());
    expect((await head('a', 'podinfo'))?.revision).toBe(`6.7.0@sha1:${podinfo}`);
    expect(await artifactFiles((await head('a'))?.digest)).toEqual(['app.yaml']);
  });

  it('reads a source again, due or not, when it is told to read something else', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await server.commit('acme/podinfo', { 'app.yaml': 'p', 'notes.md': 'n' });
    await instruct('a', repository('podinfo'));
    await send(['a'], tick());
    await instruct('a', repository('podinfo', { ignore: '*.md' }));
    now += 1000;
    await send(['a'], tick());
    expect(await artifactFiles((await head('a', 'podinfo'))?.digest)).toEqual(['app.yaml']);
  });

  it('leaves a suspended source alone, whoever asks', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await server.commit('acme/podinfo', { 'app.yaml': 'p' });
    await instruct('a', repository('podinfo', { suspend: true }));
    await send(['a'], tick(), pushed(`${server.url}/acme/podinfo`));
    const source = { cluster: 'a', kind: 'GitRepository', namespace: 'flux-system', name: 'podinfo' } as const;
    await send(['a'], { type: 'SyncSource', source });
    expect(server.requests.filter((request) => request.includes('podinfo'))).toEqual([]);
    expect(await head('a', 'podinfo')).toBeUndefined();
    expect((await status('a', 'podinfo'))?.suspended).toBe(true);
  });

  it('makes the artifact of a suspended source anew when it is gone, from the commit where it stays', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    const oid = await server.commit('acme/podinfo', { 'app.yaml': 'old' });
    await instruct('a', repository('podinfo'));
    await send(['a'], tick());
    await instruct('a', repository('podinfo', { suspend: true }));
    await send(['a'], tick());
    const before = await head('a', 'podinfo');
    await server.commit('acme/podinfo', { 'app.yaml': 'new' });
    await rm(artifactPath(before?.digest));
    const asked = (await requests('a')).length;
    now += MINUTE;

    const source = { cluster: 'a', kind: 'GitRepository', namespace: 'flux-system', name: 'podinfo' } as const;
    expect(await send(['a'], { type: 'SyncSource', source })).toEqual([]);

    expect(await head('a', 'podinfo')).toEqual({ ...before, observedAt: now });
    expect(before?.revision).toBe(`main@sha1:${oid}`);
    expect(await artifactFiles(before?.digest)).toEqual(['app.yaml']);
    expect(await requests('a')).toHaveLength(asked + 1);
    expect((await status('a', 'podinfo'))?.suspended).toBe(true);
  });

  it('looks once a day after each artifact in use, and says which one is gone', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    const digest = (await head('a'))?.digest ?? '';
    await instruct('a', repository('flux-system', { suspend: true }));
    await send(['a'], tick());
    await rm(artifactPath(digest));
    lines.splice(0);

    // The first tick goes on from where the one of before was; then a day, most of whose ticks are missed.
    await send(['a'], tick());
    lines.splice(0);
    const start = now;
    for (const minutes of [1, 400, 401, 900, 1440]) {
      now = start + minutes * MINUTE;
      await send(['a'], tick());
    }

    expect(lines.filter((line) => line.includes('artifact in use is gone'))).toEqual([expect.stringContaining(digest)]);
  });

  it('says that Flux objects cannot be read whole, and reads those that can', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await instruct('a', repository('podinfo'), repository('other'));
    const [podinfo] = await journal.list('a', 'instruction/GitRepository/flux-system/podinfo/');
    const key = podinfo === undefined ? '' : journalKey(podinfo).key;
    await journal.write([{ type: 'Tombstone', partition: 'a', key, at: now }]);

    await send(['a'], tick());

    expect(lines.join('')).toContain('Flux objects cannot be read whole');
    expect(await head('a')).toBeDefined();
    expect(await status('a', 'podinfo')).toBeUndefined();
    expect(await status('a', 'other')).toBeDefined();
  });

  it('lets one broken source of several hurt no other, and tells of it once', async () => {
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await instruct(
      'a',
      repository('missing'),
      repository('ssh', { url: 'ssh://git@gitlab.com/a/b' }),
      repository('branchless', { url: `${server.url}/acme/fleet.git`, ref: { branch: 'mian' } }),
    );
    await send(['a'], tick());
    now += 15 * MINUTE;
    await send(['a'], tick());
    expect((await head('a'))?.revision).toBe(`main@sha1:${oid}`);
    expect((await events('a')).filter((event) => !event.startsWith('NewArtifact')).sort()).toEqual([
      expect.stringMatching(/^GitOperationFailed: branch "mian" is not in .*; the nearest is "main"$/),
      expect.stringMatching(/^GitOperationFailed: .*acme\/missing\.git answered 404/),
      expect.stringMatching(/^URLInvalid: .*write https:\/\/gitlab\.com\/a\/b$/),
    ]);
    expect((await status('a', 'missing'))?.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Ready=False',
      'Stalled=True',
    ]);
  });

  it('hands a push back while the server is down, keeps the old head, and recovers', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    const before = await head('a');
    now += 1000;
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'b' });
    server.fault = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    const push = pushed(`${server.url}/acme/fleet`);
    expect(await send(['a'], push, tick())).toEqual(['0', '1']);
    now += 1000;
    expect(await send(['a'], push)).toEqual(['0']);
    expect(await send(['a'], tick())).toEqual([]);
    expect(await head('a')).toEqual(before);
    expect((await status('a'))?.conditions).toMatchObject([{ type: 'Ready', status: 'False' }]);
    expect(await events('a')).toHaveLength(2);
    server.fault = undefined;
    now += 1000;
    expect(await send(['a'], push)).toEqual([]);
    expect((await head('a'))?.revision).toBe(`main@sha1:${oid}`);
    expect((await status('a'))?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  });

  it('says once that a source recovered which stands where it stood', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    server.fault = (request) => {
      request.socket.destroy();
      return true;
    };
    now += MINUTE;
    await send(['a'], tick());
    server.fault = undefined;
    now += 1000;
    await send(['a'], tick());
    now += MINUTE;
    await send(['a'], tick());
    expect((await events('a')).map((event) => event.split(':')[0])).toEqual([
      'NewArtifact',
      'GitOperationFailed',
      'Succeeded',
    ]);
    expect(await requests('a')).toHaveLength(1);
  });

  it('stores an artifact again that is gone from the store', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    await rm(join(folder, 'artifacts'), { recursive: true });
    now += MINUTE;
    await send(['a'], tick());
    expect(await artifactFiles((await head('a'))?.digest)).toEqual(['app.yaml']);
  });

  it('is not set back by a look that began before a push and ends after it', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await send(['a'], tick());
    const { reached, resume } = pauseAfterNextLook();
    now += MINUTE;
    const slow = send(['a'], tick());
    await reached;
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'b' });
    await send(['a'], pushed(`${server.url}/acme/fleet`));

    resume();
    expect(await slow).toEqual([]);

    expect((await head('a'))?.revision).toBe(`main@sha1:${oid}`);
    expect((await status('a'))?.lastAppliedRevision).toBe(`main@sha1:${oid}`);
  });

  it('follows the branch when a look that saw less is recorded first, whatever the clocks say', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    const { reached, resume } = pauseAfterNextLook();
    const older = send(['a', 'b'], tick());
    await reached;
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'b' });
    now -= MINUTE;
    await send(['a', 'b'], pushed(`${server.url}/acme/fleet`));

    resume();
    await older;

    for (const cluster of ['a', 'b']) expect((await head(cluster))?.revision).toBe(`main@sha1:${oid}`);
  });

  it('drops what is no work message and goes on', async () => {
    const oid = await server.commit('acme/fleet', { 'app.yaml': 'a' });
    expect(await send(['a'], 'nonsense', '{"type":"Nope"}', tick())).toEqual([]);
    expect((await head('a'))?.revision).toBe(`main@sha1:${oid}`);
    expect(lines.filter((line) => line.includes('message dropped'))).toHaveLength(2);
    expect(lines.join('')).not.toContain('nonsense');
  });

  it('asks a host that hangs for one source a tick, says so of its others, and reads every other source', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await server.commit('acme/last', { 'app.yaml': 'a' });
    const hung = await startSilentServer();
    const hanging = Array.from({ length: 12 }, (_, index) =>
      repository(`hangs-${index}`, { url: `${hung.url}/acme/${index}.git`, timeoutMs: 300 }),
    );
    await instruct('a', ...hanging, repository('last'));

    await send(['a'], tick());
    const firstAsked = hung.asked();
    now += MINUTE;
    await send(['a'], tick());

    expect(firstAsked).toEqual(['GET /acme/0.git/info/refs']);
    // Those that were not asked keep their turn.
    expect(hung.asked().slice(1)).toEqual(['GET /acme/1.git/info/refs']);
    expect(await head('a', 'last')).toBeDefined();
    const conditions = await Promise.all(hanging.map(async ({ name }) => (await status('a', name))?.conditions[0]));
    expect(conditions[0]).toMatchObject({
      status: 'False',
      message: `${hung.url}/acme/0.git did not answer within 0.3 s`,
    });
    expect(conditions[11]).toMatchObject({
      status: 'False',
      reason: 'GitOperationFailed',
      message: `host ${new URL(hung.url).host} does not answer, and is asked for one source at a time until it does`,
    });
    // Said once, however many ticks it lasts.
    expect((await events('a')).filter((event) => event.includes('does not answer'))).toHaveLength(11);
  });

  it('stops when its time is up, and begins the next time with what it did not reach', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `app-${index}`);
    for (const name of ['fleet', ...names]) await server.commit(`acme/${name}`, { 'app.yaml': 'a' });
    await instruct('a', ...names.map((name) => repository(name, { intervalMs: MINUTE })));
    const slow = gitRemote;
    gitRemote = {
      ...slow,
      listRefs: async (request) => {
        now += 1_000;
        return slow.listRefs(request);
      },
    };
    const run = async (): Promise<readonly string[]> => {
      const end = now + 20_000;
      leftMs = () => end - now;
      server.requests.length = 0;
      await send(['a'], tick());
      expect(now).toBeLessThan(end);
      now += MINUTE;
      const asked = server.requests.flatMap((request) => /^GET \/acme\/(?<name>[\w-]+)\.git/u.exec(request)?.[1] ?? []);
      return [...new Set(asked)];
    };

    const [first, second, third] = [await run(), await run(), await run()];

    expect(first.length).toBeLessThan(11);
    expect(new Set([...first, ...second, ...third])).toEqual(new Set(['fleet', ...names]));
  });

  it('waits for one source no longer than half of its time, whatever spec.timeout says', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    await instruct('a', repository('slow', { timeoutMs: 60 * MINUTE }));
    const asked: number[] = [];
    const remote = gitRemote;
    gitRemote = {
      ...remote,
      listRefs: (request) => {
        if (request.url.includes('slow')) asked.push(request.timeoutMs);
        return remote.listRefs(request);
      },
    };

    await send(['a'], tick());

    expect(asked).toEqual([85_000]);
  });

  it('hands a push back that it has no time for', async () => {
    await server.commit('acme/fleet', { 'app.yaml': 'a' });
    leftMs = () => 14_000;
    server.requests.length = 0;

    expect(await send(['a'], pushed(`${server.url}/acme/fleet`))).toEqual(['0']);
    expect(server.requests).toEqual([]);
  });

  describe('tells of a missed webhook', () => {
    const linesOf = (missed: boolean): readonly string[] =>
      lines.filter((line) => new RegExp(`source (?:not )?read.*missedWebhook.{1,3}${missed}`, 'u').test(line));
    const isTold = (): boolean => linesOf(true).length > 0;

    beforeEach(async () => {
      server.credentials = { username: 'x-access-token', password: 'swordfish' };
      await server.commit('acme/fleet', { 'app.yaml': 'a', 'notes.md': 'n' });
      await send(['a'], tick());
      now += MINUTE;
    });

    const push = () => server.commit('acme/fleet', { 'app.yaml': 'b', 'notes.md': 'n' });

    it('when a tick finds a push that nobody told of, once', async () => {
      expect(isTold()).toBe(false);
      await push();

      await send(['a'], tick());

      expect(linesOf(true)).toHaveLength(1);
      now += MINUTE;
      await send(['a'], tick());
      expect(linesOf(true)).toHaveLength(1);
      expect(linesOf(false)).toEqual([]);
    });

    it('and of each that arrives, also where a tick was faster or the server does not answer', async () => {
      await push();
      await send(['a'], tick());
      await send(['a'], pushed(`${server.url}/acme/fleet`));
      server.fault = (_request, response) => {
        response.writeHead(503).end();
        return true;
      };
      await send(['a'], pushed(`${server.url}/acme/fleet`));
      server.fault = undefined;

      expect(linesOf(true)).toHaveLength(1);
      expect(linesOf(false)).toHaveLength(2);
    });

    it.each<[string, () => Promise<unknown>]>([
      [
        'a webhook told of the push',
        async () => {
          await push();
          await send(['a'], pushed(`${server.url}/acme/fleet`));
        },
      ],
      ['nobody pushed', async () => {}],
      [
        'the source is told to read something else',
        () => instruct('a', repository('fleet', { name: 'flux-system', ignore: '*.md' })),
      ],
      ['a source is new', () => instruct('a', repository('fleet'))],
      ['the artifact is gone', () => rm(join(folder, 'artifacts'), { recursive: true })],
      [
        'the server did not answer when the webhook told',
        async () => {
          await push();
          server.fault = (_request, response) => {
            response.writeHead(503).end();
            return true;
          };
          await send(['a'], pushed(`${server.url}/acme/fleet`));
          server.fault = undefined;
        },
      ],
      [
        'the source was suspended when the webhook told',
        async () => {
          await instruct('a', repository('fleet', { name: 'flux-system', suspend: true }));
          await send(['a'], tick());
          await push();
          await send(['a'], pushed(`${server.url}/acme/fleet`));
          await instruct('a', repository('fleet', { name: 'flux-system' }));
        },
      ],
      [
        'the repository is read as anybody reads it, and so has no webhook of ours',
        async () => {
          await push();
          server.credentials = undefined;
        },
      ],
    ])('but not when %s', async (_when, happen) => {
      await happen();
      now += MINUTE;

      await send(['a'], tick());

      expect(isTold()).toBe(false);
      expect((await status('a'))?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
    });

    it('but not when the repository is of another host than our GitHub', async () => {
      await push();
      githubApiUrl = 'https://api.github.com';

      await send(['a'], tick());

      expect(isTold()).toBe(false);
    });
  });
});
