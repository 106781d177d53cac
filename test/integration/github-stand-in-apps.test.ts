import { Octokit } from '@octokit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RunningGitHub } from '#stand-ins/github/start-github.ts';
import { startGitHub } from '#stand-ins/github/start-github.ts';

import { refusal } from './github-fixture.ts';

const MANIFEST = {
  name: 'My App',
  url: 'https://example.com',
  redirect_url: 'http://127.0.0.1:1/created',
  hook_attributes: { url: 'https://example.com/hook' },
  default_permissions: { contents: 'write', metadata: 'read' },
  default_events: ['push'],
};

let github: RunningGitHub;
let now = new Date();

beforeAll(async () => {
  github = await startGitHub({ now: () => now });
  github.createUser({ login: 'alice' });
});

afterAll(async () => {
  await github.close();
});

async function post(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
  return await fetch(`${github.url}${path}`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
}

async function register(name: string, manifest: object = MANIFEST): Promise<URL> {
  const answer = await post('/settings/apps?state=s1', { name, manifest: JSON.stringify(manifest) });
  return new URL(answer.headers.get('location') ?? '');
}

async function convert(code: string) {
  return await new Octokit({ baseUrl: github.apiUrl }).request('POST /app-manifests/{code}/conversions', { code });
}

describe('registering an App from a manifest on the stand-in', () => {
  it('shows the form that the manifest has filled, and an empty one', async () => {
    const filled = await post('/organizations/acme/settings/apps/new?state=s1', { manifest: JSON.stringify(MANIFEST) });
    const empty = await fetch(`${github.url}/settings/apps/new`);

    expect(filled.status).toBe(200);
    expect(await filled.text()).toContain('action="/organizations/acme/settings/apps?state=s1"');
    expect(await empty.text()).toContain('Register new GitHub App');
  });

  it('sends the browser back with state and code, and hands the key over once', async () => {
    const back = await register('Once');
    const { data, status } = await convert(back.searchParams.get('code') ?? '');

    expect(back.searchParams.get('state')).toBe('s1');
    expect(status).toBe(201);
    expect(data).toMatchObject({ name: 'Once', slug: 'once', owner: { login: 'alice' }, events: ['push'] });
    expect(data?.pem).toContain('PRIVATE KEY');
    expect(data?.webhook_secret).toMatch(/^[0-9a-f]{40}$/u);
    expect(await refusal(convert(back.searchParams.get('code') ?? ''))).toMatchObject({ status: 404 });
  });

  it('makes no webhook secret for an App without a webhook', async () => {
    const { hook_attributes: _, ...manifest } = MANIFEST;
    const { data } = await convert((await register('Hookless', manifest)).searchParams.get('code') ?? '');

    expect(data?.webhook_secret).toBeNull();
  });

  it('forgets the code after an hour', async () => {
    const back = await register('Late');
    now = new Date(now.getTime() + 3_600_001);

    expect(await refusal(convert(back.searchParams.get('code') ?? ''))).toMatchObject({ status: 404 });
  });

  it.each([
    ['no JSON', 'x', 'not JSON'],
    ['no address', JSON.stringify({ ...MANIFEST, url: 'x' }), 'url: is not a URL'],
    ['an unknown field', JSON.stringify({ ...MANIFEST, hooks: [] }), 'hooks'],
    [
      'an event that it may not see',
      JSON.stringify({ ...MANIFEST, default_events: ['pull_request'] }),
      'not supported',
    ],
  ])('refuses a manifest with %s', async (_, manifest, message) => {
    const answer = await post('/settings/apps/new', { manifest });

    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain(message);
  });

  it('refuses a name that is taken', async () => {
    await register('Taken');

    expect((await post('/settings/apps', { name: 'taken', manifest: JSON.stringify(MANIFEST) })).status).toBe(422);
  });

  it('was answered as GitHub would answer', () => {
    expect(github.violations).toEqual([]);
  });
});
