import { describe, expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import { watchCluster } from '#shared/reconcile/watch-cluster.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const AWAY = new TidegateError('ApiServerUnreachable', 'API server https://a got no answer', { disposition: 'retry' });
const HEAD = 'b'.repeat(40);

function open() {
  let now = 1_000_000;
  const clock = { now: () => now, sleep: async () => undefined };
  const journal = createSqliteJournal(openSqliteDatabase(makeTemporaryFolder('watch')), clock);
  const log = createJsonLogger({ level: 'error', knownSecrets: [], now: () => now, write: () => undefined });
  return {
    journal,
    pass: (ms: number) => {
      now += ms;
    },
    fail: async (error: Error): Promise<unknown> => {
      try {
        return await watchCluster('laptop', { journal, clock, log }, async () => {
          throw error;
        });
      } catch (thrown) {
        return thrown;
      }
    },
    work: () => watchCluster('laptop', { journal, clock, log }, async () => 'done'),
    status: () => journal.read('laptop', 'status/Cluster//laptop'),
    events: () => journal.list('laptop', 'event/'),
    reasons: async () =>
      (await journal.list('laptop', 'event/')).map((event) => (event.type === 'Event' ? event.reason : '')),
  };
}

function head(commit: string): JournalRecord {
  return {
    type: 'SourceHead',
    source: { cluster: 'laptop', kind: 'GitRepository', namespace: 'flux-system', name: 'flux-system' },
    revision: `main@sha1:${commit}`,
    digest: 'sha256:a',
    url: 'https://github.com/acme/fleet-infra',
    observedAt: 1,
  };
}

function root(commit: string): JournalRecord {
  return {
    type: 'Status',
    object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name: 'flux-system' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 0 }],
    report: { repository: 'https://github.com/acme/fleet-infra', commit },
    suspended: false,
    observedAt: 1,
    details: {},
  };
}

describe('a cluster that cannot be worked on', () => {
  it('is told of once, with its reason and since when, and the failure goes on to whoever tries again', async () => {
    const watched = open();

    expect(await watched.fail(AWAY)).toBe(AWAY);
    watched.pass(5_000);
    await watched.fail(AWAY);

    expect(await watched.reasons()).toEqual(['ApiServerUnreachable']);
    expect(await watched.status()).toMatchObject({
      conditions: [
        { type: 'Ready', status: 'False', reason: 'ApiServerUnreachable', lastTransitionTime: 1_000_000 },
        { type: 'Reconciling', status: 'True' },
      ],
    });
  });

  it('is expected back for a minute, and then no more', async () => {
    const watched = open();
    await watched.fail(AWAY);
    watched.pass(60_000);
    await watched.fail(AWAY);

    expect(await watched.status()).toMatchObject({ conditions: [{ type: 'Ready', status: 'False' }] });
  });

  it('marks the push that waits for it, and no commit that runs there', async () => {
    const waiting = open();
    await waiting.journal.write([head(HEAD), root('a'.repeat(40))]);
    await waiting.fail(AWAY);
    const applied = open();
    await applied.journal.write([head(HEAD), root(HEAD)]);
    await applied.fail(AWAY);

    expect(await waiting.status()).toMatchObject({ report: { commit: HEAD } });
    expect(await applied.status()).not.toHaveProperty('report');
  });

  it('says that the credentials are not accepted, in the word that the alarm counts', async () => {
    const watched = open();
    await watched.fail(
      new KubernetesApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized', causes: [] }),
    );

    expect(await watched.status()).toMatchObject({ conditions: [{ reason: 'AuthenticationFailed' }, {}] });
  });

  it('is told of as back when it is', async () => {
    const watched = open();
    await watched.fail(AWAY);
    watched.pass(180_000);

    expect(await watched.work()).toBe('done');
    await watched.work();

    expect(await watched.reasons()).toEqual(['ApiServerUnreachable', 'ClusterReachable']);
    expect(await watched.status()).toMatchObject({
      conditions: [{ type: 'Ready', status: 'True', message: 'cluster laptop can be worked on again, after 180 s' }],
    });
  });

  it('is not said of one that another run is at work on', async () => {
    const watched = open();
    await watched.fail(new TidegateError('LeaseHeld', 'another run', { disposition: 'retry' }));

    expect(await watched.status()).toBeUndefined();
  });
});
