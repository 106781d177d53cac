import { CfnOutput, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';

import { accessEntryCommand } from '#shared/settings/access-entry-command.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { GitHubSettings } from '#shared/settings/settings.ts';

import type { ArtifactBucket } from './artifact-bucket.ts';
import type { ClusterReconciler } from './cluster-reconciler.ts';
import type { ImageUpdateWorker } from './image-update-worker.ts';
import { outputName } from './output-name.ts';
import type { PeoplePolicies } from './people-policies.ts';

export interface OutputsProps {
  readonly webhookUrl: string;
  readonly github: GitHubSettings;
  readonly artifacts: ArtifactBucket;
  readonly reconcilers: readonly { readonly cluster: EksCluster; readonly reconciler: ClusterReconciler }[];
  readonly imageUpdate: ImageUpdateWorker;
  readonly people: PeoplePolicies;
}

/** What a person needs after `cdk deploy`, and what stays after `cdk destroy`. */
export class Outputs extends Construct {
  constructor(scope: Construct, id: string, props: OutputsProps) {
    super(scope, id);
    const { webhookUrl, github, artifacts, reconcilers, imageUpdate, people } = props;
    const { webhookSecret, privateKeySecret, tokenSecret } = github;
    const secrets = [webhookSecret, privateKeySecret, tokenSecret].filter((name) => name !== undefined);
    this.add('WebhookUrl', webhookUrl, 'Where GitHub sends its webhooks');
    this.add('WebhookSecret', webhookSecret, 'Secret that holds the webhook secret');
    const credential = privateKeySecret ?? tokenSecret;
    if (credential !== undefined) this.add('GitHubCredential', credential, 'Secret to fill with the key or token');
    for (const { cluster, reconciler } of reconcilers) {
      const { name, target } = cluster;
      const { roleArn } = reconciler.worker.role;
      // Where the stack does not let it in itself.
      if (reconciler.securityGroup !== undefined && target.vpc?.clusterSecurityGroup === undefined) {
        const { securityGroupId } = reconciler.securityGroup;
        this.add(outputName('SecurityGroup', name), securityGroupId, `To be let in on port 443 of cluster ${name}`);
      }
      const isOurAccount = target.roleArn === undefined;
      const role = isOurAccount
        ? `Role whose access entry cluster ${name} has`
        : `Role that ${target.roleArn} has to trust for cluster ${name}`;
      this.add(outputName('ReconcileRole', name), roleArn, role);
      const entry = accessEntryCommand(target, target.roleArn ?? roleArn);
      const when = isOurAccount
        ? 'To run when it was built anew:'
        : 'To run once in its account, and when it was built anew:';
      this.add(outputName('AccessEntry', name), entry, `${when} lets the function into cluster ${name}`);
    }
    const bus = Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
    this.add('EventBus', bus, 'Where infra/ecr-forwarding.yaml sends image pushes of other accounts and regions');
    const { role: imageUpdateRole } = imageUpdate.worker;
    this.add('ImageUpdateRole', imageUpdateRole.roleArn, 'Role to let into repositories of other accounts');
    this.add('PolicyToLook', people.look.managedPolicyArn, 'For people who look: no secrets, no changes');
    this.add(
      'PolicyToOperate',
      people.operate.managedPolicyArn,
      'For people who redrive, fill secrets, start and pause',
    );
    this.add(
      'StaysAfterDestroy',
      `bucket ${artifacts.bucket.bucketName}; secrets ${secrets.join(', ')}`,
      'What cdk destroy leaves, to be deleted by hand; clusters and what runs in them it never touches',
    );
  }

  private add(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description }).overrideLogicalId(name);
  }
}
