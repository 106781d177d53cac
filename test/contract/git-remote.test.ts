import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import type { GitFetch } from '#shared/ports/git-remote.ts';

import { splitCgi, startGitHttpServer, type GitFault, type GitHttpServer } from './git-http-server.ts';

const remote = createIsomorphicGitRemote({ version: '0.0.0-test' });
const LIMITS = { files: 1000, bytes: 5_000_000 };
let server: GitHttpServer;
let first: string;
let head: string;

beforeAll(async () => {
  server = await startGitHttpServer();
  first = await server.commit('acme/fleet', { 'old.yaml': 'old' });
  head = await server.commit('acme/fleet', {
    'app.yaml': 'kind: App\n',
    'a/b/c.yaml': 'c',
    'a/b/same.yaml': 'c',
    'bin/run': { executable: '#!/bin/sh\n' },
    'ünïcode 文.yaml': 'u',
    'empty.yaml': '',
    'link.yaml': { link: 'app.yaml' },
    'a/outside': { link: '/etc/passwd' },
  });
  await server.git('acme/fleet', 'tag', '-a', 'v1.0.0', '-m', 'One', head);
  await server.git('acme/fleet', 'tag', 'light', first);
  await server.commit('acme/empty-tree', {});
  await server.git('acme/fleet', 'init', '-q', '--bare', '../none.git');
});

afterEach(() => {
  server.fault = undefined;
  server.credentials = undefined;
});

afterAll(async () => {
  await server.stop();
});

function url(repository = 'acme/fleet'): string {
  return `${server.url}/${repository}.git`;
}

function list(repository?: string): ReturnType<typeof remote.listRefs> {
  return remote.listRefs({ url: url(repository), timeoutMs: 10_000 });
}

function fetchTree(request: Partial<GitFetch> = {}): Promise<SourceTree> {
  return remote.fetchTree({ url: url(), oid: head, timeoutMs: 10_000, limits: LIMITS, ...request });
}

function texts(tree: SourceTree): Readonly<Record<string, string>> {
  return Object.fromEntries([...tree].map(([path, file]) => [path, Buffer.from(file.bytes).toString('utf8')]));
}

const TREE = {
  'app.yaml': 'kind: App\n',
  'a/b/c.yaml': 'c',
  'a/b/same.yaml': 'c',
  'bin/run': '#!/bin/sh\n',
  'ünïcode 文.yaml': 'u',
  'empty.yaml': '',
};

describe('listing the refs of a git server', () => {
  it('tells branches, tags and the commit behind an annotated tag', async () => {
    const refs = await list();
    const annotated = await server.git('acme/fleet', 'rev-parse', 'refs/tags/v1.0.0');
    expect(refs).toEqual(
      expect.arrayContaining([
        { name: 'refs/heads/main', oid: head },
        { name: 'refs/tags/light', oid: first },
        { name: 'refs/tags/v1.0.0', oid: annotated, peeled: head },
      ]),
    );
    expect(refs.filter((ref) => ref.name.endsWith('^{}'))).toEqual([]);
  });

  it('costs one request', async () => {
    server.requests.length = 0;
    await list();
    expect(server.requests).toEqual(['GET /acme/fleet.git/info/refs']);
  });

  it('of an empty repository tells none', async () => {
    expect(await list('acme/none')).toEqual([]);
  });
});

