import { describe, expect, it } from 'vitest';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Notification } from '#shared/notify/plan-notifications.ts';
import { sendNotifications } from '#shared/notify/send-notifications.ts';
import type { QuietTime } from '#shared/ports/quiet-times.ts';

function status(sequence: number): Notification {
  return {
    kind: 'commit-status',
    sequenceNumber: `${sequence}`,
    repository: { owner: 'acme', name: 'fleet-infra' },
    commit: 'a'.repeat(40),
    status: { context: `tidegate/laptop/flux-system/app-${sequence}`, state: 'success', description: 'ok' },
  };
}

async function send(
  notifications: readonly Notification[],
  fails: (context: string) => 'retry' | 'stall' | undefined,
  quiet?: QuietTime,
): Promise<{
  readonly asked: number;
  readonly worked: number;
  readonly failed: Awaited<ReturnType<typeof sendNotifications>>;
}> {
  let asked = 0;
  let worked = 0;
  const failed = await sendNotifications(notifications, {
    isOutOfTime: () => false,
    queues: { send: async () => void (worked += 1) },
    quietTimes: { find: async () => quiet, begin: () => Promise.reject(new Error('nobody asked GitHub')) },
    statuses: {
      set: async (_, __, { context }) => {
        asked += 1;
        const disposition = fails(context);
        if (disposition !== undefined) throw new TidegateError('GitOperationFailed', 'no', { disposition });
      },
    },
  });
  return { asked, worked, failed };
}

describe('sendNotifications', () => {
  const statuses = Array.from({ length: 100 }, (_, index) => status(index));

  it('asks a GitHub that does not answer three times and leaves the other ninety-seven statuses for later', async () => {
    const { asked, failed } = await send(statuses, () => 'retry');

    expect(asked).toBe(3);
    expect(failed.filter(({ again }) => again)).toHaveLength(100);
  });

  it('asks nothing while GitHub is not asked, keeps the statuses for then, and sends the work', async () => {
    const until = Date.parse('2026-11-27T21:00:00Z');
    const work: Notification = {
      kind: 'work',
      sequenceNumber: '1000',
      queue: 'source-sync',
      group: 'g',
      deduplicationId: 'd',
      message: { type: 'Tick', id: 't' },
    };
    const quiet = { account: 'acme', since: 0, until, why: 'its budget is used up' };

    const { asked, worked, failed } = await send([...statuses, work], () => undefined, quiet);

    expect([asked, worked]).toEqual([0, 1]);
    expect(failed.filter(({ again, tried }) => again && !tried)).toHaveLength(100);
    expect(String(failed[0]?.error)).toContain(
      'GitHub is asked again at 2026-11-27T21:00:00.000Z: its budget is used up',
    );
  });

  it('sets every other status when a commit is gone and when one in three fails', async () => {
    const gone = await send(statuses, () => 'stall');
    const shaky = await send(statuses, (context) =>
      Number(/\d+$/u.exec(context)?.[0]) % 3 === 0 ? 'retry' : undefined,
    );

    expect([gone.asked, gone.failed.filter(({ again }) => again).length]).toEqual([100, 0]);
    expect([shaky.asked, shaky.failed.length]).toEqual([100, 34]);
  });
});
