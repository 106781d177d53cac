import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import { classifyAwsCode } from './classify-aws-failure.ts';

/** A send that failed, by AWS' word for it. */
export interface QueueFailure {
  readonly queue: QueueName;
  readonly url: string;
  /** `ThrottlingException`. */
  readonly code: string;
  readonly cause?: unknown;
}

/** Says what is wrong with a queue. Every failure is worth another try: work that ends as a dead letter is seen and sent again, work dropped is lost. */
export function explainQueueFailure({ queue, url, code, cause }: QueueFailure): TidegateError {
  const options = { disposition: 'retry', subject: queue, cause } as const;
  switch (classifyAwsCode(code)) {
    case 'denied':
      return new TidegateError(
        'AccessDenied',
        `queue ${queue} (${url}) refuses us (${code}): grant sqs:SendMessage on it`,
        options,
      );
    case 'missing':
      return new TidegateError('QueueNotFound', `queue ${queue} (${url}) does not exist: deploy it`, options);
    case 'transient':
      return new TidegateError(
        'QueueUnavailable',
        `queue ${queue} does not answer (${code}): it is tried again`,
        options,
      );
  }
}

/** @throws TidegateError `QueueUnknown` (stall) for a queue that nobody gave an address. */
export function findQueueUrl(urls: Readonly<Partial<Record<QueueName, string>>>, queue: QueueName): string {
  const url = Object.hasOwn(urls, queue) ? urls[queue] : undefined;
  if (url !== undefined) return url;
  const known = Object.keys(urls).join(', ') || 'none';
  throw new TidegateError(
    'QueueUnknown',
    `queue ${queue} is not one of those this function sends to (${known}): deploy the settings that name it`,
    { disposition: 'stall', subject: queue },
  );
}
