import { Aws, CfnCondition, Fn, Stack } from 'aws-cdk-lib';
import { CfnEventBusPolicy, Match, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { EcrRegistry } from '#shared/settings/settings.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * Image pushes, from EventBridge straight to the queue of image-update: no address on the internet, no shared secret.
 * Only accounts, regions and repositories of the settings get through; image-update looks at the exact names again.
 */
export class EcrEvents extends Construct {
  constructor(scope: Construct, id: string, registries: readonly EcrRegistry[], imageUpdate: WorkQueue) {
    super(scope, id);
    for (const registry of registries) this.addRule(registry, imageUpdate);
    for (const account of new Set(registries.map((registry) => registry.account))) this.letIn(account);
  }

  private addRule({ account, region, repositories }: EcrRegistry, imageUpdate: WorkQueue): void {
    new Rule(this, `Pushes-${account}-${region}`, {
      description: `Image pushes in account ${account}, ${region}`,
      eventPattern: {
        source: ['aws.ecr'],
        detailType: ['ECR Image Action'],
        account: [account],
        region: [region],
        detail: {
          result: ['SUCCESS'],
          'action-type': ['PUSH'],
          ...(repositories.includes('*') ? {} : { 'repository-name': repositories.flatMap(toPattern) }),
        },
      },
      targets: [new SqsQueue(imageUpdate.queue, { messageGroupId: 'ecr' })],
    });
  }

  /** Another account may hand its pushes on to our bus; which account we are is known when the stack is deployed. */
  private letIn(account: string): void {
    const isOther = new CfnCondition(this, `IsOtherAccount-${account}`, {
      expression: Fn.conditionNot(Fn.conditionEquals(Aws.ACCOUNT_ID, account)),
    });
    const policy = new CfnEventBusPolicy(this, `From-${account}`, {
      eventBusName: 'default',
      statementId: `tidegate-ecr-${account}`,
      statement: {
        Effect: 'Allow',
        Principal: { AWS: `arn:${Aws.PARTITION}:iam::${account}:root` },
        Action: 'events:PutEvents',
        Resource: Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' }),
        Condition: { StringEquals: { 'events:source': 'aws.ecr', 'events:detail-type': 'ECR Image Action' } },
      },
    });
    policy.cfnOptions.condition = isOther;
  }
}

function toPattern(repository: string): string[] {
  return repository.endsWith('*') ? Match.prefix(repository.slice(0, -1)) : [repository];
}
