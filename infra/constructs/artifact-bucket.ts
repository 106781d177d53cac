import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

import { acknowledge } from './acknowledge.ts';

/** The bucket of artifacts, by their digest, and of apply records, one a cluster. */
export class ArtifactBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        // Of what no head names. S3 counts from the creation of an object ("Expiring objects" of its user guide), and
        // source-sync copies what is in use onto itself at a third of that.
        { id: 'old-artifacts', prefix: 'artifacts/', expiration: Duration.days(90) },
        {
          id: 'old-versions',
          noncurrentVersionExpiration: Duration.days(7),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    acknowledge(
      this.bucket,
      'AwsSolutions-S1',
      'Two functions of this stack read it; CloudTrail data events log that where it is wanted, without a second bucket.',
    );
  }

  /** Lets source-sync store artifacts. */
  grantStoreArtifacts(role: Role): void {
    this.grantObjects(role, ['s3:GetObject', 's3:PutObject'], 'artifacts/*');
  }

  /** Lets the worker of a cluster read artifacts, and keep the record of that cluster. */
  grantReconcile(cluster: string, role: Role): void {
    this.grantObjects(role, ['s3:GetObject'], 'artifacts/*');
    role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [this.bucket.arnForObjects(`records/${cluster}.json`)],
      }),
    );
  }

  private grantObjects(role: Role, actions: readonly string[], pattern: string): void {
    role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [this.bucket.arnForObjects(pattern)] }));
    // Without it S3 answers 403 instead of 404 for a missing object.
    role.addToPolicy(new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] }));
    const resource = this.bucket.node.defaultChild;
    const logicalId = resource instanceof CfnBucket ? Stack.of(this).getLogicalId(resource) : '';
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>/${pattern}]`,
      'An artifact is named after its digest, which nobody knows beforehand.',
    );
  }
}
