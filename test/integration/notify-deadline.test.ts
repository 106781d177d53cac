import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createNotifyHandler, type NotifyHandler } from '#functions/notify/handler.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';
import { openSqliteDatabase, type SqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { createSqliteWorkQueues, type SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { createQuietTimes } from '#shared/journal/quiet-times.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { toStreamRecord, type JournalStreamRecord } from '#shared/records/stream-record.ts';
import { collectingLogger, startGitHubForTests, type GitHubForTests } from '#test/contract/github-for-tests.ts';

const SET_STATUS = { method: 'POST', path: '/repos/{owner}/{repo}/statuses/{sha}' };
const LIMIT = {
  status: 403,
  headers: { 'retry-after': '60' },
  body: { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' },
};

/** A time that passes only while somebody sleeps: nothing here takes as long as it would on github.com. */
function stoppedClock(): Clock & { now(): number } {
  let now = Date.now();
  return {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
}

describe('notify on github.com, where a second lies between two writes', () => {
  let running: GitHubForTests;
  let folder: string;
  const databases: SqliteDatabase[] = [];
  let queues: SqliteWorkQueues;
  let clock: Clock;

  beforeAll(async () => {
    running = await startGitHubForTests();
    folder = await mkdtemp(join(tmpdir(), 'notify-deadline-'));
  });
  afterEach(() => running.github.faults.clear());
  afterAll(async () => {
    for (const database of databases) database.close();
    await running?.github.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A run of the function as Lambda starts it, with so long a time limit. */
  function open(options: { readonly answersWithinMs?: number } = {}) {
    clock = stoppedClock();
    const database = openSqliteDatabase(join(folder, `${databases.length}`));
    databases.push(database);
    const journal = createSqliteJournal(database, clock);
    queues = createSqliteWorkQueues(database, clock, { maxReceives: 3 });
    const quietTimes = createQuietTimes(journal, clock, { perOwner: true });
    const { answersWithinMs = Infinity } = options;
    const client = createGitHubClient({
      ...running.clientOptions,
      paceWrites: true,
      clock,
      quietTimes,
      deadline: () => clock.now() + answersWithinMs,
    });
    const handle = createNotifyHandler({
      queues,
      statuses: createGitHubCommitStatuses(client),
      quietTimes,
      style: { withheldPrune: 'pending' },
      log: collectingLogger(),
    });
    return (records: readonly JournalStreamRecord[], timeoutMs = 60_000) => runOnce(handle, records, timeoutMs);
  }

  async function runOnce(handle: NotifyHandler, records: readonly JournalStreamRecord[], timeoutMs: number) {
    const start = clock.now();
    const left = () => timeoutMs - (clock.now() - start);
    const event = { Records: [...records] };
    const { batchItemFailures } = await handle(event, { getRemainingTimeInMillis: left });
    const named = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    return {
      leftMs: left(),
      /** What the event source hands over again. */
      again: records.slice(
        named.size === 0 ? records.length : records.findIndex(({ dynamodb }) => named.has(dynamodb.SequenceNumber)),
      ),
    };
  }

  async function openCommit() {
    const repository = await running.createRepository({ 'a.yaml': 'a: 1\n' });
    const fullName = `${repository.owner}/${repository.name}`;
    const commit = (await running.github.head(fullName, 'main')) ?? '';
    const report = { repository: `${running.github.url}/${fullName}`, commit };
    return { report, written: () => running.github.statuses(fullName, commit) };
  }

  function stream(records: readonly JournalRecord[]): readonly JournalStreamRecord[] {
    return records.flatMap(
      (after, index) => toStreamRecord({ sequenceNumber: `${1_000 + index}`, after, at: clock.now() }) ?? [],
    );
  }

  function status(name: string, report: { repository: string; commit: string }, isReady = true): JournalRecord {
    const state = isReady
      ? ({ status: 'True', reason: 'ReconciliationSucceeded' } as const)
      : ({ status: 'Unknown', reason: 'Progressing' } as const);
    return {
      type: 'Status',
      object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name },
      conditions: [{ type: 'Ready', ...state, message: 'm', lastTransitionTime: 0 }],
      report,
      suspended: false,
      observedAt: 0,
      details: {},
    };
  }

  function request(id: string): JournalRecord {
    const message = { type: 'Reconcile', cluster: 'laptop', reason: id } as const;
    return { type: 'Request', cluster: 'laptop', id, queue: 'reconcile/laptop', group: 'laptop', message, at: 0 };
  }

  const waitingWork = () => queues.receive({ queue: 'reconcile/laptop', max: 10, visibilityMs: 1 }).length;

  it('says a hundred statuses in as many runs as it takes, each within its time, and work first of all', async () => {
    const run = open();
    const { report, written } = await openCommit();
    const names = Array.from({ length: 100 }, (_, index) => `app-${index}`);
    let records = stream([...names.map((name) => status(name, report)), request('behind-the-statuses')]);

    const first = await run(records);
    const workOfFirst = waitingWork();
    let runs = 1;
    for (records = first.again; records.length > 0 && runs < 10; runs += 1) {
      const next = await run(records);
      expect(next.leftMs).toBeGreaterThan(5_000);
      expect(next.again.length).toBeLessThan(records.length);
      records = next.again;
    }

    expect(workOfFirst).toBe(1);
    expect(first.leftMs).toBeGreaterThan(5_000);
    expect(first.again.length).toBeLessThan(60);
    expect(runs).toBeLessThanOrEqual(3);
    expect(written().map(({ context }) => context)).toEqual(names.map((name) => `tidegate/laptop/flux-system/${name}`));
  });

  it('hands the rest back at once when GitHub asks for a minute, and says it after that', async () => {
    const run = open();
    const { report, written } = await openCommit();
    const records = stream([...['a', 'b', 'c', 'd', 'e'].map((name) => status(name, report)), request('a-minute')]);
    const limit = running.github.faults.add({ ...SET_STATUS, nth: 3, times: 1, fault: LIMIT });

    const limited = await run(records);
    const tooEarly = await run(limited.again);
    await clock.sleep(60_000);
    const after = await run(tooEarly.again);

    expect(limit.hits()).toBe(1);
    expect(limited.leftMs).toBeGreaterThan(50_000);
    expect(limited.again).toHaveLength(4);
    expect(tooEarly).toEqual({ leftMs: 60_000, again: limited.again });
    expect(after.again).toEqual([]);
    expect(waitingWork()).toBe(1);
    expect(written().map(({ context }) => context.split('/').at(-1))).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('gives up on an answer that does not come in time, and writes nothing of it afterwards', async () => {
    const run = open({ answersWithinMs: 400 });
    const { report, written } = await openCommit();
    const hangs = running.github.faults.add({ ...SET_STATUS, times: 3, fault: { delayMs: 1_500 } });
    const records = stream([status('a', report), request('hangs')]);

    const { again } = await run(records);

    expect(again).toHaveLength(2);
    expect(waitingWork()).toBe(1);
    // What the stand-in was in the middle of may have been done by then; nothing was asked for again.
    await wait(1_200);
    expect(hangs.hits()).toBe(1);
    expect(written().length).toBeLessThanOrEqual(1);
  });

  it('says of several statuses of one object on one commit the last, whatever stands between', async () => {
    const run = open();
    const { report, written } = await openCommit();
    const records = stream([status('a', report, false), status('b', report), status('a', report)]);

    expect((await run(records)).again).toEqual([]);

    expect(written().map(({ context, state }) => `${context.split('/').at(-1)} ${state}`)).toEqual([
      'b success',
      'a success',
    ]);
  });
});
