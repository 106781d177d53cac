import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { observeHealth } from '#local/server/observe-health.ts';
import type { Health } from '#local/server/observe-health.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';

const MINUTE_MS = 60_000;
const START = 1_000 * MINUTE_MS;

/** The health of a server that got one message at its start, and ticked `ticked` minutes later for the last time. */
async function healthAfter(
  minutes: number,
  options: { readonly ticked?: number; readonly dead?: boolean } = {},
): Promise<Health> {
  let now = START;
  const clock = { now: () => now };
  const database = openSqliteDatabase(mkdtempSync(join(tmpdir(), 'tidegate-health-')));
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
  });
}

describe('the health of a server', () => {
  it.each([
    ['it ticks and works', () => healthAfter(19), []],
    ['it has not ticked for a while', () => healthAfter(10, { ticked: 6 }), ['ticks: none is sent']],
    ['a message is stuck', () => healthAfter(21), ['queue image-update: a message waits since 1260 s']],
    ['a message was given up', () => healthAfter(1, { dead: true }), ['queue image-update: 1 dead letters']],
  ])('names what is wrong when %s', async (_, observe, expected) => {
    const { status, problems } = await observe();

    expect(problems).toEqual(expected);
    expect(status).toBe(expected.length === 0 ? 'ok' : 'degraded');
  });
});
