import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { pollQueue } from '#stand-ins/lambda/poll-queue.ts';
import { startFunction } from '#stand-ins/lambda/start-function.ts';

/** Notes down what it sees, and does what the messages say. */
const HANDLER = `
import { appendFileSync } from 'node:fs';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const note = (what) => appendFileSync(process.env.SEEN, JSON.stringify(what) + '\\n');
export async function handler(event) {
  const batchItemFailures = [];
  for (const { messageId, body, attributes } of event.Records) {
    const { name, fails = 0, how = 'named', worksMs = [] } = JSON.parse(body);
    const time = Number(attributes.ApproximateReceiveCount);
    note({ name, group: attributes.MessageGroupId, time, batch: event.Records.length });
    if (time <= fails) {
      switch (how) {
        case 'named': batchItemFailures.push({ itemIdentifier: messageId }); continue;
        case 'thrown': throw new Error(name);
        case 'dead': process.exit(1);
        case 'late': await sleep(60_000); continue;
        case 'nonsense': return { batchItemFailures: [{ messageId }] };
        case 'unknown': return { batchItemFailures: [{ itemIdentifier: 'somebody-else' }] };
      }
    }
    await sleep(worksMs[time - 1] ?? 0);
    note({ name, done: time });
  }
  return { batchItemFailures };
}`;

interface Seen {
  readonly name: string;
  readonly group?: string;
  readonly time?: number;
  readonly batch?: number;
  readonly done?: number;
}

interface Work {
  readonly name: string;
  readonly group?: string;
  /** How many of its deliveries fail. */
  readonly fails?: number;
  readonly how?: 'named' | 'thrown' | 'dead' | 'late' | 'nonsense' | 'unknown';
  /** How long each of its deliveries takes. */
  readonly worksMs?: readonly number[];
}

