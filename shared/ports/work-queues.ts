import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';

/** FIFO queues of work: messages of one group are handled one after another, at least once. */
export interface WorkQueues {
  /**
   * A deduplication id seen in the last five minutes makes the call a no-op, as in SQS.
   * @throws TidegateError `MessageTooLarge` (stall) for a message of more than 256 KiB.
   */
  send(request: {
    readonly queue: QueueName;
    readonly group: string;
    readonly deduplicationId: string;
    readonly message: WorkMessage;
  }): Promise<void>;
}
