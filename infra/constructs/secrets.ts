import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnSecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { GitHubSettings } from '#shared/settings/settings.ts';

import { acknowledge } from './acknowledge.ts';

const ROTATION = 'GitHub rotates nothing by itself: docs/operations.md says how a person does, without a gap.';
/** Not after a first deployment that fails: the next one could not make a secret of the same name. */
const KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
const ANY_KEY =
  'Which key encrypts a secret is decided in Secrets Manager; its conditions leave only that service and these secrets.';
/** What Secrets Manager adds to a name: a dash and six characters. */
const SUFFIX = '-??????';

/** The secrets that the settings name, made without their values: nothing secret passes through a template. */
export class Secrets extends Construct {
  private readonly github: GitHubSettings;

  constructor(scope: Construct, id: string, github: GitHubSettings) {
    super(scope, id);
    this.github = github;
    // A random value, so that every delivery is answered 401 until a secret is configured on GitHub.
    const webhook = new Secret(this, 'Webhook', {
      secretName: github.webhookSecret,
      description: 'Tidegate: the webhook secret; a second line is the one before, during a rotation',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: KEPT,
    });
    acknowledge(webhook, 'AwsSolutions-SMG4', ROTATION);
    const [name, description] =
      github.privateKeySecret === undefined
        ? [github.tokenSecret, 'Tidegate: a GitHub token']
        : [github.privateKeySecret, 'Tidegate: App ID and private key of the GitHub App'];
    if (name !== undefined) {
      const credential = new CfnSecret(this, 'GitHub', { name, description });
      credential.applyRemovalPolicy(KEPT);
      acknowledge(credential, 'AwsSolutions-SMG4', ROTATION);
    }
  }

  /** Lets the webhook read its secret. */
  grantWebhook(role: Role): void {
    this.grant(role, [this.github.webhookSecret]);
  }

  /** Lets a worker be the GitHub App, or the token's user. */
  grantGitHub(role: Role): void {
    const { privateKeySecret, tokenSecret } = this.github;
    this.grant(
      role,
      [privateKeySecret, tokenSecret].filter((name) => name !== undefined),
    );
  }

  /** Lets a worker read the secrets that sources of these clusters name: `tidegate/<cluster>/<namespace>/<name>`. */
  grantSources(role: Role, clusters: readonly EksCluster[]): void {
    const patterns = clusters.map(({ name }) => `tidegate/${name}/*`);
    for (const pattern of patterns) this.grant(role, [], pattern);
    if (patterns.length > 0) this.grantKeys(role, patterns);
  }

  /** Lets people fill secrets that a key of their own encrypts, through Secrets Manager alone. */
  keysForPeople(): PolicyStatement {
    return this.keyStatement(['kms:Decrypt', 'kms:GenerateDataKey'], this.arnsForPeople);
  }

  /** Every secret that people fill, those that sources name among them. */
  get arnsForPeople(): string[] {
    const { webhookSecret, privateKeySecret, tokenSecret } = this.github;
    const names = [webhookSecret, privateKeySecret, tokenSecret].filter((name) => name !== undefined);
    return [...names.map((name) => this.arn(`${name}${SUFFIX}`)), this.arn('tidegate/*')];
  }

  private arn(pattern: string): string {
    return Stack.of(this).formatArn({ service: 'secretsmanager', resource: `secret:${pattern}` });
  }

  private grant(role: Role, names: readonly string[], pattern?: string): void {
    const patterns = [...names.map((name) => `${name}${SUFFIX}`), ...(pattern === undefined ? [] : [pattern])];
    const resources = patterns.map((one) => this.arn(one));
    role.addToPolicy(new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources }));
    const { partition, region } = Stack.of(this);
    if (pattern === undefined) {
      this.grantKeys(role, patterns);
      return;
    }
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::arn:${partition}:secretsmanager:${region}:<AWS::AccountId>:secret:${pattern}]`,
      'Sources name these secrets in Git, after the stack was deployed.',
    );
  }

  /** Whoever reads a secret under a customer's key has to be let use the key, too; under AWS's own everybody is. */
  private grantKeys(role: Role, patterns: readonly string[]): void {
    const secrets = patterns.map((one) => this.arn(one));
    role.addToPolicy(this.keyStatement(['kms:Decrypt'], secrets));
    acknowledge(role, `AwsSolutions-IAM5[Resource::${this.anyKey(true)}]`, ANY_KEY);
  }

  /** "Permissions for the KMS key" of the Secrets Manager User Guide: by that service alone, for these secrets alone. */
  private keyStatement(actions: readonly string[], secrets: readonly string[]): PolicyStatement {
    return new PolicyStatement({
      actions: [...actions],
      resources: [this.anyKey()],
      conditions: {
        StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this).region}.amazonaws.com` },
        StringLike: { 'kms:EncryptionContext:SecretARN': [...secrets] },
      },
    });
  }

  /** Which key encrypts a secret is decided in Secrets Manager, where it may be changed at any time. */
  private anyKey(asFinding = false): string {
    const { partition, region, account } = Stack.of(this);
    return `arn:${partition}:kms:${region}:${asFinding ? '<AWS::AccountId>' : account}:key/*`;
  }
}
