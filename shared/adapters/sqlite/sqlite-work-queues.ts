import { randomUUID } from 'node:crypto';
import type { SQLOutputValue } from 'node:sqlite';

import type { Clock } from '#shared/ports/clock.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { formatWorkMessage } from '#shared/work/format-work-message.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import type { SqliteDatabase } from './sqlite-database.ts';

const DEDUPLICATION_MS = 5 * 60 * 1000;
const DEAD_LETTER_MS = 14 * 24 * 60 * 60 * 1000;

/** A message in the hands of a worker. */
export interface ReceivedMessage {
  readonly id: string;
  /** What `delete` and `release` take; good for this delivery only. */
  readonly receipt: string;
  readonly queue: QueueName;
  readonly group: string;
  readonly deduplicationId: string;
  readonly body: string;
  readonly sentAt: number;
  readonly firstReceivedAt: number;
  /** 1 the first time. */
  readonly receiveCount: number;
}

/** A message that was received too often. */
export interface GivenUpMessage {
  readonly id: string;
  readonly queue: QueueName;
  readonly group: string;
  readonly receiveCount: number;
  /** Whether it became a dead letter; a tick does not, the next one does its work. */
  readonly isKept: boolean;
}

/** A message that was given up and is kept for a person. */
export interface DeadLetter {
  readonly id: string;
  readonly queue: string;
  readonly group: string;
  /** What it asked for: `Reconcile`, `RepositoryPushed`. */
  readonly type: string;
  readonly receiveCount: number;
  /** Milliseconds since the epoch. */
  readonly diedAt: number;
}

export interface QueueDepth {
  readonly queue: string;
  readonly waiting: number;
  readonly inFlight: number;
  readonly deadLetters: number;
  /** When the oldest message was sent, in milliseconds since the epoch. */
  readonly oldestSentAt?: number;
}

/** FIFO queues in SQLite, with the side of their consumer. */
export interface SqliteWorkQueues extends WorkQueues {
  /** The first message of each group that has none in flight; hidden from then on for `visibilityMs`. */
  receive(request: {
    readonly queue: QueueName;
    readonly max: number;
    readonly visibilityMs: number;
  }): readonly ReceivedMessage[];
  /** Forgets a message that was handled. */
  delete(receipt: string): void;
  /** Hands a message back, at once or after a while; `uncounted` when nobody has tried to handle it. */
  release(receipt: string, options?: { readonly delayMs?: number; readonly uncounted?: boolean }): void;
  /** Hands back whatever a process that is gone had in its hands. Only for the one consumer of the folder. */
  releaseAll(): void;
  depths(): readonly QueueDepth[];
  /** The dead letters, oldest first. */
  deadLetters(limit: number): readonly DeadLetter[];
  /** Sends every dead letter once more, from the end of its group. */
  redriveDeadLetters(): number;
  /** Forgets every dead letter. */
  dropDeadLetters(): number;
  /** Whether a message of the group still waits for its first or next delivery. */
  hasWaiting(queue: QueueName, group: string): boolean;
  /** Calls back after each message sent or handed back. */
  onWaiting(listener: (queue: QueueName) => void): void;
}

/**
 * FIFO queues in the database of one installation; a message received `maxReceives` times becomes a dead letter, but a
 * tick, which the next one repeats, is forgotten. Dead letters are kept for two weeks.
 */
