import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { SQSClient } from '@aws-sdk/client-sqs';

import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';

import type { StackDescription } from './describe-stack.ts';
import { type Poller, pollQueue } from './poll-queue.ts';
import { pollStream } from './poll-stream.ts';
import type { LambdaFunction } from './start-function.ts';
import { startSchedules } from './start-schedules.ts';

/** What calls the functions of a stack, apart from its HTTP API. */
export interface SourcesOptions {
  readonly description: StackDescription;
  readonly functionOf: (arnOrName: string) => LambdaFunction;
  readonly urlOf: (queueArn: string) => string;
  readonly moto: RunningMoto;
  /** How often the schedules send, in place of every minute. */
  readonly tickMs: number;
  readonly log: (line: string) => void;
}

/** Lets the stack's queues, its stream and its schedules call the functions, as the template wires them. */
export function startSources(options: SourcesOptions): Poller {
  const { description, functionOf, urlOf, moto, tickMs, log } = options;
  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  const sqs = new SQSClient(connection);
  const streams = new DynamoDBStreamsClient(connection);
  const pollers = [
    ...description.queueMappings.map(({ functionName, ...mapping }) =>
      pollQueue({
        ...mapping,
        sqs,
        queueUrl: urlOf(mapping.queueArn),
        function: functionOf(functionName),
        log,
      }),
    ),
    ...description.streamMappings.map(({ functionName, onFailureArn, ...mapping }) =>
      pollStream({
        ...mapping,
        streams,
        sqs,
        function: functionOf(functionName),
        functionArn: `arn:aws:lambda:${moto.region}:${moto.account}:function:${functionName}`,
        onFailureQueueUrl: urlOf(onFailureArn),
        log,
      }),
    ),
  ];
  const schedules = startSchedules({ schedules: description.schedules, everyMs: tickMs, urlOf, sqs, log });
  return {
    stop: async () => {
      await schedules.stop();
      await Promise.all(pollers.map((poller) => poller.stop()));
      sqs.destroy();
      streams.destroy();
    },
  };
}
