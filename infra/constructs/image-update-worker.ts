import { Duration, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { EnvironmentOf, ImageUpdateEnvironment } from '#shared/settings/function-environment.ts';
import type { EcrRegistry } from '#shared/settings/settings.ts';

import { acknowledge } from './acknowledge.ts';
import type { JournalTable } from './journal-table.ts';
import type { Secrets } from './secrets.ts';
import { TidegateFunction } from './tidegate-function.ts';
import { WorkQueue } from './work-queue.ts';

const TIMEOUT = Duration.minutes(3);

export interface ImageUpdateWorkerProps {
  readonly bundle: string;
  readonly clusters: readonly EksCluster[];
  readonly registries: readonly EcrRegistry[];
  readonly journal: JournalTable;
  readonly secrets: Secrets;
}

/** New images to pull requests: the queue, and the function that reads it. */
export class ImageUpdateWorker extends Construct {
  readonly queue: WorkQueue;
  readonly worker: TidegateFunction;

  constructor(scope: Construct, id: string, props: ImageUpdateWorkerProps) {
    super(scope, id);
    const { bundle, clusters, registries, journal, secrets } = props;
    this.queue = new WorkQueue(this, 'Work', {
      queue: 'image-update',
      workerTimeout: TIMEOUT,
      maxReceives: 5,
      lateAfter: Duration.minutes(10),
    });
    const environment: EnvironmentOf<typeof ImageUpdateEnvironment> = { JOURNAL_TABLE: journal.table.tableName };
    this.worker = new TidegateFunction(this, 'Worker', {
      description: 'Reads registries and writes newer images into pull requests',
      bundle,
      environment,
      timeout: TIMEOUT,
      memorySize: 1024,
    });
    journal.grantRecords(this.worker.role);
    secrets.grantGitHub(this.worker.role);
    secrets.grantSources(this.worker.role, clusters);
    this.grantRegistries(this.worker.role, registries);
    this.queue.feed(this.worker, { batchSize: 5, maxConcurrency: 4 });
  }

  private grantRegistries(role: Role, registries: readonly EcrRegistry[]): void {
    const { partition } = Stack.of(this);
    for (const { account, region, repositories } of registries) {
      for (const repository of repositories) {
        const name = `ecr:${region}:${account}:repository/${repository}`;
        role.addToPolicy(
          new PolicyStatement({ actions: ['ecr:DescribeImages'], resources: [`arn:${partition}:${name}`] }),
        );
        if (repository.endsWith('*')) {
          const reason = `The repositories of account ${account} are named in tidegate.yaml by this prefix.`;
          acknowledge(role, `AwsSolutions-IAM5[Resource::arn:${partition}:${name}]`, reason);
        }
      }
    }
  }
}
