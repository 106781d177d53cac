import { Duration, Names } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IEventSourceDlq } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

import { deployedQueueName } from '#shared/settings/deployed-queue-name.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import { acknowledge } from './acknowledge.ts';
import { addRunbookAlarm, ALARM_PERIOD, METRICS_OF_IDLE_QUEUE } from './runbook-alarm.ts';
import type { TidegateFunction } from './tidegate-function.ts';

/** A crashed run keeps its message so much longer than the function may run. */
const VISIBILITY_RESERVE = Duration.seconds(30);
const DEAD_LETTERS_KEPT = Duration.days(14);

export interface WorkQueueProps {
  readonly queue: QueueName;
  /** How long the function that reads it may run. */
  readonly workerTimeout: Duration;
  /** How often a message is tried before it is set aside. */
  readonly maxReceives: number;
  /** A message that waits longer means that the work does not keep up. */
  readonly lateAfter: Duration;
}

/** A FIFO queue, its dead-letter queue, and the alarms of both. The only construct that creates work queues. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      fifo: true,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTERS_KEPT,
    });
    this.queue = new Queue(this, 'Queue', {
      // The functions tell its name from the cluster's.
      queueName: deployedQueueName(props.queue),
      fifo: true,
      // Ticks and ECR's events bring no id of their own; each of their bodies has one, so no two are equal.
      contentBasedDeduplication: true,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: props.workerTimeout.plus(VISIBILITY_RESERVE),
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceives },
    });
    this.addAlarms(props);
  }

  /**
   * Has Lambda read it for a function, with what its role needs for that and no more: the CDK's own event source also
   * gives `sqs:ChangeMessageVisibility` and `sqs:GetQueueUrl`, which Lambda never asks for.
   * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
   */
  feed({ function: worker, role }: TidegateFunction, options: { batchSize: number; maxConcurrency?: number }): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
        resources: [this.queue.queueArn],
      }),
    );
    // Under the id that the CDK gives it: Lambda takes no second mapping of the same queue and function.
    worker.addEventSourceMapping(`SqsEventSource:${Names.nodeUniqueId(this.queue.node)}`, {
      ...options,
      reportBatchItemFailures: true,
      eventSourceArn: this.queue.queueArn,
    });
  }

  /** Lets someone send work. */
  grantSend(sender: IGrantable): void {
    this.queue.grant(sender, 'sqs:SendMessage');
  }

  private addAlarms({ queue, workerTimeout, maxReceives, lateAfter }: WorkQueueProps): void {
    const subject = queue.replace('/', '-');
    const triedMinutes = (maxReceives * workerTimeout.plus(VISIBILITY_RESERVE).toSeconds()) / 60;
    addRunbookAlarm(this, {
      subject,
      section: 'deadLetters',
      meaning: `Work of queue ${queue} was given up, after ${maxReceives} tries.`,
      within: Duration.minutes(Math.ceil(triedMinutes) + METRICS_OF_IDLE_QUEUE.toMinutes() + 5),
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({ period: ALARM_PERIOD, statistic: 'Maximum' }),
      threshold: 1,
      periods: 1,
    });
    addRunbookAlarm(this, {
      subject,
      section: 'oldestMessage',
      meaning: `Work of queue ${queue} has waited for more than ${lateAfter.toMinutes()} minutes.`,
      within: lateAfter.plus(Duration.minutes(20)),
      metric: this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: 'Maximum' }),
      threshold: lateAfter.toSeconds(),
      periods: 2,
    });
    addRunbookAlarm(this, {
      subject,
      section: 'ticks',
      meaning: `Nothing was sent to queue ${queue} for twenty minutes, not even a tick.`,
      within: Duration.minutes(25),
      metric: this.queue.metricNumberOfMessagesSent({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: 1,
      periods: 4,
      ringsBelow: true,
    });
  }
}

/** Where Lambda puts what it gave up of the journal's stream, which cannot be a FIFO queue. */
export class LostRecords extends Construct {
  readonly queue: Queue;

  /** @param triedFor how long Lambda tries a record. */
  constructor(scope: Construct, id: string, triedFor: Duration) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTERS_KEPT,
    });
    acknowledge(
      this.queue,
      'AwsSolutions-SQS3',
      'This is a dead-letter queue itself: Lambda sends here what it gave up.',
    );
    addRunbookAlarm(this, {
      subject: 'notify',
      section: 'journalLost',
      meaning: 'Records of the journal were not passed on and will not be tried again.',
      within: triedFor.plus(METRICS_OF_IDLE_QUEUE).plus(Duration.minutes(5)),
      metric: this.queue.metricApproximateNumberOfMessagesVisible({ period: ALARM_PERIOD, statistic: 'Maximum' }),
      threshold: 1,
      periods: 1,
    });
  }

  /** Lets Lambda put here what it gave up of a function's events. */
  takeFrom({ role }: TidegateFunction): IEventSourceDlq {
    this.queue.grant(role, 'sqs:SendMessage');
    return { bind: () => ({ destination: this.queue.queueArn }) };
  }
}
