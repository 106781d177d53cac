import { verify } from '@octokit/webhooks-methods';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Fixture, Received, Receiver } from './github-fixture.ts';
import { FLEET, openPull, startFixture, startReceiver } from './github-fixture.ts';

const SECRET = "It's a secret";

let fixture: Fixture;
let appReceiver: Receiver;
let hookReceiver: Receiver;
let hookStatus = 202;
let hookId: number;

beforeAll(async () => {
  fixture = await startFixture();
  appReceiver = await startReceiver();
  hookReceiver = await startReceiver(() => hookStatus);
  const { github, asApp, octokit } = fixture;
  // `url` beside the route would replace the route itself: Octokit keeps that name for its own.
  const data = { url: appReceiver.url, secret: SECRET, content_type: 'json' };
  await asApp.request('PATCH /app/hook/config', { data });
  const hook = await octokit.request('POST /repos/{owner}/{repo}/hooks', {
    ...FLEET,
    events: ['push'],
    config: { url: hookReceiver.url, secret: SECRET, content_type: 'json' },
  });
  hookId = hook.data.id;
  await github.settle();
});
afterAll(async () => {
  const { github } = fixture;
  await github.settle();
  await Promise.all([github.close(), appReceiver.close(), hookReceiver.close()]);
});

function payloadOf(call: Received | undefined): Record<string, unknown> {
  return JSON.parse(call?.body ?? '{}') as Record<string, unknown>;
}

/** What the App's hook is told while something happens. */
async function told(change: () => Promise<unknown>): Promise<{ events: string[]; calls: Received[] }> {
  const before = appReceiver.received.length;
  await change();
  await fixture.github.settle();
  const calls = appReceiver.received.slice(before);
  const name = (call: Received): string => {
    const action = payloadOf(call)['action'];
    return [call.headers['x-github-event'], ...(typeof action === 'string' ? [action] : [])].join(' ');
  };
  return { events: calls.map(name).sort(), calls };
}

