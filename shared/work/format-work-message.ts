import { TidegateError } from '#shared/common/tidegate-error.ts';

import type { QueueName, WorkMessage } from './work-message.ts';

/** SQS takes four times as much; a message of ours is a hint of a few hundred bytes. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/**
 * The body of a queue message.
 * @throws TidegateError `MessageTooLarge` (stall) naming the queue and the limit.
 */
export function formatWorkMessage(queue: QueueName, message: WorkMessage): string {
  // SQS refuses two characters that JSON allows.
  const body = JSON.stringify(message).replaceAll('\uFFFE', '\\ufffe').replaceAll('\uFFFF', '\\uffff');
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_MESSAGE_BYTES) return body;
  throw new TidegateError(
    'MessageTooLarge',
    `message ${message.type} to queue ${queue} has ${bytes} bytes; allowed: ${MAX_MESSAGE_BYTES}`,
    { disposition: 'stall', subject: queue },
  );
}
