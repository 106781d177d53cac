import { Stack } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { acknowledge } from './acknowledge.ts';
import type { JournalTable } from './journal-table.ts';
import type { Operations } from './operations.ts';
import type { Secrets } from './secrets.ts';
import type { Ticks } from './ticks.ts';
import { VENDED_LOGS } from './webhook-endpoint.ts';

/** What CloudFormation or this stack names begins so. */
const OURS = 'tidegate-*';

export interface PeoplePoliciesProps {
  readonly journal: JournalTable;
  readonly operations: Operations;
  readonly secrets: Secrets;
  readonly ticks: Ticks;
}

/**
 * What people may do with an installation: look, or look and operate. Neither reads a secret or an artifact, deploys, or
 * passes a role on. They are attached to nobody here.
 */
export class PeoplePolicies extends Construct {
  readonly look: ManagedPolicy;
  readonly operate: ManagedPolicy;

  constructor(scope: Construct, id: string, props: PeoplePoliciesProps) {
    super(scope, id);
    const looking = this.lookStatements(props);
    this.look = this.addPolicy('Look', 'Tidegate: journal, logs, alarms, metrics and queues; no secrets', looking);
    this.operate = this.addPolicy('Operate', 'Tidegate: look, redrive, fill secrets, start and pause functions', [
      ...this.lookStatements(props),
      ...this.operateStatements(props),
    ]);
  }

  private addPolicy(id: string, description: string, statements: readonly PolicyStatement[]): ManagedPolicy {
    const policy = new ManagedPolicy(this, id, { description, statements: [...statements] });
    for (const resource of new Set(statements.flatMap(({ resources }) => resources))) {
      if (!resource.includes('*')) continue;
      acknowledge(
        policy,
        `AwsSolutions-IAM5[Resource::${resource.replaceAll(Stack.of(this).account, '<AWS::AccountId>')}]`,
        resource === '*'
          ? 'Lists, metrics and traces have no narrower resource.'
          : 'CloudFormation ends these names with characters of chance, or Git names them after the deployment.',
      );
    }
    return policy;
  }

  private lookStatements({ journal, operations, ticks }: PeoplePoliciesProps): readonly PolicyStatement[] {
    return [
      allow(
        ['dynamodb:DescribeTable', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'],
        [journal.table.tableArn],
      ),
      allow(
        ['logs:DescribeLogStreams', 'logs:FilterLogEvents', 'logs:GetLogEvents', 'logs:StartQuery'],
        [this.arn('logs', `log-group:${OURS}:*`), this.arn('logs', `log-group:${VENDED_LOGS}/${OURS}:*`)],
      ),
      allow(
        ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:ListDeadLetterSourceQueues', 'sqs:ListMessageMoveTasks'],
        [this.arn('sqs', OURS)],
      ),
      allow(
        ['lambda:GetFunctionConfiguration', 'lambda:GetFunctionConcurrency'],
        [this.arn('lambda', `function:${OURS}`)],
      ),
      allow(['scheduler:GetSchedule'], [ticks.scheduleArns]),
      allow(['cloudwatch:GetDashboard'], [operations.dashboard.dashboardArn]),
      allow(
        [
          'cloudformation:DescribeStackEvents',
          'cloudformation:DescribeStackResources',
          'cloudformation:DescribeStacks',
        ],
        [Stack.of(this).stackId],
      ),
      allow(
        [
          'cloudwatch:DescribeAlarmHistory',
          'cloudwatch:DescribeAlarms',
          'cloudwatch:GetMetricData',
          'cloudwatch:ListDashboards',
          'cloudwatch:ListMetrics',
          'lambda:ListEventSourceMappings',
          'lambda:ListFunctions',
          'logs:DescribeLogGroups',
          'logs:GetQueryResults',
          'scheduler:ListSchedules',
          'sqs:ListQueues',
          'xray:BatchGetTraces',
          'xray:GetTraceSummaries',
        ],
        ['*'],
      ),
    ];
  }

  private operateStatements({ secrets }: PeoplePoliciesProps): readonly PolicyStatement[] {
    return [
      allow(
        [
          'sqs:CancelMessageMoveTask',
          'sqs:ChangeMessageVisibility',
          'sqs:DeleteMessage',
          'sqs:PurgeQueue',
          'sqs:ReceiveMessage',
          'sqs:SendMessage',
          'sqs:StartMessageMoveTask',
        ],
        [this.arn('sqs', OURS)],
      ),
      allow(
        ['secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
        secrets.arnsForPeople,
      ),
      secrets.keysForPeople(),
      // Sources name theirs in Git, after the stack was deployed.
      allow(['secretsmanager:CreateSecret'], [this.arn('secretsmanager', 'secret:tidegate/*')]),
      allow(['lambda:InvokeFunction'], [this.arn('lambda', `function:${OURS}`)]),
      new PolicyStatement({
        actions: ['lambda:GetEventSourceMapping', 'lambda:UpdateEventSourceMapping'],
        resources: [this.arn('lambda', 'event-source-mapping:*')],
        conditions: { ArnLike: { 'lambda:FunctionArn': this.arn('lambda', `function:${OURS}`) } },
      }),
    ];
  }

  private arn(service: string, resource: string): string {
    const { partition, region, account } = Stack.of(this);
    return `arn:${partition}:${service}:${region}:${account}:${resource}`;
  }
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}
