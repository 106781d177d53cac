import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';

const RECORD_ACTIONS = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'];

/** The journal: one table, paid by use, whose stream is what people and queues are told. */
export class JournalTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      timeToLiveAttribute: 'expiresAt',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // A log and a cache: what is lost with it, the next runs write again.
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  /** The stream of what is written. */
  get streamArn(): string {
    return this.table.tableStreamArn ?? '';
  }

  /** Lets a function be called with what is written. */
  grantStream(role: Role): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        resources: [this.streamArn],
      }),
    );
    // Lambda asks for it, and IAM knows no narrower resource.
    role.addToPolicy(new PolicyStatement({ actions: ['dynamodb:ListStreams'], resources: ['*'] }));
  }

  /** Lets a worker read and write the records of every cluster. */
  grantRecords(role: Role): void {
    role.addToPolicy(new PolicyStatement({ actions: RECORD_ACTIONS, resources: [this.table.tableArn] }));
  }

  /** Lets a worker read and write the records of every cluster, on the condition that one is still what it read. */
  grantConditionalRecords(role: Role): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: ['dynamodb:ConditionCheckItem', ...RECORD_ACTIONS],
        resources: [this.table.tableArn],
      }),
    );
  }

  /** Lets a worker read and write the records of one cluster and no others. */
  grantRecordsOf(cluster: string, role: Role): void {
    this.grantPartition(cluster, RECORD_ACTIONS, role);
  }

  /** Lets a worker know, and tell the others, until when GitHub wants to be left alone. */
  grantQuietTimes(role: Role): void {
    this.grantPartition(INSTALLATION_PARTITION, ['dynamodb:GetItem', 'dynamodb:PutItem'], role);
  }

  private grantPartition(partition: string, actions: readonly string[], role: Role): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: [...actions],
        resources: [this.table.tableArn],
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [partition] } },
      }),
    );
  }
}
