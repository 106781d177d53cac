import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startGitHub } from '#stand-ins/github/start-github.ts';

import type { Fixture } from './github-fixture.ts';
import { asUser, FLEET, openPull, refusal, startFixture } from './github-fixture.ts';

const REPOSITORY = '/repos/{owner}/{repo}';

let fixture: Fixture;
let now = Date.now();
beforeAll(async () => {
  fixture = await startFixture({ now: () => new Date(now) });
});
afterEach(() => {
  fixture.github.faults.clear();
});
afterAll(async () => {
  await fixture.github.close();
});

describe('what costs a request', () => {
  it('an answer that did not change is a 304 and is not counted', async () => {
    const { octokit, github } = fixture;
    const first = await octokit.request(`GET ${REPOSITORY}/branches`, FLEET);
    const etag = first.headers.etag ?? '';
    expect(etag).toMatch(/^W\/"/);
    const again = octokit.request(`GET ${REPOSITORY}/branches`, { ...FLEET, headers: { 'if-none-match': etag } });
    expect((await refusal(again)).status).toBe(304);
    const limit = await octokit.request('GET /rate_limit');
    expect(limit.data.rate.used).toBe(Number(first.headers['x-ratelimit-used']));
    expect(github.counters.statuses()[`GET ${REPOSITORY}/branches 304`]).toBe(1);
    await github.commitFiles('acme/fleet', 'another', { 'x.yaml': '1\n' }, 'Another', 'mona');
    const changed = await octokit.request(`GET ${REPOSITORY}/branches`, {
      ...FLEET,
      headers: { 'if-none-match': etag },
    });
    expect(changed.status).toBe(200);
  });

  it('the primary limit refuses until its hour is over', async () => {
    const { github } = fixture;
    const client = asUser(github, 'hasty');
    github.rateLimits.configure({ perHour: 2 });
    await client.request(`GET ${REPOSITORY}`, FLEET);
    const last = await client.request(`GET ${REPOSITORY}`, FLEET);
    expect(last.headers['x-ratelimit-remaining']).toBe('0');
    expect(await refusal(client.request(`GET ${REPOSITORY}`, FLEET))).toMatchObject({
      status: 403,
      message: expect.stringContaining('API rate limit exceeded'),
    });
    now += 3_601_000;
    expect((await client.request(`GET ${REPOSITORY}`, FLEET)).status).toBe(200);
    github.rateLimits.configure({ perHour: 5000 });
  });

  it('the secondary limit counts five for a write and says when to come back', async () => {
    const { github } = fixture;
    const client = asUser(github, 'writer');
    github.rateLimits.configure({ pointsPerMinute: 5 });
    await client.request(`POST ${REPOSITORY}/git/blobs`, { ...FLEET, content: 'x' });
    const answer = await fetch(`${github.apiUrl}/repos/acme/open`);
    expect(answer.status).toBe(200);
    const refused = await refusal(client.request(`GET ${REPOSITORY}`, FLEET));
    expect(refused).toMatchObject({ status: 403, message: expect.stringContaining('secondary rate limit') });
    github.rateLimits.configure({ pointsPerMinute: Infinity });
  });

  it.each([
    [{ status: 429 }, 429, 'secondary', '60'],
    [{ status: 403, saysRetryAfter: false }, 403, 'secondary', null],
  ] as const)(
    '%j: the secondary limit may come as another status, or without an end',
    async (style, status, words, end) => {
      const { github } = fixture;
      github.rateLimits.configure({ pointsPerMinute: 0, ...style });
      const headers = { authorization: `token ${github.createToken({ login: `${status}-${end}` })}` };
      const answer = await fetch(`${github.apiUrl}/repos/acme/fleet`, { headers });
      const body = (await answer.json()) as { message: string };
      github.rateLimits.configure({ pointsPerMinute: Infinity, status: 403, saysRetryAfter: true });

      expect(answer.status).toBe(status);
      expect(body.message).toContain(words);
      expect(answer.headers.get('retry-after')).toBe(end);
      expect(answer.headers.get('x-ratelimit-remaining')).not.toBe('0');
    },
  );

  it.each([
    ['primary', { perHour: 0 }, 200, 'RATE_LIMITED', /API rate limit exceeded/u],
    ['primary', { perHour: 0, graphqlType: 'RATE_LIMIT' }, 200, 'RATE_LIMIT', /API rate limit exceeded/u],
    ['secondary', { pointsPerMinute: 0 }, 200, undefined, /secondary rate limit/u],
    ['secondary', { pointsPerMinute: 0, graphqlStatus: 403 }, 403, undefined, /secondary rate limit/u],
  ] as const)(
    'the %s limit over GraphQL, as %j, is a %i and says what it is',
    async (limit, style, status, type, words) => {
      const { github } = fixture;
      github.rateLimits.configure(style);
      const answer = await fetch(github.graphqlUrl, {
        method: 'POST',
        headers: { authorization: `token ${github.createToken({ login: `graphql-${limit}-${status}-${type}` })}` },
        body: JSON.stringify({ query: '{ viewer { login } }' }),
      });
      const text = await answer.text();
      github.rateLimits.configure({
        perHour: 5000,
        pointsPerMinute: Infinity,
        graphqlStatus: 200,
        graphqlType: 'RATE_LIMITED',
      });

      expect(answer.status).toBe(status);
      expect(text).toMatch(words);
      const { errors } = JSON.parse(text) as { errors?: { type?: string }[] };
      expect(errors?.[0]?.type).toBe(type);
      expect(answer.headers.get('x-ratelimit-remaining') === '0').toBe(limit === 'primary');
      expect(answer.headers.get('x-ratelimit-resource')).toBe('graphql');
    },
  );

  it('an installation token ends after an hour', async () => {
    const { asApp, installation, github } = fixture;
    now = Date.now();
    const { data } = await asApp.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: installation.id,
    });
    const headers = { authorization: `token ${data.token}` };
    expect((await fetch(`${github.apiUrl}/repos/acme/fleet`, { headers })).status).toBe(200);
    now += 3_600_000;
    expect((await fetch(`${github.apiUrl}/repos/acme/fleet`, { headers })).status).toBe(401);
    now = Date.now();
  });
});

