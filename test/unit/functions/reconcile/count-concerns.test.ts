import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';

import { countConcerns } from '#functions/reconcile/count-concerns.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import { watchCluster } from '#shared/reconcile/watch-cluster.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const EVENT: SQSEvent = { Records: [] };
const DONE: SQSBatchResponse = { batchItemFailures: [] };
const HANDED_BACK: SQSBatchResponse = { batchItemFailures: [{ itemIdentifier: 'a' }] };

function open(result: SQSBatchResponse) {
  const database = openSqliteDatabase(makeTemporaryFolder('stalled'));
  const journal = createSqliteJournal(database, { now: () => 0 });
  const counts: number[] = [];
  const lines: string[] = [];
  const log = createJsonLogger({ level: 'info', knownSecrets: [], now: () => 0, write: (line) => lines.push(line) });
  const ports = { cluster: 'laptop', journal, log, write: (count: number) => void counts.push(count) };
  const handle = countConcerns(async () => result, ports);
  const run = () => handle(EVENT, { getRemainingTimeInMillis: () => 60_000 });
  return { database, journal, counts, lines, log, run };
}

function stalled(name: string, status: 'True' | 'False'): StatusRecord {
  return {
    type: 'Status',
    object: { cluster: 'laptop', kind: 'ImagePolicy', namespace: 'flux-system', name },
    conditions: [{ type: 'Stalled', status, reason: 'R', message: 'm', lastTransitionTime: 0 }],
    suspended: false,
    observedAt: 0,
    details: {},
  };
}

describe('countConcerns', () => {
  it('counts what waits for a person after the batch', async () => {
    const { journal, counts, run } = open(DONE);
    await journal.write([stalled('a', 'True'), stalled('b', 'False'), stalled('c', 'True')]);

    expect(await run()).toEqual(DONE);
    expect(counts).toEqual([2]);
  });

  it('counts a cluster that refuses the credentials, whose message is handed back', async () => {
    const { journal, log, counts } = open(DONE);
    const refusal = new KubernetesApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized', causes: [] });
    const clock = { now: () => 0, sleep: async () => undefined };
    const refused = () =>
      watchCluster('laptop', { journal, clock, log }, () => Promise.reject(refusal)).catch(() => HANDED_BACK);
    const ports = { cluster: 'laptop', journal, log, write: (count: number) => void counts.push(count) };

    expect(await countConcerns(refused, ports)(EVENT, { getRemainingTimeInMillis: () => 60_000 })).toEqual(HANDED_BACK);

    expect(counts).toEqual([1]);
  });

  it.each([[DONE], [HANDED_BACK]])('answers %j also where the journal cannot be read', async (result) => {
    const { database, counts, lines, run } = open(result);
    database.close();

    expect(await run()).toEqual(result);
    expect(counts).toEqual([]);
    expect(lines.join('')).toContain('concerns not counted');
  });

  it('answers before the time of the function is over, where the journal does not', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    const client = new DynamoDBClient({ endpoint: `http://127.0.0.1:${port}`, region: 'eu-west-1', credentials });
    const { log, lines } = open(DONE);
    const journal = createDynamoJournal({ tableName: 'j', clock: systemClock, client });
    const handle = countConcerns(async () => DONE, { cluster: 'laptop', journal, log, write: () => undefined });

    expect(await handle(EVENT, { getRemainingTimeInMillis: () => 2_001 })).toEqual(DONE);
    expect(lines.join('')).toContain('in time');
    client.destroy();
    silent.closeAllConnections();
    silent.close();
  });
});
