import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { EventIntake, TakenEvent } from '#shared/ports/event-intake.ts';

/** A queue under test, and how an outside service fills it. */
export interface EventIntakeWorld {
  readonly intake: EventIntake;
  readonly isFifo: boolean;
  /** One second at most: how long an event stays hidden while it is worked on. */
  readonly visibilitySeconds: number;
  send(body: string): Promise<void>;
  readonly missing: EventIntake;
  failNextReceives(failure: 'throttled' | 'denied', times: number): Promise<void>;
  close(): Promise<void>;
}

/** What every adapter of `EventIntake` keeps. */
export function describeEventIntake(name: string, open: () => Promise<EventIntakeWorld>): void {
  describe(`event intake: ${name}`, () => {
    let world: EventIntakeWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world.close();
    });

    async function takeAll(count: number): Promise<readonly TakenEvent[]> {
      const taken: TakenEvent[] = [];
      for (let attempt = 0; attempt < 20 && taken.length < count; attempt += 1) {
        const events = await world.intake.receive({ waitSeconds: 2 });
        // A group of a FIFO queue gives nothing more until what was taken is deleted.
        await world.intake.delete(events.map(({ receiptHandle }) => receiptHandle));
        taken.push(...events);
      }
      return taken;
    }

    it('gives nothing when nothing came', async () => {
      expect(await world.intake.receive({ waitSeconds: 0 })).toEqual([]);
    });

    it('gives every event once when each is deleted, more than fit in one batch too', async () => {
      const bodies = Array.from({ length: 23 }, (_, index) => `{"event":${index},"text":"ü ${index}"}`);
      for (const body of bodies) await world.send(body);
      const taken = await takeAll(bodies.length);
      const received = taken.map(({ body }) => body);
      expect(world.isFifo ? received : received.toSorted()).toEqual(world.isFifo ? bodies : bodies.toSorted());
      expect(taken.every(({ receiveCount }) => receiveCount === 1)).toBe(true);
      expect(taken.every(({ group }) => (group !== undefined) === world.isFifo)).toBe(true);
      expect(await world.intake.receive({ waitSeconds: world.visibilitySeconds + 1 })).toEqual([]);
    });

    it('gives an event again when its time ran out', async () => {
      await world.send('{"again":"later"}');
      const [first] = await world.intake.receive({ waitSeconds: 2 });
      const [second] = await world.intake.receive({ waitSeconds: world.visibilitySeconds + 3 });
      expect(second).toMatchObject({ id: first?.id, body: '{"again":"later"}', receiveCount: 2 });
      await world.intake.delete([second?.receiptHandle ?? '']);
      expect(await world.intake.receive({ waitSeconds: world.visibilitySeconds + 1 })).toEqual([]);
    });

    it('gives an event again at once when it was handed back', async () => {
      await world.send('{"again":"now"}');
      const [first] = await world.intake.receive({ waitSeconds: 2 });
      await world.intake.release([first?.receiptHandle ?? '']);
      const [second] = await world.intake.receive({ waitSeconds: 0 });
      expect(second).toMatchObject({ id: first?.id, receiveCount: 2 });
      await world.intake.delete([second?.receiptHandle ?? '']);
    });

    it('takes no offence at deleting or handing back what is gone, or nothing at all', async () => {
      await world.send('{"deleted":"twice"}');
      const [event] = await world.intake.receive({ waitSeconds: 2 });
      const handles = [event?.receiptHandle ?? ''];
      await world.intake.delete(handles);
      await world.intake.delete(handles);
      await world.intake.release(handles);
      await world.intake.delete([]);
      await world.intake.release([]);
      expect(await world.intake.receive({ waitSeconds: 0 })).toEqual([]);
    });

    it('stops waiting when told to', async () => {
      const stop = new AbortController();
      const started = Date.now();
      const waiting = world.intake.receive({ waitSeconds: 20, signal: stop.signal });
      setTimeout(() => stop.abort(), 200);
      expect(await waiting).toEqual([]);
      expect(Date.now() - started).toBeLessThan(5_000);
      expect(await world.intake.receive({ waitSeconds: 20, signal: stop.signal })).toEqual([]);
    });

    it('stalls on a queue that does not exist', async () => {
      await expect(world.missing.receive({ waitSeconds: 0 })).rejects.toMatchObject({
        code: 'EventQueueNotFound',
        disposition: 'stall',
      });
    });

    it('stalls when it may not take events, and names the right that is missing', async () => {
      await world.failNextReceives('denied', 1);
      await expect(world.intake.receive({ waitSeconds: 0 })).rejects.toMatchObject({
        code: 'AccessDenied',
        disposition: 'stall',
        message: expect.stringContaining('sqs:ReceiveMessage'),
      });
    });

    it('asks for another try later when it is throttled again and again', async () => {
      await world.failNextReceives('throttled', 4);
      await expect(world.intake.receive({ waitSeconds: 0 })).rejects.toMatchObject({
        code: 'EventQueueUnavailable',
        disposition: 'retry',
      });
    });
  });
}
