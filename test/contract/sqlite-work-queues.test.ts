import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { lockStateFolder } from '#shared/adapters/sqlite/lock-state-folder.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import type { GivenUpMessage, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import { sampleSize } from '#test/sample-size.ts';

import { describeWorkQueues } from './work-queues.contract.ts';

const VISIBILITY_MS = 30_000;

function openFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidegate-queues-'));
}

function openQueues(
  folder = openFolder(),
  clock = { now: () => 1 },
  maxReceives = 3,
  onGivenUp: (message: GivenUpMessage) => void = () => undefined,
): SqliteWorkQueues {
  return createSqliteWorkQueues(openSqliteDatabase(folder), clock, { maxReceives, onGivenUp });
}

function send(
  queues: SqliteWorkQueues,
  id: string,
  type: 'InstructionsChanged' | 'Tick' = 'InstructionsChanged',
): Promise<void> {
  const message = type === 'Tick' ? { type, id } : { type, cluster: id };
  return queues.send({ queue: 'source-sync', group: 'a', deduplicationId: id, message });
}

function wearOut(queues: SqliteWorkQueues): void {
  for (let round = 0; round < 3; round += 1) queues.release(receive(queues)[0]?.receipt ?? '');
}

function receive(queues: SqliteWorkQueues): ReturnType<SqliteWorkQueues['receive']> {
  return queues.receive({ queue: 'source-sync', max: 10, visibilityMs: VISIBILITY_MS });
}

describeWorkQueues('sqlite', async () => {
  const queues = openQueues();
  return {
    queues,
    consumer: {
      receive: async (queue, max) =>
        queues
          .receive({ queue, max, visibilityMs: VISIBILITY_MS })
          .map(({ receipt, body }) => ({ receipt, message: WorkMessage.parse(JSON.parse(body)) })),
      delete: async (_, receipt) => queues.delete(receipt),
    },
  };
});

describe('sqlite work queues', () => {
  it('deliver a message again when its time ran out, and the old receipt is worth nothing then', async () => {
    let now = 1;
    const queues = openQueues(openFolder(), { now: () => now });
    await send(queues, '1');
    const [first] = receive(queues);
    expect(receive(queues)).toEqual([]);

    now += VISIBILITY_MS;
    const [second] = receive(queues);
    queues.delete(first?.receipt ?? '');

    expect(second).toMatchObject({ id: first?.id, receiveCount: 2 });
    expect(queues.depths()).toMatchObject([{ inFlight: 1 }]);
  });

  it('keep the order of a group while its first message is handed back with a delay', async () => {
    let now = 1;
    const queues = openQueues(openFolder(), { now: () => now });
    await send(queues, '1');
    await send(queues, '2');
    const [first] = receive(queues);

    queues.release(first?.receipt ?? '', { delayMs: 1000 });

    expect(receive(queues)).toEqual([]);
    now += 1000;
    expect(receive(queues)).toMatchObject([{ deduplicationId: '1' }]);
  });

  it('bury a message that was received too often, say so, and go on with the next of its group', async () => {
    const givenUp: GivenUpMessage[] = [];
    const queues = openQueues(openFolder(), { now: () => 1 }, 3, (message) => givenUp.push(message));
    await send(queues, 'poison');
    await send(queues, 'good');
    for (let round = 0; round < 3; round += 1) queues.release(receive(queues)[0]?.receipt ?? '');

    const received = receive(queues);

    expect(received).toMatchObject([{ deduplicationId: 'good' }]);
    expect(queues.depths()).toMatchObject([{ deadLetters: 1, inFlight: 1, waiting: 0 }]);
    expect(givenUp).toEqual([{ id: '1', queue: 'source-sync', group: 'a', receiveCount: 3, isKept: true }]);
  });

  it('keep no dead letter of a tick, which the next one repeats', async () => {
    const queues = openQueues();
    await send(queues, '1', 'Tick');
    wearOut(queues);

    expect(receive(queues)).toEqual([]);
    expect(queues.depths()).toEqual([]);
  });

  it('send dead letters once more when asked to, or forget them', async () => {
    const queues = openQueues();
    await send(queues, 'poison');
    wearOut(queues);
    expect(receive(queues)).toEqual([]);

    expect(queues.redriveDeadLetters()).toBe(1);
    expect(receive(queues)).toMatchObject([{ receiveCount: 1, body: expect.stringContaining('poison') }]);
    queues.releaseAll();
    wearOut(queues);
    receive(queues);

    expect(queues.dropDeadLetters()).toBe(1);
    expect(queues.depths()).toEqual([]);
  });

  it('do not count a delivery that nobody has tried to handle', async () => {
    const queues = openQueues();
    await send(queues, '1');

    for (let round = 0; round < 10; round += 1) queues.release(receive(queues)[0]?.receipt ?? '', { uncounted: true });

    expect(receive(queues)).toMatchObject([{ receiveCount: 1 }]);
  });

  it('take a deduplication id again after five minutes', async () => {
    let now = 1;
    const queues = openQueues(openFolder(), { now: () => now });
    await send(queues, 'same');
    queues.delete(receive(queues)[0]?.receipt ?? '');

    now += 5 * 60 * 1000;
    await send(queues, 'same');

    expect(receive(queues)).toHaveLength(1);
  });

  it('lose nothing when the process is killed while it sends and receives', { timeout: 120_000 }, async () => {
    const folder = openFolder();
    for (let round = 0; round < sampleSize(5, 50); round += 1) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'churn-queues.ts'), folder, `${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, (round * 37) % 150));
      child.kill('SIGKILL');
      await once(child, 'close');

      const lines = output.split('\n').slice(0, -1);
      const sent = lines.flatMap((line) => (line.startsWith('sent ') ? [line.slice(5)] : []));
      const deleting = new Set(lines.flatMap((line) => (line.startsWith('deleting ') ? [line.slice(9)] : [])));
      const queues = openQueues(folder, { now: () => Date.now() }, 100);
      queues.releaseAll();
      const left = new Set<string>();
      for (let batch = receive(queues); batch.length > 0; batch = receive(queues)) {
        for (const { deduplicationId, receipt } of batch) {
          left.add(deduplicationId);
          queues.delete(receipt);
        }
      }

      expect(sent.length).toBeGreaterThan(0);
      expect(sent.filter((id) => !left.has(id) && !deleting.has(id))).toEqual([]);
    }
  });
});

describe('the lock of a state folder', () => {
  it('refuses a second holder and names the first', () => {
    const folder = openFolder();
    const lock = lockStateFolder(folder);

    expect(() => lockStateFolder(folder)).toThrow(`in use by another tidegate (process ${process.pid})`);
    lock.release();

    expect(() => lockStateFolder(folder).release()).not.toThrow();
  });

  it('says what is wrong with a folder that cannot be used', () => {
    const file = join(openFolder(), 'file');
    writeFileSync(file, '');

    expect(() => lockStateFolder(join(file, 'state'))).toThrow(
      /^state folder .* cannot be used \(ENOTDIR.*serve\.stateFolder/u,
    );
  });

  it('is free again when its holder was killed', async () => {
    const folder = openFolder();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'churn-queues.ts'), folder, 'locked'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    expect(() => lockStateFolder(folder)).toThrow(`process ${child.pid}`);

    child.kill('SIGKILL');
    await once(child, 'close');

    expect(() => lockStateFolder(folder).release()).not.toThrow();
  });
});
