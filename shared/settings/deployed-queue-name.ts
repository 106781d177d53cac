import { createHash } from 'node:crypto';

import type { QueueName } from '#shared/work/work-message.ts';

/** SQS takes 80 characters with `.fifo`; the names of clusters may have 63 alone. */
const LONGEST = 70;

/** The name of a work queue in SQS. Every function can tell it, so that no list of queues has to fit an environment. */
export function deployedQueueName(queue: QueueName): string {
  const name = `tidegate-${queue.replace('/', '-')}`;
  if (name.length <= LONGEST) return `${name}.fifo`;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 10);
  return `${name.slice(0, LONGEST - digest.length - 1)}-${digest}.fifo`;
}

/** The address of a queue beside another one: same server, same account. */
export function siblingQueueUrl(url: string, queue: QueueName): string {
  return `${url.slice(0, url.lastIndexOf('/') + 1)}${deployedQueueName(queue)}`;
}