describe('webhooks', () => {
  it('a new hook is pinged, and its secret is not shown again', async () => {
    const { octokit } = fixture;
    expect(hookReceiver.received[0]?.headers['x-github-event']).toBe('ping');
    expect(payloadOf(hookReceiver.received[0])).toMatchObject({
      hook_id: hookId,
      repository: { full_name: 'acme/fleet' },
    });
    const shown = await octokit.request('GET /repos/{owner}/{repo}/hooks/{hook_id}', { ...FLEET, hook_id: hookId });
    expect(shown.data.config.secret).toBe('********');
  });

  it('are signed over the bytes that are sent', async () => {
    const { calls } = await told(async () =>
      fixture.github.commitFiles('acme/fleet', 'main', { 'signed.yaml': 'é: 1\n' }, 'Signed', 'mona'),
    );
    const [call] = calls;
    const signature = call?.headers['x-hub-signature-256'] ?? '';
    expect(await verify(SECRET, call?.body ?? '', signature)).toBe(true);
    expect(await verify('another', call?.body ?? '', signature)).toBe(false);
    expect(call?.headers['user-agent']).toMatch(/^GitHub-Hookshot\//);
    expect(call?.headers['x-github-delivery']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('a merge tells the push to the base and the pull request closed', async () => {
    const { github, octokit, installation } = fixture;
    const opened = await told(async () => openPull(fixture, 'merged', { 'merged.yaml': '1\n' }));
    expect(opened.events).toEqual(['pull_request opened', 'push']);
    const [pull] = github.pulls('acme/fleet').filter((one) => one.head === 'merged');
    const { events, calls } = await told(async () =>
      octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
        ...FLEET,
        pull_number: pull?.number ?? 0,
      }),
    );
    expect(events).toEqual(['pull_request closed', 'push']);
    const push = payloadOf(calls.find((call) => call.headers['x-github-event'] === 'push'));
    expect(push).toMatchObject({
      ref: 'refs/heads/main',
      after: await github.head('acme/fleet', 'main'),
      created: false,
      forced: false,
      installation: { id: installation.id },
      sender: { login: 'tidegate[bot]' },
    });
    const closed = payloadOf(calls.find((call) => call.headers['x-github-event'] === 'pull_request'));
    expect(closed).toMatchObject({ pull_request: { merged: true }, installation: { id: installation.id } });
  });

  it('every way to change a ref is a push', async () => {
    const { github, octokit } = fixture;
    const sha = (await github.head('acme/fleet', 'main')) ?? '';
    const ref = 'heads/by-api';
    const created = await told(async () =>
      octokit.request('POST /repos/{owner}/{repo}/git/refs', { ...FLEET, ref: `refs/${ref}`, sha }),
    );
    expect(payloadOf(created.calls[0])).toMatchObject({ created: true, before: '0'.repeat(40), after: sha });
    await told(async () => github.commitFiles('acme/fleet', 'by-api', { 'x.yaml': '1\n' }, 'Forward', 'mona'));
    const forced = await told(async () =>
      octokit.request('PATCH /repos/{owner}/{repo}/git/refs/{ref}', { ...FLEET, ref, sha, force: true }),
    );
    expect(payloadOf(forced.calls[0])).toMatchObject({ forced: true, after: sha });
    const deleted = await told(async () =>
      octokit.request('DELETE /repos/{owner}/{repo}/git/refs/{ref}', { ...FLEET, ref }),
    );
    expect(payloadOf(deleted.calls[0])).toMatchObject({ deleted: true, after: '0'.repeat(40), head_commit: null });
  });

  it('a push lists the files of its commits', async () => {
    const { calls } = await told(async () =>
      fixture.github.commitFiles(
        'acme/fleet',
        'main',
        { 'app.yaml': 'image: app:9\n', 'other.yaml': null, 'n.yaml': '1\n' },
        'Three',
        'mona',
      ),
    );
    expect(payloadOf(calls[0])).toMatchObject({
      commits: [
        {
          message: 'Three',
          added: ['n.yaml'],
          removed: ['other.yaml'],
          modified: ['app.yaml'],
          author: { username: 'mona' },
        },
      ],
      pusher: { name: 'mona' },
    });
  });

  it('a push to the head of a pull request synchronizes it, an edit and a reopening are told', async () => {
    const { github, octokit } = fixture;
    const pull_number = await openPull(fixture, 'synced', { 'synced.yaml': '1\n' });
    await github.settle();
    const more = await told(async () =>
      github.commitFiles('acme/fleet', 'synced', { 'synced.yaml': '2\n' }, 'More', 'mona'),
    );
    expect(more.events).toEqual(['pull_request synchronize', 'push']);
    const patch = 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}';
    const edited = await told(async () => octokit.request(patch, { ...FLEET, pull_number, title: 'Other' }));
    expect(payloadOf(edited.calls[0])).toMatchObject({
      action: 'edited',
      changes: { title: { from: 'Change synced' } },
    });
    await told(async () => octokit.request(patch, { ...FLEET, pull_number, state: 'closed' }));
    const reopened = await told(async () => octokit.request(patch, { ...FLEET, pull_number, state: 'open' }));
    expect(reopened.events).toEqual(['pull_request reopened']);
  });

  it('a failed delivery is recorded, not repeated, and keeps its GUID when it is redelivered', async () => {
    const { github, octokit } = fixture;
    hookStatus = 500;
    const before = hookReceiver.received.length;
    await github.commitFiles('acme/fleet', 'main', { 'failed.yaml': '1\n' }, 'Failed', 'mona');
    await github.settle();
    hookStatus = 202;
    expect(hookReceiver.received.length).toBe(before + 1);
    const list = 'GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries';
    const listed = await octokit.request(list, { ...FLEET, hook_id: hookId, per_page: 1 });
    const [failed] = listed.data;
    expect(failed).toMatchObject({ status_code: 500, event: 'push', redelivery: false });
    const again = await octokit.request(
      'POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts',
      {
        ...FLEET,
        hook_id: hookId,
        delivery_id: Number(failed?.id),
      },
    );
    expect(again.status).toBe(202);
    await github.settle();
    const [first, second] = hookReceiver.received.slice(before);
    expect(second?.headers['x-github-delivery']).toBe(first?.headers['x-github-delivery']);
    expect(second?.body).toBe(first?.body);
    const [newest] = (await octokit.request(list, { ...FLEET, hook_id: hookId, per_page: 1 })).data;
    expect(newest).toMatchObject({ guid: failed?.guid, redelivery: true, status_code: 202 });
  });

  it("an App's deliveries are listed page by page and read with what was sent", async () => {
    const { asApp } = fixture;
    const page = await asApp.request('GET /app/hook/deliveries', { per_page: 2 });
    expect(page.data).toHaveLength(2);
    expect(page.headers.link).toContain('rel="next"');
    const delivery = await asApp.request('GET /app/hook/deliveries/{delivery_id}', {
      delivery_id: Number(page.data[0]?.id),
    });
    expect(delivery.data.request.payload).toMatchObject({ repository: { full_name: 'acme/fleet' } });
  });

  it('payloads have the fields that GitHub documents by example', async () => {
    const examples = JSON.parse(
      await readFile(
        new URL('../../node_modules/@octokit/webhooks-examples/api.github.com/index.json', import.meta.url),
        'utf8',
      ),
    ) as { name: string; examples: Record<string, unknown>[] }[];
    const missing = (event: string, actual: Record<string, unknown>, at: string[]): string[] => {
      const known = examples.find((one) => one.name === event)?.examples ?? [];
      const expected = known.map((example) =>
        at.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], example),
      );
      const always = Object.keys(expected[0] ?? {}).filter((key) =>
        expected.every((value) => typeof value === 'object' && value !== null && key in value),
      );
      const found = at.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], actual);
      return always.filter((key) => !(key in (found as object)));
    };
    const push = payloadOf(appReceiver.received.find((call) => call.headers['x-github-event'] === 'push'));
    const pull = payloadOf(appReceiver.received.find((call) => call.headers['x-github-event'] === 'pull_request'));
    expect(missing('push', push, [])).toEqual([]);
    expect(missing('push', push, ['repository'])).toEqual([]);
    expect(missing('pull_request', pull, [])).toEqual([]);
    expect(missing('pull_request', pull, ['pull_request'])).toEqual([]);
    expect(missing('pull_request', pull, ['pull_request', 'head'])).toEqual([]);
    expect(missing('pull_request', pull, ['sender'])).toEqual([]);
  });
});

it('everything that was answered above is as GitHub describes it', async () => {
  await fixture.github.settle();
  expect(fixture.github.violations).toEqual([]);
});
