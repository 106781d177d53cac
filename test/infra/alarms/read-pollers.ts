import { z } from 'zod';

import type { Template } from '../synthesize.ts';
import { resourcesOf } from '../synthesize.ts';
import { referentOf } from './read-alarms.ts';

/** A queue of the template with the function that Lambda calls for it. */
export interface QueuePoller {
  /** `source-sync`, `reconcile-production`. */
  readonly name: string;
  readonly queue: string;
  readonly deadLetters: string;
  readonly batchSize: number;
  /** Seconds. */
  readonly visibility: number;
  readonly maxReceives: number;
  /** Of the function, seconds. */
  readonly timeout: number;
}

/** The stream of the template with the function that Lambda calls for it. */
export interface StreamPoller {
  readonly function: string;
  readonly lost: string;
  /** -1 for any number. */
  readonly maxRetries: number;
  /** Seconds. */
  readonly maxAge: number;
  readonly timeout: number;
}

const Mapping = z.looseObject({ EventSourceArn: z.unknown(), FunctionName: z.unknown(), BatchSize: z.number() });
const Queue = z.looseObject({
  QueueName: z.string(),
  VisibilityTimeout: z.number(),
  RedrivePolicy: z.object({ maxReceiveCount: z.number(), deadLetterTargetArn: z.unknown() }),
});
const StreamMapping = z.looseObject({
  FunctionName: z.unknown(),
  MaximumRetryAttempts: z.number().default(-1),
  MaximumRecordAgeInSeconds: z.number(),
  DestinationConfig: z.object({ OnFailure: z.object({ Destination: z.unknown() }) }),
});
const LambdaFunction = z.looseObject({ Timeout: z.number() });

/** Every queue that a function reads. */
export function readQueuePollers(template: Template): readonly QueuePoller[] {
  return mappingsOf(template).flatMap((mapping) => {
    const { EventSourceArn, FunctionName, BatchSize } = Mapping.parse(mapping);
    const queue = referentOf(EventSourceArn);
    const resource = template.Resources[queue];
    if (resource?.Type !== 'AWS::SQS::Queue') return [];
    const { QueueName, VisibilityTimeout, RedrivePolicy } = Queue.parse(resource.Properties);
    return [
      {
        name: QueueName.replace(/^tidegate-(?<name>.*)\.fifo$/u, '$<name>'),
        queue,
        deadLetters: referentOf(RedrivePolicy.deadLetterTargetArn),
        batchSize: BatchSize,
        visibility: VisibilityTimeout,
        maxReceives: RedrivePolicy.maxReceiveCount,
        timeout: timeoutOf(template, FunctionName),
      },
    ];
  });
}

/** The stream of the journal. */
export function readStreamPoller(template: Template): StreamPoller {
  const [mapping] = mappingsOf(template).filter((one) => 'DestinationConfig' in one);
  const { FunctionName, MaximumRetryAttempts, MaximumRecordAgeInSeconds, DestinationConfig } =
    StreamMapping.parse(mapping);
  return {
    function: referentOf(FunctionName),
    lost: referentOf(DestinationConfig.OnFailure.Destination),
    maxRetries: MaximumRetryAttempts,
    maxAge: MaximumRecordAgeInSeconds,
    timeout: timeoutOf(template, FunctionName),
  };
}

function mappingsOf(template: Template): readonly Readonly<Record<string, unknown>>[] {
  return resourcesOf(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties);
}

function timeoutOf(template: Template, name: unknown): number {
  return LambdaFunction.parse(template.Resources[referentOf(name)]?.Properties).Timeout;
}
