import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';

import { startQueueWorker } from '#serve/start-queue-worker.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';

import { HANDLED, until } from './open-serve.ts';

describe('a queue worker', () => {
  it('forgets what it handled once the database can be written again', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-worker-'));
    const queues = createSqliteWorkQueues(openSqliteDatabase(folder), systemClock, { maxReceives: 3 });
    const intruder = new DatabaseSync(join(folder, 'tidegate.db'));
    let log = '';
    let runs = 0;
    await queues.send({
      queue: 'source-sync',
      group: 'a',
      deduplicationId: '1',
      message: { type: 'InstructionsChanged', cluster: 'laptop' },
    });

    const worker = startQueueWorker({
      queue: 'source-sync',
      queues,
      handler: async () => {
        runs += 1;
        intruder.exec('BEGIN IMMEDIATE');
        return HANDLED;
      },
      concurrency: 1,
      log: createJsonLogger({ level: 'info', knownSecrets: [], now: Date.now, write: (line) => void (log += line) }),
    });
    await until('the failure', () => log.includes('database is locked'), 20_000);
    intruder.exec('COMMIT');
    await until('the message to be gone', () => queues.depths().length === 0, 20_000);
    await worker.stop(1_000);

    expect(runs).toBe(1);
  });
});
