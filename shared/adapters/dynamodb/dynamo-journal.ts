import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { refuseOversizedWrite } from '#shared/journal/refuse-oversized-write.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal, JournalExpectation } from '#shared/ports/journal.ts';
import type { JournalRecord } from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import { parseJournalRecord } from '#shared/records/parse-journal-record.ts';
import { isExpired } from '#shared/records/record-expiry.ts';
import { toJournalItem } from '#shared/records/stream-record.ts';

import { isContention } from './is-contention.ts';

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Which table is the journal and how to get there. */
export interface DynamoJournalOptions {
  /** Keys `pk` and `sk`, both strings; TTL on `expiresAt`. */
  readonly tableName: string;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** By default a client with the region and the credentials of the environment. */
  readonly client?: DynamoDBClient;
  /** Records asked for at once; as many as DynamoDB gives unless a test wants fewer. */
  readonly pageSize?: number;
}

/** A journal in DynamoDB, with connections to close. */
export interface DynamoJournal extends Journal {
  close(): void;
}

/** A journal in a table of DynamoDB. Reads are consistent: what was written is read by whoever is told of it. */
export function createDynamoJournal(options: DynamoJournalOptions): DynamoJournal {
  const { tableName: TableName, clock, client = createDefaultClient(), pageSize } = options;

  /** The SDK repeats calls that were throttled; what collided with another writer is repeated here. */
  async function call<Answer>(right: string, send: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        if (!isContention(error) || attempt === ATTEMPTS) throw explainFailure(TableName, right, error);
        const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
        await clock.sleep(pause * (0.5 + Math.random() / 2));
      }
    }
  }

  function present(item: Record<string, AttributeValue> | undefined): readonly JournalRecord[] {
    const body = item?.['body']?.S;
    const record = body === undefined ? undefined : parseJournalRecord(body);
    // DynamoDB takes up to days to delete what is expired.
    if (record === undefined || record.type === 'Tombstone' || isExpired(record, clock.now())) return [];
    return [record];
  }

  async function readItem(Key: ItemKey): Promise<Record<string, AttributeValue> | undefined> {
    const command = { TableName, Key, ConsistentRead: true };
    return (await call('dynamodb:GetItem', () => client.send(new GetItemCommand(command)))).Item;
  }

  /** A record has many spellings, and a condition compares one: the one that is stored, if it means what is expected. */
  async function conditionOf({ partition, key, record }: JournalExpectation) {
    const Key = keyAt(partition, key);
    const body = await readItem(Key);
    if (!isDeepStrictEqual(present(body)[0], record)) return 'conflict';
    const condition =
      body?.['body'] === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'body = :expected', ExpressionAttributeValues: { ':expected': body['body'] } };
    return { Key, condition };
  }

  return {
    write: async (records, expected) => {
      refuseOversizedWrite(records);
      const items = newestOfEachKey(records).map(toItem);
      const [first] = items;
      if (first === undefined) return 'written';
      if (items.length === 1 && expected === undefined) {
        await call('dynamodb:PutItem', () => client.send(new PutItemCommand({ TableName, Item: first })));
        return 'written';
      }
      const still = expected === undefined ? undefined : await conditionOf(expected);
      if (still === 'conflict') return 'conflict';
      // An item is named once in a transaction: the condition goes with what is written to its key, if anything is.
      const puts = items.map((Item) => ({
        Put: { TableName, Item, ...(still !== undefined && isAt(Item, still.Key) ? still.condition : {}) },
      }));
      const checks =
        still === undefined || items.some((Item) => isAt(Item, still.Key))
          ? []
          : [{ ConditionCheck: { TableName, Key: still.Key, ...still.condition } }];
      // The token makes a repeated call of a transaction that was carried out, and whose answer was lost, a no-op.
      const command = { ClientRequestToken: randomUUID(), TransactItems: [...puts, ...checks] };
      const right = checks.length === 0 ? 'dynamodb:PutItem' : 'dynamodb:PutItem and dynamodb:ConditionCheckItem';
      try {
        await call(right, () => client.send(new TransactWriteItemsCommand(command)));
        return 'written';
      } catch (error) {
        if (error instanceof TidegateError && failedCondition(error.cause)) return 'conflict';
        throw error;
      }
    },

    read: async (partition, key) => {
      return present(await readItem(keyAt(partition, key)))[0];
    },

    list: async (partition, keyPrefix) => {
      const records: JournalRecord[] = [];
      let start: Record<string, AttributeValue> | undefined;
      do {
        const command = new QueryCommand({
          TableName,
          ConsistentRead: true,
          // DynamoDB refuses an empty prefix.
          KeyConditionExpression: keyPrefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: {
            ':pk': { S: partition },
            ...(keyPrefix === '' ? {} : { ':prefix': { S: keyPrefix } }),
          },
          ExclusiveStartKey: start,
          Limit: pageSize,
        });
        const answer = await call('dynamodb:Query', () => client.send(command));
        records.push(...(answer.Items ?? []).flatMap(present));
        start = answer.LastEvaluatedKey;
      } while (start !== undefined);
      return records;
    },

    close: () => client.destroy(),
  };
}

type ItemKey = ReturnType<typeof keyAt>;

function keyAt(partition: string, key: string) {
  return { pk: { S: partition }, sk: { S: key } };
}

function isAt(item: Record<string, AttributeValue>, key: ItemKey): boolean {
  return item['pk']?.S === key.pk.S && item['sk']?.S === key.sk.S;
}

function failedCondition(error: unknown): boolean {
  return (
    error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(({ Code }) => Code === 'ConditionalCheckFailed')
  );
}

function createDefaultClient(): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: 6,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}

/** A transaction names a key once: the last record of a key, where it stands. */
function newestOfEachKey(records: readonly JournalRecord[]): readonly JournalRecord[] {
  const addressOf = (record: JournalRecord): string => JSON.stringify(journalKey(record));
  const lastIndex = new Map(records.map((record, index) => [addressOf(record), index]));
  return records.filter((record, index) => lastIndex.get(addressOf(record)) === index);
}

function toItem(record: JournalRecord): Record<string, AttributeValue> {
  const entries = Object.entries(toJournalItem(record)).map(([name, attribute]): [string, AttributeValue] => [
    name,
    'S' in attribute ? { S: attribute.S } : { N: attribute.N },
  ]);
  return Object.fromEntries(entries);
}

// Every failure is worth another try: work that ends as a dead letter is seen and sent again, work dropped is lost.
function explainFailure(tableName: string, right: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const options = { disposition: 'retry', subject: tableName, cause } as const;
  switch (classifyAwsFailure(cause)) {
    case 'denied':
      return new TidegateError(
        'AccessDenied',
        `journal table ${tableName} refuses us (${word}): grant ${right} on it`,
        options,
      );
    case 'missing':
      return new TidegateError('JournalNotFound', `journal table ${tableName} does not exist: deploy it`, options);
    case 'transient':
      return new TidegateError(
        'JournalUnavailable',
        `journal table ${tableName} does not answer (${word}): it is tried again`,
        options,
      );
  }
}
