import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { WorkQueues } from '#shared/ports/work-queues.ts';
import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';
import { sampleSize } from '#test/sample-size.ts';

/** The consumer's side of a queue, as far as a test needs it. */
export interface QueueConsumer {
  receive(
    queue: QueueName,
    max: number,
  ): Promise<readonly { readonly receipt: string; readonly message: WorkMessage }[]>;
  delete(queue: QueueName, receipt: string): Promise<void>;
}

function tick(id: string): WorkMessage {
  return { type: 'Tick', id };
}

/** What all work queues do. */
export function describeWorkQueues(
  name: string,
  open: () => Promise<{ readonly queues: WorkQueues; readonly consumer: QueueConsumer }>,
): void {
  const send = (queues: WorkQueues, group: string, id: string, queue: QueueName = 'source-sync'): Promise<void> =>
    queues.send({ queue, group, deduplicationId: id, message: tick(id) });

  describe(`${name} queues work`, () => {
    it('hands over the messages of one group one after another, in the order they were sent', async () => {
      const { queues, consumer } = await open();
      for (const id of ['1', '2', '3']) await send(queues, 'a', id);

      const seen: WorkMessage[] = [];
      for (let round = 0; round < 3; round += 1) {
        const [first] = await consumer.receive('source-sync', 1);
        expect(await consumer.receive('source-sync', 10)).toEqual([]);
        if (first === undefined) throw new Error(`round ${round} received nothing`);
        seen.push(first.message);
        await consumer.delete('source-sync', first.receipt);
      }

      expect(seen).toEqual([tick('1'), tick('2'), tick('3')]);
    });

    it('hands over several groups at the same time', async () => {
      const { queues, consumer } = await open();
      for (const group of ['a', 'b', 'c']) await send(queues, group, group);

      const received = [...(await consumer.receive('source-sync', 2)), ...(await consumer.receive('source-sync', 2))];

      expect(received.map(({ message }) => message).toSorted(byId)).toEqual([tick('a'), tick('b'), tick('c')]);
    });

    it('takes the same deduplication id once, also after it was handled, in each queue', async () => {
      const { queues, consumer } = await open();
      await send(queues, 'a', 'same');
      const [first] = await consumer.receive('source-sync', 1);
      if (first === undefined) throw new Error('nothing received');
      await consumer.delete('source-sync', first.receipt);

      await send(queues, 'a', 'same');
      await send(queues, 'a', 'same', 'image-update');

      expect(await consumer.receive('source-sync', 10)).toEqual([]);
      expect(await consumer.receive('image-update', 10)).toHaveLength(1);
    });

    it('takes groups and deduplication ids of any length and any characters, and tells them apart', async () => {
      const { queues, consumer } = await open();
      const long = 'x'.repeat(300);
      const groups = ['', ' ', 'a b', 'é', `${long}1`, `${long}2`, 'https://github.com/acme/fleet-infra'];
      for (const group of groups) await send(queues, group, `${long}/${group}`);
      await send(queues, 'last', `${long}/é`);

      const received = await consumer.receive('source-sync', 10);

      expect(received).toHaveLength(groups.length);
    });

    it('hands over every text as it was sent', async () => {
      const { queues, consumer } = await open();
      let count = 0;
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 50 }), async (text) => {
          count += 1;
          const message: WorkMessage = { type: 'Reconcile', cluster: 'laptop', reason: `${text}\u0000\ufffe\uffff` };
          await queues.send({ queue: 'reconcile/laptop', group: `${count}`, deduplicationId: `${count}`, message });
          const [received] = await consumer.receive('reconcile/laptop', 1);
          expect(received?.message).toEqual(message);
          await consumer.delete('reconcile/laptop', received?.receipt ?? '');
        }),
        { seed: 42, numRuns: sampleSize(30, 1000) },
      );
    });

    it('refuses a message of more than 256 KiB, naming the queue', async () => {
      const { queues, consumer } = await open();
      const message: WorkMessage = { type: 'Reconcile', cluster: 'laptop', reason: 'x'.repeat(300_000) };

      const sent = queues.send({ queue: 'reconcile/laptop', group: 'a', deduplicationId: '1', message });

      await expect(sent).rejects.toMatchObject({
        code: 'MessageTooLarge',
        message: expect.stringContaining('reconcile/laptop'),
      });
      expect(await consumer.receive('reconcile/laptop', 1)).toEqual([]);
    });
  });
}

function byId(left: WorkMessage, right: WorkMessage): number {
  return JSON.stringify(left).localeCompare(JSON.stringify(right));
}