describe("fetching a commit's tree", () => {
  it('gives its regular files, and tells what it left out', async () => {
    const leftOut: string[] = [];
    const tree = await fetchTree({ refName: 'refs/heads/main', onLeftOut: (paths) => leftOut.push(...paths) });
    expect(texts(tree)).toEqual(TREE);
    expect([...tree].filter(([, file]) => file.executable).map(([path]) => path)).toEqual(['bin/run']);
    expect(leftOut.sort()).toEqual(['a/outside', 'link.yaml']);
  });

  it.each([
    ['a branch', 'refs/heads/main'],
    ['an annotated tag', 'refs/tags/v1.0.0'],
    ['nothing but its id, when it is a tip', undefined],
    ['a ref that has moved on', 'refs/tags/light'],
  ])('works by %s', async (_case, refName) => {
    expect(texts(await fetchTree(refName === undefined ? {} : { refName }))).toEqual(TREE);
  });

  it('works for a tree without files', async () => {
    const oid = await server.git('acme/empty-tree', 'rev-parse', 'main');
    expect(texts(await fetchTree({ url: url('acme/empty-tree'), oid }))).toEqual({});
  });

  it('works for many files that are stored as differences to each other', async () => {
    const body = randomBytes(20_000).toString('hex');
    const files = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`f${index}.txt`, `${body}${index}`] as const),
    );
    const oid = await server.commit('acme/deltas', files);
    await server.git('acme/deltas', 'repack', '-adfq');
    const tree = await fetchTree({ url: url('acme/deltas'), oid, limits: { files: 300, bytes: 20_000_000 } });
    expect(texts(tree)).toEqual(files);
  });

  it('says what to do when the server does not serve a commit by itself', async () => {
    await server.git('acme/fleet', 'config', 'uploadpack.allowAnySHA1InWant', 'false');
    await expect(fetchTree({ oid: 'e'.repeat(40) })).rejects.toMatchObject({
      code: 'GitOperationFailed',
      disposition: 'stall',
      message: expect.stringMatching(/does not serve commit e{40} by itself; name a branch or tag/),
    });
  });

  it('tries again later when the ref moves while it is read', async () => {
    await expect(fetchTree({ oid: 'e'.repeat(40), refName: 'refs/heads/main' })).rejects.toMatchObject({
      disposition: 'retry',
      message: expect.stringMatching(/refs\/heads\/main moved away from e{40}/),
    });
  });

  it('sends the credentials at once, and nothing of them comes back in an error', async () => {
    server.credentials = { username: 'x-access-token', password: 'hunter2' };
    expect(texts(await fetchTree({ credentials: server.credentials }))).toEqual(TREE);
    const wrong = { username: 'x-access-token', password: 'hunter3' };
    const failure: unknown = await fetchTree({ credentials: wrong }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'AuthenticationFailed', disposition: 'stall' });
    expect(String(failure)).toMatch(/answered 401: the credentials are wrong or may not read/);
    expect(String(failure)).not.toContain('hunter3');
    await expect(list()).rejects.toThrow(/answered 401 without credentials; install the GitHub App/);
  });

  it('never hands credentials to the server it is redirected to', async () => {
    const other = await startGitHttpServer();
    const oid = await other.commit('acme/fleet', { 'moved.yaml': 'm' });
    const authorizations: unknown[] = [];
    other.fault = (request) => {
      authorizations.push(request.headers.authorization);
      return false;
    };
    server.fault = (request, response) => {
      response.writeHead(301, { location: `${other.url}${request.url ?? ''}` }).end();
      return true;
    };
    const tree = await fetchTree({ oid, credentials: { username: 'u', password: 'p' } });
    await other.stop();
    expect(texts(tree)).toEqual({ 'moved.yaml': 'm' });
    expect(authorizations).toEqual([undefined, undefined]);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://2852039166/x',
  ])(
    'refuses to follow a redirect to %s, where machines keep their credentials, and to begin there',
    async (location) => {
      server.fault = (_request, response) => {
        response.writeHead(302, { location }).end();
        return true;
      };
      for (const look of [list, () => remote.listRefs({ url: location, timeoutMs: 5000 })]) {
        await expect(look()).rejects.toMatchObject({ code: 'URLInvalid', disposition: 'stall' });
      }
    },
  );

  it('reads a server by its name, as by its address', async () => {
    const { port } = new URL(server.url);

    const refs = await remote.listRefs({ url: `http://localhost:${port}/acme/fleet`, timeoutMs: 5000 });

    expect(refs).toEqual(await list());
  });

  it.each([
    ['an endless redirect', 302, { location: '/again' }, 'stall', /redirects more than 3 times/],
    ['no repository', 404, {}, 'stall', /answered 404: there is no such repository, or/],
    ['forbidden', 403, {}, 'stall', /answered 403/],
    ['a web page', 200, { 'content-type': 'text/html' }, 'stall', /answered with text\/html instead of git/],
    ['too many requests', 429, {}, 'wait', /answered 429/],
    ['a secondary limit', 403, { 'retry-after': '60' }, 'wait', /answered 403/],
    ['a server error', 500, {}, 'retry', /answered 500/],
    ['a gateway error', 502, { 'content-type': 'text/html' }, 'retry', /answered 502/],
  ])('on %s (%i) says so and knows whether to try again', async (_case, status, headers, disposition, reason) => {
    server.fault = (_request, response) => {
      response.writeHead(status, headers).end('<html></html>');
      return true;
    };
    for (const attempt of [list(), fetchTree()]) {
      await expect(attempt).rejects.toMatchObject({ disposition, message: expect.stringMatching(reason) });
    }
  });

  it('answered with an error at any request tries again', async () => {
    server.fault = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(503).end();
      return true;
    };
    await expect(fetchTree()).rejects.toMatchObject({ code: 'GitOperationFailed', disposition: 'retry' });
  });

  it('waits no longer than it was told to', async () => {
    server.fault = () => true;
    const started = Date.now();
    await expect(fetchTree({ timeoutMs: 300 })).rejects.toMatchObject({
      disposition: 'retry',
      message: expect.stringMatching(/did not answer within 0\.3 s/),
    });
    expect(Date.now() - started).toBeLessThan(3000);
  });

  it('tries again when nobody listens', async () => {
    const gone = await startGitHttpServer();
    await gone.stop();
    await expect(remote.listRefs({ url: `${gone.url}/a/b.git`, timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'GitOperationFailed',
      disposition: 'retry',
    });
  });

  /** Git's own answer, changed by `change` before it is sent. */
  function tamper(change: (content: Buffer) => Buffer | 'reset'): GitFault {
    return (request, response, body) => {
      if (request.method !== 'POST') return false;
      void (async () => {
        const { headers, content } = splitCgi(await server.backend(request, body));
        const changed = change(content);
        if (changed === 'reset') {
          response.writeHead(200, { ...headers, 'content-length': String(content.length) });
          response.write(content.subarray(0, content.length >> 1), () => response.destroy());
        } else {
          response.writeHead(200, headers).end(changed);
        }
      })();
      return true;
    };
  }

  it.each<readonly [string, (content: Buffer) => Buffer | 'reset']>([
    ['is empty', () => Buffer.alloc(0)],
    ['is cut off in the middle', (content) => content.subarray(0, content.length >> 1)],
    ['is cut off in the first line', (content) => content.subarray(0, 3)],
    ['lacks its last ten bytes', (content) => content.subarray(0, -10)],
    ['ends with a reset', () => 'reset'],
    ['has a flipped bit in the pack', (content) => flip(content, content.indexOf('PACK') + 40)],
    ['has a flipped bit in a length', (content) => flip(content, 0)],
    ['is noise', () => randomBytes(5000)],
  ])('tries again when the answer %s', async (_case, change) => {
    server.fault = tamper(change);
    await expect(fetchTree()).rejects.toMatchObject({ code: 'GitOperationFailed', disposition: 'retry' });
    server.fault = undefined;
    expect(texts(await fetchTree())).toEqual(TREE);
  });
});

