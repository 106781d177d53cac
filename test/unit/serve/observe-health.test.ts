import { describe, expect, it } from 'vitest';

import type { Health } from '#serve/observe-health.ts';
import { observeHealth } from '#serve/observe-health.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { redactText } from '#shared/common/redact-secrets.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Condition, StatusRecord } from '#shared/records/journal-record.ts';
import { authorityObject, clusterObject } from '#shared/records/journal-record.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const MINUTE_MS = 60_000;
const START = 1_000 * MINUTE_MS;

/** The health of a server that got one message at its start, and ticked `ticked` minutes later for the last time. */
async function healthAfter(
  minutes: number,
  options: { readonly ticked?: number; readonly dead?: boolean } = {},
): Promise<Health> {
  let now = START;
  const clock = { now: () => now };
  const database = openSqliteDatabase(makeTemporaryFolder('health'));
  const queues = createSqliteWorkQueues(database, clock, { maxReceives: 1 });
  const message = { type: 'InstructionsChanged', cluster: 'laptop' } as const;
  await queues.send({ queue: 'image-update', group: 'laptop', deduplicationId: '1', message });
  const receive = () => queues.receive({ queue: 'image-update', max: 1, visibilityMs: MINUTE_MS });
  if (options.dead === true) {
    for (const { receipt } of receive()) queues.release(receipt);
    receive();
  }
  now += minutes * MINUTE_MS;
  return observeHealth({
    queues,
    journal: createSqliteJournal(database, clock),
    clusters: ['laptop'],
    startedAt: START,
    lastTickAt: START + (options.ticked ?? minutes) * MINUTE_MS,
    tickMs: MINUTE_MS,
    now,
    redact: (text) => redactText(text),
  });
}

const AT = START - 3 * MINUTE_MS;

function kustomization(name: string, changes: Partial<StatusRecord> = {}): StatusRecord {
  return {
    type: 'Status',
    object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name },
    conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: AT }],
    suspended: false,
    observedAt: AT,
    details: {},
    ...changes,
  };
}

function failed(reason: string, message: string, type: Condition['type'] = 'Ready'): StatusRecord['conditions'] {
  const status = type === 'Ready' ? 'False' : 'True';
  return [{ type, status, reason, message, lastTransitionTime: AT }];
}

async function healthWith(records: readonly StatusRecord[]): Promise<Health> {
  const clock = { now: () => START };
  const database = openSqliteDatabase(makeTemporaryFolder('health'));
  const journal = createSqliteJournal(database, clock);
  await writeInBatches(journal, records);
  return observeHealth({
    queues: createSqliteWorkQueues(database, clock, { maxReceives: 1 }),
    journal,
    clusters: ['laptop'],
    startedAt: START,
    lastTickAt: START,
    tickMs: MINUTE_MS,
    now: START,
    redact: (text) => redactText(text),
  });
}

describe('the health of a server', () => {
  it.each([
    ['it ticks and works', () => healthAfter(19), []],
    ['it has not ticked for a while', () => healthAfter(10, { ticked: 6 }), ['ticks: no ticks are being sent']],
    ['a message is stuck', () => healthAfter(21), ['queue image-update: the oldest message has waited 1260 s']],
    ['a message was given up', () => healthAfter(1, { dead: true }), ['queue image-update: 1 dead letter']],
  ])('names what is wrong when %s', async (_, observe, expected) => {
    const { status, problems } = await observe();

    expect(problems.map(({ what, problem }) => `${what}: ${problem}`)).toEqual(expected);
    expect(problems.every(({ todo }) => todo !== '')).toBe(true);
    expect(status).toBe(expected.length === 0 ? 'ok' : 'degraded');
  });

  const release = { cluster: 'laptop', kind: 'HelmRelease', namespace: 'apps', name: 'redis' };
  const source = { cluster: 'laptop', kind: 'GitRepository', namespace: 'flux-system', name: 'flux-system' };
  it.each([
    ['Kustomization flux-system/a of cluster laptop', kustomization('a', { conditions: failed('BuildFailed', 'x') })],
    [
      'HelmRelease apps/redis of cluster laptop',
      kustomization('a', { object: release, conditions: failed('UnsupportedKind', 'x', 'Stalled') }),
    ],
    [
      'GitRepository flux-system/flux-system of cluster laptop',
      kustomization('a', { object: source, conditions: failed('AuthenticationFailed', 'x') }),
    ],
    [
      'cluster laptop',
      kustomization('a', { object: clusterObject('laptop'), conditions: failed('ApiServerUnreachable', 'x') }),
    ],
    [
      'CertificateAuthority of cluster laptop',
      kustomization('a', { object: authorityObject('laptop'), conditions: failed('CertificateAuthorityEnding', 'x') }),
    ],
    [
      'Kustomization flux-system/big of cluster laptop',
      kustomization('big', {
        withheld: { count: 111, line: 'x', todo: 'approve it' },
        details: { withheldSince: String(AT) },
      }),
    ],
    [
      'Kustomization flux-system/flux-system of cluster laptop',
      kustomization('flux-system', { details: { doubts: 'x', doubtsSince: String(AT) } }),
    ],
    [
      'Kustomization flux-system/o of cluster laptop',
      kustomization('o', { details: { orphans: 'ConfigMap/a/x', orphansSince: String(AT) } }),
    ],
  ])('names %s with what is wrong, since when, and what to do', async (what, record) => {
    const { status, problems } = await healthWith([kustomization('good'), record]);

    expect(status).toBe('degraded');
    expect(problems).toMatchObject([{ what, since: new Date(AT).toISOString() }]);
    expect(problems[0]?.problem).toContain('x');
    expect(problems[0]?.todo.length).toBeGreaterThanOrEqual(10);
  });

  it.each([
    ['is suspended', kustomization('a', { suspended: true, conditions: failed('BuildFailed', 'x') })],
    ['waits for another', kustomization('a', { conditions: failed('DependencyNotReady', 'x') })],
  ])('does not ask a person about one that %s', async (_, record) => {
    expect(await healthWith([record])).toMatchObject({ status: 'ok', problems: [] });
  });

  it('counts a suspended Kustomization as suspended, not as ready', async () => {
    const { clusters } = await healthWith([kustomization('a'), kustomization('b', { suspended: true })]);

    expect(clusters['laptop']).toMatchObject({ kustomizations: 2, ready: 1, suspended: 1, failed: 0, reachable: true });
  });

  it('names a hundred of a thousand problems, the oldest first, and counts the rest', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => {
      const [condition] = failed('BuildFailed', 'm'.repeat(4_000));
      const since = AT + ((index * 7) % 1_000);
      return kustomization(`k-${index}`, {
        conditions: condition === undefined ? [] : [{ ...condition, lastTransitionTime: since }],
      });
    });
    const health = await healthWith(many);

    const since = health.problems.map((problem) => problem.since ?? '');
    expect(since).toEqual(since.toSorted((one, other) => one.localeCompare(other)));
    expect(since[0]).toBe(new Date(AT).toISOString());
    expect(health).toMatchObject({ problemCount: 1_000, clusters: { laptop: { failed: 1_000 } } });
    expect(health.problems).toHaveLength(100);
    expect(JSON.stringify(health).length).toBeLessThan(100_000);
  });

  it('shows no token that a message quotes', async () => {
    const token = `ghp_${'c4nary'.repeat(6)}`;
    const health = await healthWith([kustomization('a', { conditions: failed('BuildFailed', `with ${token}`) })]);

    expect(JSON.stringify(health)).not.toContain(token);
  });
});