export function createSqliteWorkQueues(
  database: SqliteDatabase,
  clock: Pick<Clock, 'now'>,
  options: {
    readonly maxReceives: number;
    /** Is told of each message that nobody tries any more. */
    readonly onGivenUp?: (message: GivenUpMessage) => void;
  },
): SqliteWorkQueues {
  const { connection } = database;
  const listeners: ((queue: QueueName) => void)[] = [];
  const announce = (queue: QueueName): void => {
    for (const listener of listeners) listener(queue);
  };
  const insert = connection.prepare(
    `INSERT INTO messages (queue, message_group, deduplication_id, body, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, 0)`,
  );
  const remember = connection.prepare('INSERT OR IGNORE INTO deduplications (queue, id, at) VALUES (?, ?, ?)');
  const forget = connection.prepare('DELETE FROM deduplications WHERE at <= ?');
  const selectFirsts = connection.prepare(
    `SELECT m.* FROM messages m
     JOIN (SELECT min(id) AS id FROM messages WHERE queue = ? GROUP BY message_group) first ON first.id = m.id
     WHERE m.visible_at <= ? ORDER BY m.id LIMIT ?`,
  );
  const take = connection.prepare(
    `UPDATE messages SET receipt = ?, visible_at = ?, receive_count = receive_count + 1,
       first_received_at = coalesce(first_received_at, ?) WHERE id = ?`,
  );
  const bury = connection.prepare(
    `INSERT INTO dead_letters (id, queue, message_group, body, sent_at, receive_count, died_at)
     SELECT id, queue, message_group, body, sent_at, receive_count, ? FROM messages
     WHERE id = ? AND json_extract(body, '$.type') IS NOT 'Tick'`,
  );
  const forgetDead = connection.prepare('DELETE FROM dead_letters WHERE died_at <= ?');
  const remove = connection.prepare('DELETE FROM messages WHERE id = ?');
  const removeByReceipt = connection.prepare('DELETE FROM messages WHERE receipt = ?');
  const giveBack = connection.prepare(
    `UPDATE messages SET receipt = NULL, visible_at = ?, receive_count = receive_count - ? WHERE receipt = ?
     RETURNING queue`,
  );

  /** One pass: the firsts that were tried too often are buried, the others are taken. */
  function receiveOnce(
    queue: QueueName,
    max: number,
    visibilityMs: number,
  ): { readonly received: readonly ReceivedMessage[] } | { readonly givenUp: readonly GivenUpMessage[] } {
    const now = clock.now();
    const rows = selectFirsts.all(queue, now, max);
    const worn = rows.filter((row) => Number(row['receive_count']) >= options.maxReceives);
    const kept = new Set<unknown>();
    for (const row of worn) {
      if (bury.run(now, row['id'] ?? null).changes > 0) kept.add(row['id']);
      remove.run(row['id'] ?? null);
    }
    if (worn.length > 0) {
      forgetDead.run(now - DEAD_LETTER_MS);
      return { givenUp: worn.map((row) => toGivenUp(row, queue, kept.has(row['id']))) };
    }
    const received = rows.map((row) => {
      const receipt = randomUUID();
      take.run(receipt, now + visibilityMs, now, row['id'] ?? null);
      return toReceivedMessage(row, queue, receipt, now);
    });
    return { received };
  }

  return {
    send: async ({ queue, group, deduplicationId, message }) => {
      const body = formatWorkMessage(queue, message);
      const sent = database.transact(() => {
        const now = clock.now();
        forget.run(now - DEDUPLICATION_MS);
        if (remember.run(queue, deduplicationId, now).changes === 0) return false;
        insert.run(queue, group, deduplicationId, body, now);
        return true;
      });
      if (sent) announce(queue);
    },

    receive: ({ queue, max, visibilityMs }) => {
      for (;;) {
        const result = database.transact(() => receiveOnce(queue, max, visibilityMs));
        if ('received' in result) return result.received;
        for (const message of result.givenUp) options.onGivenUp?.(message);
      }
    },

    delete: (receipt) => {
      removeByReceipt.run(receipt);
    },

    release: (receipt, { delayMs = 0, uncounted = false } = {}) => {
      const row = giveBack.get(clock.now() + delayMs, uncounted ? 1 : 0, receipt);
      if (row !== undefined && delayMs === 0) announce(toQueueName(row['queue']));
    },

    releaseAll: () => {
      connection.exec('UPDATE messages SET receipt = NULL, visible_at = 0 WHERE receipt IS NOT NULL');
    },

    redriveDeadLetters: () =>
      database.transact(() => {
        connection.exec(
          `INSERT INTO messages (queue, message_group, deduplication_id, body, sent_at, visible_at)
           SELECT queue, message_group, 'redriven/' || id, body, sent_at, 0 FROM dead_letters ORDER BY id`,
        );
        return Number(connection.prepare('DELETE FROM dead_letters').run().changes);
      }),

    deadLetters: (limit) =>
      connection
        .prepare(
          `SELECT id, queue, message_group, json_extract(body, '$.type') AS type, receive_count, died_at
           FROM dead_letters ORDER BY id LIMIT ?`,
        )
        .all(limit)
        .map((row) => ({
          id: String(row['id']),
          queue: String(row['queue']),
          group: String(row['message_group']),
          type: String(row['type']),
          receiveCount: Number(row['receive_count']),
          diedAt: Number(row['died_at']),
        })),

    dropDeadLetters: () => Number(connection.prepare('DELETE FROM dead_letters').run().changes),

    depths: () => {
      const now = clock.now();
      return connection
        .prepare(
          `SELECT queue, sum(waiting) AS waiting, sum(in_flight) AS in_flight, sum(dead) AS dead, min(oldest) AS oldest FROM (
             SELECT queue, receipt IS NULL OR visible_at <= ? AS waiting, receipt IS NOT NULL AND visible_at > ? AS in_flight,
               0 AS dead, sent_at AS oldest FROM messages
             UNION ALL SELECT queue, 0, 0, 1, NULL FROM dead_letters
           ) GROUP BY queue ORDER BY queue`,
        )
        .all(now, now)
        .map((row) => ({
          queue: String(row['queue']),
          waiting: Number(row['waiting']),
          inFlight: Number(row['in_flight']),
          deadLetters: Number(row['dead']),
          ...(row['oldest'] === null ? {} : { oldestSentAt: Number(row['oldest']) }),
        }));
    },

    hasWaiting: (queue, group) =>
      connection
        .prepare('SELECT 1 FROM messages WHERE queue = ? AND message_group = ? AND receipt IS NULL LIMIT 1')
        .get(queue, group) !== undefined,

    onWaiting: (listener) => {
      listeners.push(listener);
    },
  };
}

function toReceivedMessage(
  row: Record<string, SQLOutputValue>,
  queue: QueueName,
  receipt: string,
  now: number,
): ReceivedMessage {
  return {
    id: String(row['id']),
    receipt,
    queue,
    group: String(row['message_group']),
    deduplicationId: String(row['deduplication_id']),
    body: String(row['body']),
    sentAt: Number(row['sent_at']),
    firstReceivedAt: row['first_received_at'] === null ? now : Number(row['first_received_at']),
    receiveCount: Number(row['receive_count']) + 1,
  };
}

function toGivenUp(row: Record<string, SQLOutputValue>, queue: QueueName, isKept: boolean): GivenUpMessage {
  const { id = null, message_group: group = null, receive_count: receiveCount = null } = row;
  return { id: String(id), queue, group: String(group), receiveCount: Number(receiveCount), isKept };
}

function toQueueName(value: SQLOutputValue | undefined): QueueName {
  return String(value) as QueueName;
}
