import { Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleGroup,
  ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler';
import { SqsSendMessage } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';

import type { WorkQueue } from './work-queue.ts';

export interface TickTarget {
  readonly id: string;
  readonly queue: WorkQueue;
  /** Of its ticks. A cluster has one group, so that its runs follow one another. */
  readonly group: string;
}

/** A tick a minute to each queue. One that is late is worth nothing: the next is on its way. */
export class Ticks extends Construct {
  /** Of all schedules of the stack. */
  readonly scheduleArns: string;

  constructor(scope: Construct, id: string, targets: readonly TickTarget[]) {
    super(scope, id);
    const scheduleGroup = new ScheduleGroup(this, 'Group');
    // It has a fixed name and nothing in it: kept, it would be in the way of the next installation.
    scheduleGroup.applyRemovalPolicy(RemovalPolicy.DESTROY);
    this.scheduleArns = Stack.of(this).formatArn({
      service: 'scheduler',
      resource: 'schedule',
      resourceName: `${scheduleGroup.scheduleGroupName}/*`,
    });
    // One role for all: CloudFormation counts resources, and a role a cluster would let fewer clusters into a stack.
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID, 'aws:SourceArn': scheduleGroup.scheduleGroupArn },
        },
      }),
    });
    for (const target of targets) {
      new Schedule(this, target.id, {
        description: `A tick a minute for ${target.id}`,
        scheduleGroup,
        schedule: ScheduleExpression.rate(Duration.minutes(1)),
        target: new SqsSendMessage(target.queue.queue, {
          role,
          messageGroupId: target.group,
          input: ScheduleTargetInput.fromObject({ type: 'Tick', id: ContextAttribute.executionId }),
          retryAttempts: 1,
          maxEventAge: Duration.minutes(1),
        }),
      });
    }
  }
}
