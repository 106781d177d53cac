import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { CommitStatus } from '#shared/ports/commit-statuses.ts';
import { requestRecord, statusRecord } from '#test/contract/journal.contract.ts';

import { deliver, HANDLED, makeFolder, openServe, pushPayload, until, WEBHOOK_SECRET } from './open-serve.ts';

describe('tidegate serve', () => {
  it('hands a push to source-sync and image-update in the shape of SQS', async () => {
    const bodies: string[] = [];
    const groups: (string | undefined)[] = [];
    const serve = await openServe({
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('RepositoryPushed') === true) {
          bodies.push(record.body);
          groups.push(record.attributes.MessageGroupId);
        }
        return HANDLED;
      },
    });

    const response = await deliver(serve.url, 'push', pushPayload());
    await until('both queues to be handled', () => bodies.length === 2);
    await serve.close();

    expect(response.status).toBe(202);
    expect(bodies.map((body) => JSON.parse(body))).toEqual([
      expect.objectContaining({ type: 'RepositoryPushed', ref: 'refs/heads/main', after: 'a'.repeat(40) }),
      expect.objectContaining({ repository: 'https://github.com/acme/fleet-infra' }),
    ]);
    expect(groups).toEqual(['https://github.com/acme/fleet-infra', 'https://github.com/acme/fleet-infra']);
  });

  it('ticks every queue at once and then on time', async () => {
    const ticked: string[] = [];
    const serve = await openServe({
      tickSeconds: 1,
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('Tick') === true) ticked.push(record.eventSourceARN.split(':').at(-1) ?? '');
        return HANDLED;
      },
    });

    await until('two ticks of three queues', () => ticked.length >= 6);
    await serve.close();

    expect([...new Set(ticked)].toSorted()).toEqual([
      'tidegate-image-update.fifo',
      'tidegate-reconcile-laptop.fifo',
      'tidegate-source-sync.fifo',
    ]);
  });

  it('delivers again what a handler handed back', async () => {
    const counts: (string | undefined)[] = [];
    const serve = await openServe({
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('Reconcile"') !== true) return HANDLED;
        counts.push(record.attributes.ApproximateReceiveCount);
        return counts.length < 2 ? { batchItemFailures: [{ itemIdentifier: record.messageId }] } : HANDLED;
      },
    });

    await serve.resources.journal.write([requestRecord('r1', Date.now())]);
    await until('the second delivery', () => counts.length === 2);
    await serve.close();

    expect(counts).toEqual(['1', '2']);
  });

  it('passes requests on although the commit status of an earlier record cannot be set', async () => {
    const reasons: string[] = [];
    const serve = await openServe({
      statuses: {
        set: async () => {
          throw new TidegateError('GitHubUnavailable', 'github does not answer', { disposition: 'retry' });
        },
      },
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('Reconcile"') === true) reasons.push(record.body);
        return HANDLED;
      },
    });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };

    await serve.resources.journal.write([{ ...statusRecord('apps', 1), report }]);
    await serve.resources.journal.write([requestRecord('first', Date.now())]);
    await until('the first request', () => reasons.length === 1);
    await serve.resources.journal.write([requestRecord('second', Date.now())]);
    await until('the second request', () => reasons.length === 2);
    await serve.close();

    expect(reasons).toHaveLength(2);
  });

  it('passes requests on while GitHub keeps the status of an earlier record waiting', async () => {
    let handled = 0;
    const serve = await openServe({
      statuses: { set: () => new Promise(() => undefined) },
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('Reconcile"') === true) handled += 1;
        return HANDLED;
      },
    });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };

    await serve.resources.journal.write([{ ...statusRecord('apps', 1), report }]);
    await serve.resources.journal.write([requestRecord('r', Date.now())]);
    await until('the request', () => handled === 1);
    await serve.close();

    expect(handled).toBe(1);
  });

  it('sets the status that GitHub did not take before the server was stopped, after the next start', async () => {
    const folder = makeFolder();
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };
    const first = await openServe({
      folder,
      statuses: {
        set: async () => {
          throw new TidegateError('GitHubUnavailable', 'not now', { disposition: 'retry' });
        },
      },
    });
    await first.resources.journal.write([{ ...statusRecord('apps', 1), report }, requestRecord('r', Date.now())]);
    await until('the first try', () => first.logged().includes('notification is tried again'));
    await first.close();

    const set: CommitStatus[] = [];
    const next = await openServe({ folder, statuses: { set: async (_, __, status) => void set.push(status) } });
    await until('the status', () => set.length > 0);
    await next.close();

    expect(set).toMatchObject([{ state: 'success' }]);
  });

  it('says each event once and in full, whatever GitHub does with the status', async () => {
    const folder = makeFolder();
    const text = `clusters/laptop/sealed.yaml:13:3: spec.decryption: ${'x'.repeat(200)}`;
    const event = {
      type: 'Event',
      id: '0000000000001-reconcile-0001',
      object: { cluster: 'laptop', kind: 'HelmRelease', namespace: 'flux-system', name: 'redis' },
      severity: 'error',
      reason: 'Unsupported',
      message: text,
      at: 1,
    } as const;
    const first = await openServe({ folder, statuses: { set: () => new Promise(() => undefined) } });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };
    await first.resources.journal.write([{ ...statusRecord('apps', 1), report }, event]);
    await until('the event', () => first.logged().includes(text));
    await first.close();
    const next = await openServe({ folder });
    await next.resources.journal.write([{ ...event, id: '0000000000002-reconcile-0001', message: 'afterwards' }]);
    await until('the next event', () => next.logged().includes('afterwards'));
    await next.close();

    expect(first.logged()).toContain('HelmRelease/flux-system/redis');
    expect(next.logged()).not.toContain(text);
  });

  it('sets a commit status that failed at first, once', async () => {
    const set: CommitStatus[] = [];
    let attempts = 0;
    const serve = await openServe({
      statuses: {
        set: async (_, __, status) => {
          attempts += 1;
          if (attempts < 3) throw new TidegateError('GitHubUnavailable', 'not now', { disposition: 'retry' });
          set.push(status);
        },
      },
    });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };

    await serve.resources.journal.write([{ ...statusRecord('apps', 1), report }]);
    await until('the status', () => set.length > 0);
    await serve.resources.journal.write([{ ...statusRecord('apps', 2), report }]);
    await serve.close();

    expect(set).toMatchObject([{ context: 'tidegate/laptop/flux-system/apps', state: 'success', description: 'R: m' }]);
  });

  it('links from a commit status to a page where people reach it', async () => {
    const set: CommitStatus[] = [];
    const serve = await openServe({
      publicUrl: 'https://tidegate.example.com/gitops',
      statuses: { set: async (_, __, status) => void set.push(status) },
    });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };

    await serve.resources.journal.write([{ ...statusRecord('apps', 1), report }]);
    await until('the status', () => set.length > 0);
    const { targetUrl = '' } = set[0] ?? {};
    const page = await fetch(targetUrl.replace('https://tidegate.example.com/gitops', serve.url));
    const html = await page.text();
    await serve.close();

    expect(targetUrl).toMatch(/^https:\/\/tidegate\.example\.com\/gitops\/status\/[\w-]{32}\/laptop\/Kustomization\//u);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html).toContain('<h1>Kustomization flux-system/apps in cluster laptop</h1>');
    expect(html).toContain('Nothing waits for a person.');
  });

  it('marks a prune that waits as the settings want it', async () => {
    const set: CommitStatus[] = [];
    const serve = await openServe({
      withheldPrune: 'failure',
      statuses: { set: async (_, __, status) => void set.push(status) },
    });
    const report = { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) };
    const withheld = { count: 111, line: 'ConfigMap/big/cm-0 and 110 more: why', todo: 'approve it' };

    await serve.resources.journal.write([{ ...statusRecord('apps', 1), report, withheld }]);
    await until('the status', () => set.length > 0);
    await serve.close();

    expect(set).toMatchObject([
      { state: 'failure', description: 'PruneWithheld: ConfigMap/big/cm-0 and 110 more: why' },
    ]);
  });

  it('finishes the work under way when it is closed', async () => {
    const steps: string[] = [];
    const serve = await openServe({
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('RepositoryPushed') !== true) return HANDLED;
        steps.push('started');
        await new Promise((resolve) => setTimeout(resolve, 300));
        steps.push('finished');
        return HANDLED;
      },
    });
    await deliver(serve.url, 'push', pushPayload());
    await until('the work to start', () => steps.length > 0);

    await serve.close();

    expect(steps.filter((step) => step === 'finished')).toHaveLength(2);
    await expect(fetch(serve.url)).rejects.toThrow('fetch failed');
  });

  it('tells the work under way that no time is left, so that it can be left in order', async () => {
    let left: (() => number) | undefined;
    let ended = false;
    const serve = await openServe({
      work: async ({ Records: [record] }, { getRemainingTimeInMillis }) => {
        if (record?.eventSourceARN.includes('reconcile') !== true) return HANDLED;
        left = getRemainingTimeInMillis;
        await until('the end', () => getRemainingTimeInMillis() === 0);
        ended = true;
        return HANDLED;
      },
    });
    await until('the work', () => left !== undefined);
    expect(left?.()).toBeGreaterThan(14 * 60_000);

    await serve.close();

    expect(ended).toBe(true);
    expect(serve.logged()).not.toContain('work handed back at shutdown');
  });

  it('hands back what it cannot finish, and the next one does it', async () => {
    const folder = makeFolder();
    let started = 0;
    const stuck = await openServe({
      folder,
      graceMs: 100,
      work: async () => {
        started += 1;
        return new Promise(() => undefined);
      },
    });
    await deliver(stuck.url, 'push', pushPayload());
    await until('both queues to work', () => started >= 5);
    await stuck.close();

    const counts: (string | undefined)[] = [];
    const next = await openServe({
      folder,
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('RepositoryPushed') === true) counts.push(record.attributes.ApproximateReceiveCount);
        return HANDLED;
      },
    });
    await until('the work that was handed back', () => counts.length === 2);
    await next.close();

    expect(counts).toEqual(['1', '1']);
    expect(stuck.logged()).toContain('work handed back at shutdown');
  });

  it('does again what it was doing when it was killed', async () => {
    const folder = makeFolder();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-until-killed.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until('the server', () => output.includes('http://'));
    await deliver(/http:\S+/u.exec(output)?.[0] ?? '', 'push', pushPayload());
    await until('it to work on both queues', () => output.split('working').length === 3);
    child.kill('SIGKILL');
    await once(child, 'close');

    let handled = 0;
    const next = await openServe({
      folder,
      work: async ({ Records: [record] }) => {
        if (record?.body.includes('RepositoryPushed') === true) handled += 1;
        return HANDLED;
      },
    });
    await until('both messages again', () => handled === 2);
    await next.close();

    expect(handled).toBe(2);
  });

  it('refuses a second server on the same folder', async () => {
    const first = await openServe({});

    await expect(openServe({ folder: first.folder })).rejects.toThrow(
      `in use by another tidegate (process ${process.pid})`,
    );

    await first.close();
    await (await openServe({ folder: first.folder })).close();
  });

  it('refuses to start without a secret that the settings name, and says where it goes', async () => {
    const folder = makeFolder();
    rmSync(join(folder, 'secrets'), { recursive: true });

    const opening = openServe({ folder });

    await expect(opening).rejects.toThrow(
      `github.webhookSecret is the secret webhook: put its value into ${join(folder, 'secrets', 'webhook')}`,
    );
    await expect(opening).rejects.toThrow('github.tokenSecret');
  });

  it('says how it is doing', async () => {
    const serve = await openServe({});
    await serve.resources.journal.write([statusRecord('apps', Date.now())]);

    const response = await fetch(`${serve.url}/healthz`);
    const health: unknown = await response.json();
    await serve.close();

    expect(response.status).toBe(200);
    expect(health).toMatchObject({ status: 'ok', clusters: { laptop: { kustomizations: 1, ready: 1 } } });
  });

  it('keeps its secrets out of the logs, whatever is sent and whatever fails', async () => {
    const token = `ghp_${'c4nary'.repeat(6)}`;
    const serve = await openServe({
      work: async () => {
        throw new Error(`request with ${WEBHOOK_SECRET} and Authorization: Bearer ${token} failed`);
      },
    });

    await deliver(serve.url, 'push', { ...(pushPayload() as object), token, ref: `refs/heads/${token}` });
    await deliver(serve.url, 'push', 'not json', { 'x-hub-signature-256': `sha256=${WEBHOOK_SECRET}` });
    await until('the handlers to fail', () => serve.logged().includes('handler failed'));
    await serve.close();

    expect(serve.logged()).toContain('[redacted]');
    expect(serve.logged()).not.toContain(WEBHOOK_SECRET);
    expect(serve.logged()).not.toContain(token);
  });
});
