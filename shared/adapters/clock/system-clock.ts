import { setTimeout as wait } from 'node:timers/promises';

import type { Clock } from '#shared/ports/clock.ts';

/** The time of this machine. A sleep that is aborted ends early, without an error. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  },
};