function flip(content: Buffer, at: number): Buffer {
  const flipped = Buffer.from(content);
  flipped[at] = (flipped[at] ?? 0) ^ 0x10;
  return flipped;
}

describe('a repository that is too large', () => {
  it('stops being received at the limit', async () => {
    await server.commit('acme/huge', { 'small.txt': 'small' });
    await server.git('acme/huge', 'config', 'core.compression', '0');
    const oid = await server.commit('acme/huge', { 'noise.bin': randomBytes(100 * 1024 * 1024) });
    await expect(fetchTree({ url: url('acme/huge'), oid, timeoutMs: 60_000 })).rejects.toMatchObject({
      disposition: 'stall',
      message: expect.stringMatching(/sends more than the allowed \d+ bytes/),
    });
  });

  it('is not inflated when its few bytes claim gigabytes', async () => {
    const oid = await server.commit('acme/bomb', { 'zeros.bin': '\0'.repeat(100 * 1024 * 1024) });
    await expect(fetchTree({ url: url('acme/bomb'), oid })).rejects.toMatchObject({
      disposition: 'stall',
      message: expect.stringMatching(/holds an object of 104857600 bytes/),
    });
  });

  it('is refused by the number of its files', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, String(index)] as const));
    const oid = await server.commit('acme/many', files);
    await expect(fetchTree({ url: url('acme/many'), oid, limits: { files: 29, bytes: 1000 } })).rejects.toMatchObject({
      disposition: 'stall',
      message: 'commit holds more than the allowed 29 files',
    });
    await expect(fetchTree({ url: url('acme/many'), oid, limits: { files: 30, bytes: 10 } })).rejects.toMatchObject({
      disposition: 'stall',
      message: 'commit holds more than the allowed 10 bytes of files',
    });
  });

  it('is refused when a few trees stand for a forest', async () => {
    let tree = await server.git('acme/fleet', 'rev-parse', 'light^{tree}');
    for (let depth = 0; depth < 20; depth += 1) {
      const lines = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\td${index}`);
      tree = await server.makeTree('acme/fleet', lines);
    }
    const oid = await server.git('acme/fleet', 'commit-tree', tree, '-m', 'Forest');
    await server.git('acme/fleet', 'update-ref', 'refs/heads/forest', oid);
    await expect(fetchTree({ oid, refName: 'refs/heads/forest' })).rejects.toMatchObject({
      disposition: 'stall',
      message: expect.stringMatching(/more than the allowed 1000 (?:files|folders)/),
    });
  });
});
