import * as git from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Fixture } from './github-fixture.ts';
import { FLEET, startFixture } from './github-fixture.ts';

let fixture: Fixture;
let folder: string;
let token: string;

beforeAll(async () => {
  fixture = await startFixture();
  folder = await mkdtemp(path.join(tmpdir(), 'tidegate-git-'));
  token = fixture.github.createToken({ login: 'mona' });
});
afterAll(async () => {
  await fixture.github.settle();
  await fixture.github.close();
  await rm(folder, { recursive: true });
});

function run(cwd: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const who = ['-c', 'user.name=mona', '-c', 'user.email=mona@example.com', '-c', 'credential.helper='];
  const env = { PATH: process.env['PATH'], GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null', HOME: folder };
  const child = spawn('git', [...who, ...args], { cwd, env });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString() }));
  });
}

function cloneUrl(repository: string, secret = token): string {
  return `${fixture.github.url.replace('http://', `http://x-access-token:${secret}@`)}/acme/${repository}.git`;
}

describe('git over HTTP', () => {
  it('clones, and a push is told as the push of its user', async () => {
    const { github } = fixture;
    const clone = path.join(folder, 'clone');
    expect((await run(folder, 'clone', cloneUrl('fleet'), clone)).code).toBe(0);
    await writeFile(path.join(clone, 'pushed.yaml'), 'pushed: 1\n');
    await run(clone, 'add', '.');
    await run(clone, 'commit', '-m', 'Pushed');
    github.addHook('acme/fleet', { url: 'http://127.0.0.1:9/nobody', events: ['push'] });
    expect(await run(clone, 'push', 'origin', 'main')).toMatchObject({ code: 0 });
    expect(await github.readFile('acme/fleet', 'main', 'pushed.yaml')).toBe('pushed: 1\n');
    await github.settle();
    expect(github.deliveries('push').at(-1)?.payload).toMatchObject({
      ref: 'refs/heads/main',
      pusher: { name: 'mona' },
    });
    expect(github.counters.count('git receive-pack')).toBe(3);
  });

  it.each(['protocol.version=2', 'protocol.version=1', 'protocol.version=0'])(
    'fetches one commit deep with %s',
    async (protocol) => {
      const clone = path.join(folder, protocol);
      await fixture.github.commitFiles('acme/fleet', 'main', { [`${protocol}.txt`]: 'x\n' }, 'Deeper', 'mona');
      expect(await run(folder, '-c', protocol, 'clone', '--depth=1', cloneUrl('fleet'), clone)).toMatchObject({
        code: 0,
      });
      expect((await run(clone, 'rev-list', '--count', 'HEAD')).output.trim()).toBe('1');
    },
  );

  it('a public repository is read by anyone and written by no one unknown', async () => {
    const clone = path.join(folder, 'public');
    expect((await run(folder, 'clone', `${fixture.github.url}/acme/open.git`, clone)).code).toBe(0);
    await run(clone, 'commit', '--allow-empty', '-m', 'Anonymous');
    expect((await run(clone, 'push', 'origin', 'main')).code).not.toBe(0);
    expect((await run(folder, 'clone', `${fixture.github.url}/acme/fleet.git`, path.join(folder, 'no'))).code).not.toBe(
      0,
    );
  });

  it('an installation token that may only read cannot push, and one of another repository sees nothing', async () => {
    const { asApp, installation } = fixture;
    const mint = async (repository: string, level: 'read' | 'write'): Promise<string> => {
      const made = await asApp.request('POST /app/installations/{installation_id}/access_tokens', {
        installation_id: installation.id,
        repositories: [repository],
        permissions: { contents: level },
      });
      return made.data.token;
    };
    const clone = path.join(folder, 'narrow');
    expect((await run(folder, 'clone', cloneUrl('fleet', await mint('fleet', 'read')), clone)).code).toBe(0);
    await run(clone, 'commit', '--allow-empty', '-m', 'Not mine');
    expect((await run(clone, 'push', 'origin', 'main')).output).toContain('403');
    expect((await run(clone, 'push', cloneUrl('fleet', await mint('fleet', 'write')), 'main')).code).toBe(0);
    const other = cloneUrl('fleet', await mint('secrets', 'write'));
    expect((await run(folder, 'ls-remote', other)).code).not.toBe(0);
  });

  it('isomorphic-git lists refs and fetches one commit deep', async () => {
    const { github } = fixture;
    const url = `${github.url}/acme/fleet.git`;
    const onAuth = (): { username: string; password: string } => ({ username: 'x-access-token', password: token });
    const refs = await git.listServerRefs({ http, url, onAuth, prefix: 'refs/heads/main', protocolVersion: 2 });
    const head = await github.head('acme/fleet', 'main');
    expect(refs.find((ref) => ref.ref === 'refs/heads/main')?.oid).toBe(head);
    const dir = path.join(folder, 'isomorphic');
    await git.clone({ fs, http, dir, url, onAuth, depth: 1, singleBranch: true, ref: 'main' });
    expect((await git.log({ fs, dir })).map((entry) => entry.oid)).toEqual([head]);
    expect(await readFile(path.join(dir, 'other.yaml'), 'utf8')).toBe('a: 1\n');
  });

  it('a pull request is pushed, merged by push, and fetched by number', async () => {
    const { github, octokit } = fixture;
    const clone = path.join(folder, 'by-push');
    await run(folder, 'clone', cloneUrl('fleet'), clone);
    await run(clone, 'switch', '-c', 'topic');
    await run(clone, 'commit', '--allow-empty', '-m', 'Topic');
    await run(clone, 'push', 'origin', 'topic');
    const { data } = await octokit.request('POST /repos/{owner}/{repo}/pulls', {
      ...FLEET,
      title: 'T',
      head: 'topic',
      base: 'main',
    });
    expect((await run(clone, 'fetch', 'origin', `refs/pull/${data.number}/head`)).code).toBe(0);
    await run(clone, 'push', 'origin', 'topic:main');
    const merged = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
      ...FLEET,
      pull_number: data.number,
    });
    expect(merged.data).toMatchObject({ merged: true, merge_commit_sha: await github.head('acme/fleet', 'main') });
  });
});

it('everything that was answered above is as GitHub describes it', async () => {
  await fixture.github.settle();
  expect(fixture.github.violations).toEqual([]);
});