describe("the stand-in for Lambda's poller of a queue", () => {
  let moto: RunningMoto;
  let sqs: SQSClient;
  let folder: string;
  let count = 0;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    moto = await startMoto();
    sqs = new SQSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    folder = await mkdtemp(join(tmpdir(), 'lambda-queue-test-'));
    await writeFile(join(folder, 'index.mjs'), HANDLER);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(async () => {
    sqs.destroy();
    await moto.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A FIFO queue with dead letters, and a function that reads it. */
  async function open(
    options: { batchSize?: number; maxConcurrency?: number; visibilitySeconds?: number; timeoutMs?: number } = {},
  ) {
    const { batchSize = 5, maxConcurrency, visibilitySeconds = 1, timeoutMs = 5_000 } = options;
    count += 1;
    const name = `work-${count}`;
    const seenFile = join(folder, `${name}.jsonl`);
    await writeFile(seenFile, '');
    const arnOf = (queue: string): string => `arn:aws:sqs:${moto.region}:${moto.account}:${queue}.fifo`;
    const create = async (queue: string, attributes: Record<string, string>): Promise<string> => {
      const Attributes = { FifoQueue: 'true', ContentBasedDeduplication: 'true', ...attributes };
      return (await sqs.send(new CreateQueueCommand({ QueueName: `${queue}.fifo`, Attributes }))).QueueUrl ?? '';
    };
    const deadUrl = await create(`${name}-dead`, {});
    const queueUrl = await create(name, {
      VisibilityTimeout: String(visibilitySeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(`${name}-dead`), maxReceiveCount: 3 }),
    });
    const worker = startFunction({
      name,
      taskRoot: folder,
      handler: 'index.handler',
      environment: { SEEN: seenFile },
      reserved: {},
      timeoutMs,
      memoryMb: 128,
    });
    const lines: string[] = [];
    const start = (): void => {
      const poller = pollQueue({
        sqs,
        queueUrl,
        queueArn: arnOf(name),
        function: worker,
        batchSize,
        ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
        log: (line) => lines.push(line),
      });
      stops.push(async () => {
        await worker.stop();
        await poller.stop();
      });
    };
    const sizeOf = async (url: string): Promise<number> => {
      const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...AttributeNames] });
      const { Attributes = {} } = await sqs.send(command);
      return AttributeNames.reduce((sum, attribute) => sum + Number(Attributes[attribute]), 0);
    };
    const readSeen = async (): Promise<readonly Seen[]> =>
      (await readFile(seenFile, 'utf8')).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Seen]));
    return {
      lines,
      start,
      send: async (...work: readonly Work[]) => {
        for (const { group = 'one', ...message } of work) {
          const MessageBody = JSON.stringify(message);
          await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody, MessageGroupId: group }));
        }
      },
      readSeen,
      /** Names in the order in which they were done. */
      readDone: async () => (await readSeen()).flatMap((seen) => (seen.done === undefined ? [] : [seen.name])),
      untilEmpty: async () => {
        await expect.poll(() => sizeOf(queueUrl), { timeout: 30_000, interval: 100 }).toBe(0);
      },
      readDead: async () => {
        const command = new ReceiveMessageCommand({ QueueUrl: deadUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 });
        const { Messages = [] } = await sqs.send(command);
        return Messages.map(({ Body = '' }) => (JSON.parse(Body) as Work).name);
      },
    };
  }

  it('hands over messages in the order of their group, several groups at once, and deletes them', async () => {
    const queue = await open({ batchSize: 3, maxConcurrency: 2 });
    const numbers = [1, 2, 3, 4, 5, 6, 7];
    for (const number of numbers) {
      for (const group of ['a', 'b', 'c']) await queue.send({ name: `${group}${number}`, group, worksMs: [20] });
    }

    queue.start();
    await queue.untilEmpty();

    const done = await queue.readDone();
    for (const group of ['a', 'b', 'c']) {
      expect(done.filter((name) => name.startsWith(group))).toEqual(numbers.map((number) => `${group}${number}`));
    }
    expect(done).toHaveLength(21);
    expect(Math.max(...(await queue.readSeen()).map(({ batch = 0 }) => batch))).toBe(3);
  });

  it('keeps what the function names and deletes the rest of the batch', async () => {
    const queue = await open();
    await queue.send({ name: 'a', group: 'a' }, { name: 'b', group: 'b', fails: 1 }, { name: 'c', group: 'c' });

    queue.start();
    await queue.untilEmpty();

    expect(await queue.readDone()).toEqual(['a', 'c', 'b']);
    expect((await queue.readSeen()).filter(({ time }) => time === 2).map(({ name }) => name)).toEqual(['b']);
    expect(await queue.readDead()).toEqual([]);
  });

  it.each(['thrown', 'dead', 'late', 'nonsense', 'unknown'] as const)(
    'keeps the whole batch of a function that ends like this: %s',
    async (how) => {
      const queue = await open({ timeoutMs: 800, visibilitySeconds: 2 });
      await queue.send({ name: 'first' }, { name: 'second', fails: 1, how }, { name: 'third' });

      queue.start();
      await queue.untilEmpty();

      expect(await queue.readDone()).toEqual(['first', 'first', 'second', 'third']);
      expect(await queue.readDead()).toEqual([]);
    },
  );

  it('leaves a message that always fails to the dead letters, and goes on with its group', async () => {
    const queue = await open({ batchSize: 1 });
    await queue.send({ name: 'first' }, { name: 'poison', fails: 99, how: 'thrown' }, { name: 'third' });
    await queue.send({ name: 'other', group: 'two' });

    queue.start();
    await queue.untilEmpty();

    const done = await queue.readDone();
    // Between groups there is no order; only what is behind the poison waits for it.
    expect(done.filter((name) => name !== 'other')).toEqual(['first', 'third']);
    expect(done.indexOf('other')).toBeOneOf([0, 1]);
    expect((await queue.readSeen()).filter(({ name }) => name === 'poison').map(({ time }) => time)).toEqual([1, 2, 3]);
    expect(await queue.readDead()).toEqual(['poison']);
  });

  it('delivers a message again when its visibility runs out under a working function, whose end then deletes nothing', async () => {
    const queue = await open({ batchSize: 1, visibilitySeconds: 3 });
    await queue.send({ name: 'slow', worksMs: [4_500, 2_500] }, { name: 'next' });

    queue.start();
    await queue.untilEmpty();

    const seen = await queue.readSeen();
    expect(
      seen.map(({ name, time, done }) => (time === undefined ? `${name} done ${done}` : `${name} ${time}`)),
    ).toEqual(['slow 1', 'slow 2', 'slow done 1', 'slow done 2', 'next 1', 'next done 1']);
    expect(queue.lines.filter((line) => line.includes('is not deleted'))).toHaveLength(1);
    expect(await queue.readDead()).toEqual([]);
  });

  it('gets over an SQS that refuses for a while', async () => {
    const queue = await open();
    await queue.send({ name: 'a' });
    await moto.injectFault({
      operation: 'ReceiveMessage',
      status: 400,
      code: 'ThrottlingException',
      message: 'slow',
      times: 5,
    });

    queue.start();
    await queue.untilEmpty();

    expect(await queue.readDone()).toEqual(['a']);
  });

  it('stops in the middle of nothing and takes no more', async () => {
    const queue = await open();
    queue.start();
    await sleep(200);

    for (const stop of stops.splice(0)) await stop();
    await queue.send({ name: 'too late' });
    await sleep(300);

    expect(await queue.readSeen()).toEqual([]);
  });
});
