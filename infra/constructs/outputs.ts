import { CfnOutput } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { GitHubSettings } from '#shared/settings/settings.ts';
import type { ArtifactBucket } from './artifact-bucket.ts';
import type { ClusterReconciler } from './cluster-reconciler.ts';

export interface OutputsProps {
  readonly webhookUrl: string;
  readonly github: GitHubSettings;
  readonly artifacts: ArtifactBucket;
  readonly reconcilers: readonly { readonly name: string; readonly reconciler: ClusterReconciler }[];
}

/** What a person needs after `cdk deploy`, and what stays after `cdk destroy`. */
export class Outputs extends Construct {
  constructor(scope: Construct, id: string, props: OutputsProps) {
    super(scope, id);
    const { webhookUrl, github, artifacts, reconcilers } = props;
    const { webhookSecret, privateKeySecret, tokenSecret } = github;
    const secrets = [webhookSecret, privateKeySecret, tokenSecret].filter((name) => name !== undefined);
    this.add('WebhookUrl', webhookUrl, 'Where GitHub sends its webhooks');
    this.add('WebhookSecret', webhookSecret, 'Secret that holds the webhook secret');
    const credential = privateKeySecret ?? tokenSecret;
    if (credential !== undefined) this.add('GitHubCredential', credential, 'Secret to fill with the key or token');
    for (const [index, { name, reconciler }] of reconcilers.entries()) {
      this.add(`ReconcileRole${index}`, reconciler.worker.role.roleArn, `Role whose access entry cluster ${name} has`);
    }
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
