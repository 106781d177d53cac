import { Duration } from 'aws-cdk-lib';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { EnvironmentOf, SourceSyncEnvironment } from '#shared/settings/function-environment.ts';
import { METRICS } from '#shared/settings/metric-names.ts';

import type { ArtifactBucket } from './artifact-bucket.ts';
import type { JournalTable } from './journal-table.ts';
import { addRunbookAlarm } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import { TidegateFunction } from './tidegate-function.ts';
import { WorkQueue } from './work-queue.ts';

const TIMEOUT = Duration.minutes(3);

export interface SourceSyncWorkerProps {
  readonly bundle: string;
  readonly clusters: readonly EksCluster[];
  readonly journal: JournalTable;
  readonly artifacts: ArtifactBucket;
  readonly secrets: Secrets;
}

/** Git heads to artifacts: the queue, and the function that reads it. */
export class SourceSyncWorker extends Construct {
  readonly queue: WorkQueue;
  readonly worker: TidegateFunction;

  constructor(scope: Construct, id: string, props: SourceSyncWorkerProps) {
    super(scope, id);
    const { bundle, clusters, journal, artifacts, secrets } = props;
    this.queue = new WorkQueue(this, 'Work', {
      queue: 'source-sync',
      workerTimeout: TIMEOUT,
      maxReceives: 5,
      lateAfter: Duration.minutes(10),
    });
    const environment: EnvironmentOf<typeof SourceSyncEnvironment> = {
      JOURNAL_TABLE: journal.table.tableName,
      ARTIFACT_BUCKET: artifacts.bucket.bucketName,
    };
    this.worker = new TidegateFunction(this, 'Worker', {
      description: 'Reads git heads and stores what is new as artifacts',
      bundle,
      environment,
      timeout: TIMEOUT,
      memorySize: 1024,
    });
    journal.grantConditionalRecords(this.worker.role);
    artifacts.grantStoreArtifacts(this.worker.role);
    secrets.grantGitHub(this.worker.role);
    secrets.grantSources(this.worker.role, clusters);
    this.queue.feed(this.worker, { batchSize: 5, maxConcurrency: 4 });
    this.watchMissedWebhooks();
  }

  private watchMissedWebhooks(): void {
    const addFilter = (id: string, isMissed: boolean): MetricFilter =>
      new MetricFilter(this, id, {
        logGroup: this.worker.logGroup,
        filterPattern: FilterPattern.booleanValue('$.missedWebhook', isMissed),
        metricNamespace: METRICS.namespace,
        metricName: METRICS.missedWebhooks,
        metricValue: isMissed ? '1' : '0',
      });
    const filter = addFilter('MissedWebhooks', true);
    addFilter('SeenWebhooks', false);
    addRunbookAlarm(this, {
      subject: 'source-sync',
      section: 'missedWebhooks',
      meaning: 'In two hours of a day, ticks found pushes to GitHub and no webhook arrived.',
      within: Duration.days(1),
      // The least is 1 only where no webhook arrived. A tick that is faster than one is none that was missed, and one that
      // is lost now and then does no harm.
      metric: filter.metric({ period: Duration.hours(1), statistic: 'Minimum' }),
      threshold: 1,
      periods: 24,
      badPeriods: 2,
    });
  }
}