describe('faults', () => {
  it('a status is answered in place of the nth request, so many times', async () => {
    const { github } = fixture;
    const client = asUser(github, 'mona');
    const fault = github.faults.add({
      method: 'GET',
      path: REPOSITORY,
      nth: 2,
      times: 2,
      fault: { status: 502, body: '<html>' },
    });
    const statuses: number[] = [];
    for (let at = 0; at < 4; at += 1) {
      const request = client.request(`GET ${REPOSITORY}`, FLEET);
      statuses.push(
        await request.then(
          ({ status }) => status,
          (error: unknown) => (error as { status: number }).status,
        ),
      );
    }
    expect(statuses).toEqual([200, 502, 502, 200]);
    expect(fault.hits()).toBe(2);
  });

  it('a delay delays, and a reset resets before anything is done', async () => {
    const { github } = fixture;
    const client = asUser(github, 'mona');
    github.faults.add({ path: REPOSITORY, fault: { delayMs: 80 } });
    const started = performance.now();
    await client.request(`GET ${REPOSITORY}`, FLEET);
    expect(performance.now() - started).toBeGreaterThan(75);
    const sha = (await github.head('acme/fleet', 'main')) ?? '';
    github.faults.add({ method: 'POST', path: /git\/refs/, fault: 'reset' });
    const post = client.request(`POST ${REPOSITORY}/git/refs`, { ...FLEET, ref: 'refs/heads/reset', sha });
    await expect(post).rejects.toThrow(/fetch failed|socket|terminated|closed/i);
    expect(await github.head('acme/fleet', 'reset')).toBeNull();
  });

  it('an answer is lost after the change was made', async () => {
    const { github } = fixture;
    const client = asUser(github, 'mona');
    const sha = (await github.head('acme/fleet', 'main')) ?? '';
    github.faults.add({ method: 'POST', path: `${REPOSITORY}/git/refs`, fault: 'lose-answer' });
    const post = client.request(`POST ${REPOSITORY}/git/refs`, { ...FLEET, ref: 'refs/heads/lost', sha });
    await expect(post).rejects.toThrow(/fetch failed|socket|terminated|closed/i);
    expect(await github.head('acme/fleet', 'lost')).toBe(sha);
  });

  it('a truncated answer ends in the middle', async () => {
    const { github } = fixture;
    github.faults.add({ path: REPOSITORY, fault: 'truncate' });
    const answer = await fetch(`${github.apiUrl}/repos/acme/open`);
    await expect(answer.text()).rejects.toThrow(/terminated/);
  });

  it('an unknown route is noted', async () => {
    const { github } = fixture;
    expect((await fetch(`${github.apiUrl}/repos/acme/open/nothing`)).status).toBe(404);
    expect(github.unknownRoutes).toEqual(['GET /api/v3/repos/acme/open/nothing']);
  });
});

describe('a GitHub started again from its folder', () => {
  it('keeps repositories, pull requests, tokens and deliveries', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'tidegate-github-'));
    const first = await startFixture({ root });
    first.github.addHook('acme/fleet', { url: 'http://127.0.0.1:9/nobody' });
    const number = await openPull(first, 'kept', { 'kept.yaml': '1\n' });
    const token = first.github.createToken({ login: 'mona' });
    await first.github.settle();
    const deliveries = first.github.deliveries().map((one) => one.guid);
    await first.github.close();

    const second = await startGitHub({ root });
    expect(second.pulls('acme/fleet').map((pull) => [pull.number, pull.state])).toEqual([[number, 'open']]);
    expect(second.deliveries().map((one) => one.guid)).toEqual(deliveries);
    await second.mergePull('acme/fleet', number, 'mona');
    expect(await second.readFile('acme/fleet', 'main', 'kept.yaml')).toBe('1\n');
    const headers = { authorization: `token ${token}` };
    expect((await fetch(`${second.apiUrl}/repos/acme/fleet/pulls/${number}`, { headers })).status).toBe(200);
    await second.close();
    await rm(root, { recursive: true });
  });
});

it('everything that was answered above is as GitHub describes it', async () => {
  await fixture.github.settle();
  expect(fixture.github.violations).toEqual([]);
});
