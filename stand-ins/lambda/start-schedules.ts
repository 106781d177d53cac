import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';

import type { ScheduleDescription } from './describe-stack.ts';

/** Schedules that run. */
export interface RunningSchedules {
  stop(): Promise<void>;
}

/**
 * Plays EventBridge Scheduler: each schedule sends its input to its queue, an execution id in it, and again after so long.
 * moto keeps schedules and runs none.
 */
export function startSchedules(options: {
  readonly schedules: readonly ScheduleDescription[];
  /** In place of the minute that the template says. */
  readonly everyMs: number;
  readonly urlOf: (queueArn: string) => string;
  readonly sqs: SQSClient;
  readonly log: (line: string) => void;
}): RunningSchedules {
  const { schedules, everyMs, urlOf, sqs, log } = options;
  const sending = new Set<Promise<void>>();

  async function send({ name, queueArn, input, group }: ScheduleDescription): Promise<void> {
    try {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urlOf(queueArn),
          MessageBody: input.replaceAll('<aws.scheduler.execution-id>', randomUUID()),
          MessageGroupId: group,
        }),
      );
    } catch (error) {
      log(`schedule ${name} was not sent: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  function sendAll(): void {
    for (const schedule of schedules) {
      const sent = send(schedule).finally(() => sending.delete(sent));
      sending.add(sent);
    }
  }

  sendAll();
  const timer = setInterval(sendAll, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(sending);
    },
  };
}
