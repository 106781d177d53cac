import { Aws, CfnCondition, CfnResource, Fn, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { ecrPushPattern } from '#shared/settings/ecr-push-pattern.ts';
import type { EcrRegistry } from '#shared/settings/settings.ts';

import type { WorkQueue } from './work-queue.ts';

/**
 * Image pushes, from EventBridge straight to the queue of image-update: no address on the internet, no shared secret.
 * Only accounts, regions and repositories of the settings get through; image-update looks at the exact names again.
 */
export class EcrEvents extends Construct {
  constructor(scope: Construct, id: string, registries: readonly EcrRegistry[], imageUpdate: WorkQueue) {
    super(scope, id);
    const rules = registries.map((registry) => this.addRule(registry, imageUpdate));
    if (rules.length > 0) letRulesSend(rules, imageUpdate);
    for (const account of new Set(registries.map((registry) => registry.account))) this.letIn(account);
  }

  private addRule(registry: EcrRegistry, { queue }: WorkQueue): Rule {
    const { account, region } = registry;
    const id = `Pushes-${account}-${region}`;
    // A list of repositories that is too long for one pattern is written as several entries.
    const same = this.node.children.filter(({ node }) => node.id.startsWith(id)).length;
    return new Rule(this, same === 0 ? id : `${id}-${same + 1}`, {
      description: `Image pushes in account ${account}, ${region}`,
      eventPattern: ecrPushPattern(registry),
      targets: [{ bind: () => ({ arn: queue.queueArn, sqsParameters: { messageGroupId: 'ecr' } }) }],
    });
  }

  /** Another account may hand its pushes on to our bus; which account we are is known when the stack is deployed. */
  private letIn(account: string): void {
    const isOther = new CfnCondition(this, `IsOtherAccount-${account}`, {
      expression: Fn.conditionNot(Fn.conditionEquals(Aws.ACCOUNT_ID, account)),
    });
    // Of the CDK's own class, whatever reads its properties is warned of one that we do not set.
    const policy = new CfnResource(this, `From-${account}`, {
      type: 'AWS::Events::EventBusPolicy',
      properties: {
        EventBusName: 'default',
        Statement: {
          Effect: 'Allow',
          Principal: { AWS: `arn:${Aws.PARTITION}:iam::${account}:root` },
          Action: 'events:PutEvents',
          Resource: Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' }),
          Condition: {
            // A request has one source for each of its events: IAM compares such keys by set operators only.
            'ForAllValues:StringEquals': { 'events:source': 'aws.ecr' },
            StringEquals: { 'events:detail-type': 'ECR Image Action' },
          },
        },
        StatementId: `tidegate-ecr-${account}`,
      },
    });
    policy.cfnOptions.condition = isOther;
  }
}

/** One statement for all: SQS takes ten conditions in the policy of a queue, so the CDK's one for each rule is too much. */
function letRulesSend(rules: readonly Rule[], { queue }: WorkQueue): void {
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': rules.map(({ ruleArn }) => ruleArn) } },
    }),
  );
}
