import type { Context } from 'aws-lambda';

import type { Clock } from '#shared/ports/clock.ts';

/** Kept back at the end of a run for records and the answer. Milliseconds. */
const RESERVE_MS = 5_000;

export type RunContext = Pick<Context, 'getRemainingTimeInMillis'>;

/** The time of the run that is under way; in Lambda a process has one at a time. */
export interface RunTime {
  /** Until when answers are waited for, milliseconds since the epoch; for ever before the first run. */
  readonly deadline: () => number;
  /** Has a handler's runs end in time. */
  during<Event, Answer>(
    handler: (event: Event, context: RunContext) => Promise<Answer>,
  ): (event: Event, context: RunContext) => Promise<Answer>;
}

export function createRunTime(clock: Pick<Clock, 'now'>): RunTime {
  let deadline = Infinity;
  return {
    deadline: () => deadline,
    during: (handler) => (event, context) => {
      deadline = clock.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
      return handler(event, context);
    },
  };
}
