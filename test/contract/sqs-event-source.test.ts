import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

import { createSqsEventSource } from '#shared/adapters/sqs/sqs-event-source.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import type { EventIntakeWorld } from './event-intake.contract.ts';
import { describeEventIntake } from './event-intake.contract.ts';

async function openQueue(queueName: string): Promise<EventIntakeWorld> {
  const moto = await startMoto();
  const client = new SQSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  const isFifo = queueName.endsWith('.fifo');
  const visibilitySeconds = 1;
  const { QueueUrl: queueUrl = '' } = await client.send(
    new CreateQueueCommand({
      QueueName: queueName,
      ...(isFifo ? { Attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true' } } : {}),
    }),
  );
  return {
    intake: createSqsEventSource({ queueUrl, client, visibilitySeconds }),
    isFifo,
    visibilitySeconds,
    send: async (body) => {
      const group = isFifo ? { MessageGroupId: 'ecr' } : {};
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, ...group }));
    },
    missing: createSqsEventSource({ queueUrl: `${moto.url}/${moto.account}/missing`, client }),
    failNextReceives: async (failure, times) => {
      const throttled = { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' };
      const denied = { status: 403, code: 'AccessDeniedException', message: 'no identity-based policy allows it' };
      await moto.injectFault({ operation: 'ReceiveMessage', times, ...(failure === 'throttled' ? throttled : denied) });
    },
    close: async () => {
      client.destroy();
      await moto.stop();
    },
  };
}

describeEventIntake('SQS, standard queue', () => openQueue('ecr-events'));
describeEventIntake('SQS, FIFO queue', () => openQueue('ecr-events.fifo'));
