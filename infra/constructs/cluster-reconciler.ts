import { Annotations, Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnSecurityGroupIngress, Peer, Port, SecurityGroup, Subnet, Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnAccessEntry } from 'aws-cdk-lib/aws-eks';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ILayerVersion } from 'aws-cdk-lib/aws-lambda';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

import { defined } from '#shared/common/defined.ts';
import { accessGroup } from '#shared/settings/access-entry-command.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { EnvironmentOf, ReconcileEnvironment } from '#shared/settings/function-environment.ts';
import { METRICS } from '#shared/settings/metric-names.ts';
import type { ClusterVpc } from '#shared/settings/settings.ts';

import { acknowledge } from './acknowledge.ts';
import type { ArtifactBucket } from './artifact-bucket.ts';
import type { JournalTable } from './journal-table.ts';
import { addRunbookAlarm, ALARM_PERIOD } from './runbook-alarm.ts';
import type { FunctionNetwork } from './tidegate-function.ts';
import { TidegateFunction } from './tidegate-function.ts';
import { WorkQueue } from './work-queue.ts';

const TIMEOUT = Duration.minutes(5);
/** One whole CPU. */
const MEMORY = 1769;

export interface ClusterReconcilerProps {
  readonly cluster: EksCluster;
  /** Folder with the bundle and, beside it, what the settings say of the cluster. */
  readonly bundle: string;
  readonly kubectl: ILayerVersion;
  readonly journal: JournalTable;
  readonly artifacts: ArtifactBucket;
}

/**
 * The worker of one cluster: a queue, and a function whose role is the cluster's access entry. It has no credential of
 * GitHub's, and reaches S3, DynamoDB and its API server.
 */
export class ClusterReconciler extends Construct {
  readonly queue: WorkQueue;
  readonly worker: TidegateFunction;
  /** Of the function's interfaces, where it runs in a VPC. */
  readonly securityGroup: SecurityGroup | undefined;

  constructor(scope: Construct, id: string, props: ClusterReconcilerProps) {
    super(scope, id);
    const { cluster, bundle, kubectl, journal, artifacts } = props;
    const { name, target } = cluster;
    this.queue = new WorkQueue(this, 'Work', {
      queue: `reconcile/${name}`,
      workerTimeout: TIMEOUT,
      // Each try may hold up the cluster for five and a half minutes.
      maxReceives: 3,
      lateAfter: Duration.minutes(15),
    });
    const network = target.vpc === undefined ? undefined : this.addNetwork(target.vpc);
    this.securityGroup = network?.securityGroup;
    this.worker = new TidegateFunction(this, 'Worker', {
      description: `Applies what Git says to cluster ${name}`,
      bundle,
      environment: environmentOf(props),
      timeout: TIMEOUT,
      memorySize: MEMORY,
      // The layer's kubectl is for this one.
      architecture: Architecture.X86_64,
      layers: [kubectl],
      ...defined({ network }),
    });
    journal.grantRecordsOf(name, this.worker.role);
    artifacts.grantReconcile(name, this.worker.role);
    this.queue.feed(this.worker, { batchSize: 1 });
    this.addAccess(cluster);
    this.watchConcerns(name);
  }

  /** In our own account the role is let in here; in another one, a role of that account is, and is assumed. */
  private addAccess({ target }: EksCluster): void {
    if (target.roleArn !== undefined) {
      this.worker.role.addToPolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [target.roleArn] }));
      return;
    }
    const entry = new CfnAccessEntry(this, 'AccessEntry', {
      clusterName: target.name,
      principalArn: this.worker.role.roleArn,
      kubernetesGroups: [accessGroup(target)],
      type: 'STANDARD',
    });
    // IAM tells EKS of a new role some seconds late, and EKS refuses one that it does not know: the function goes first.
    const { defaultChild } = this.worker.function.node;
    if (defaultChild !== undefined) entry.node.addDependency(defaultChild);
  }

  private addNetwork(settings: ClusterVpc): FunctionNetwork {
    const vpc = Vpc.fromVpcAttributes(this, 'Vpc', { vpcId: settings.id, availabilityZones: ['named by the subnets'] });
    const subnets = settings.subnets.map((id) => {
      const subnet = Subnet.fromSubnetId(this, id, id);
      acknowledge(
        subnet,
        'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId',
        'Nothing here asks a subnet for its route table: the settings name those that get endpoints.',
      );
      return subnet;
    });
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      allowAllOutbound: false,
      description: 'Tidegate: HTTPS to the API server, S3 and DynamoDB',
    });
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'API server, and S3 and DynamoDB by gateway endpoints');
    this.letIn(securityGroup, settings);
    return { vpc, subnets: { subnets }, securityGroup };
  }

  /**
   * Lets the function in at the API server. The rule is the stack's own, so that it goes before the security group that it
   * names: EC2 deletes none that a rule of another one refers to.
   */
  private letIn({ securityGroupId }: SecurityGroup, { clusterSecurityGroup }: ClusterVpc): void {
    if (clusterSecurityGroup === undefined) {
      Annotations.of(this).addWarningV2(
        'tidegate:noClusterSecurityGroup',
        'eks.vpc.clusterSecurityGroup is missing: somebody has to let the function in by hand, and to take that rule away before the stack can delete its security group.',
      );
      return;
    }
    new CfnSecurityGroupIngress(this, 'LetIn', {
      groupId: clusterSecurityGroup,
      sourceSecurityGroupId: securityGroupId,
      ipProtocol: 'tcp',
      fromPort: 443,
      toPort: 443,
      description: 'Tidegate: HTTPS to the API server',
    });
  }

  private watchConcerns(cluster: string): void {
    addRunbookAlarm(this, {
      subject: `reconcile-${cluster}`,
      section: 'concerns',
      meaning: `Something of cluster ${cluster} has waited for a person for a quarter of an hour.`,
      within: Duration.minutes(20),
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.concerns,
        dimensionsMap: { service: 'reconcile', cluster },
        period: ALARM_PERIOD,
        // It is written after every tick, so what passes by itself is seen to pass.
        statistic: 'Minimum',
      }),
      threshold: 1,
      periods: 3,
    });
  }
}

function environmentOf({ journal, artifacts }: ClusterReconcilerProps): EnvironmentOf<typeof ReconcileEnvironment> {
  return {
    JOURNAL_TABLE: journal.table.tableName,
    ARTIFACT_BUCKET: artifacts.bucket.bucketName,
    KUBECTL: '/opt/kubectl/kubectl',
  };
}
