import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import type { EnvironmentOf, NotifyEnvironment } from '#shared/settings/function-environment.ts';
import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';
import { METRICS } from '#shared/settings/metric-names.ts';
import type { JournalTable } from './journal-table.ts';
import { addRunbookAlarm, ALARM_PERIOD } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import { TidegateFunction } from './tidegate-function.ts';
import { LostRecords } from './work-queue.ts';
import type { WorkQueue } from './work-queue.ts';

export interface NotifierProps {
  readonly bundle: string;
  readonly journal: JournalTable;
  readonly secrets: Secrets;
  readonly sourceSync: WorkQueue;
  readonly imageUpdate: WorkQueue;
  readonly reconcile: readonly WorkQueue[];
}

/** Passes on what the journal records, in order for each cluster: requests to the queues, statuses to commits. */
export class Notifier extends Construct {
  readonly worker: TidegateFunction;

  constructor(scope: Construct, id: string, props: NotifierProps) {
    super(scope, id);
    const { bundle, journal, secrets, sourceSync, imageUpdate, reconcile } = props;
    const environment: EnvironmentOf<typeof NotifyEnvironment> = {
      JOURNAL_TABLE: journal.table.tableName,
      SOURCE_SYNC_QUEUE_URL: sourceSync.queue.queueUrl,
      IMAGE_UPDATE_QUEUE_URL: imageUpdate.queue.queueUrl,
    };
    this.worker = new TidegateFunction(this, 'Worker', {
      subject: 'notify',
      description: 'Passes on what the journal records',
      bundle,
      environment,
      timeout: Duration.minutes(1),
      memorySize: 512,
    });
    secrets.grantGitHub(this.worker.role);
    for (const queue of [sourceSync, imageUpdate, ...reconcile]) queue.grantSend(this.worker.role);
    // When GitHub's limits end.
    journal.grantRecordsOf(INSTALLATION_PARTITION, this.worker.role);
    this.readJournal(journal);
    this.addAlarms();
  }

  private readJournal(journal: JournalTable): void {
    journal.grantStream(this.worker.role);
    const lost = new LostRecords(this, 'Lost');
    this.worker.function.addEventSourceMapping('JournalStream', {
      eventSourceArn: journal.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      // One at a time, so that the changes of a cluster stay in their order.
      parallelizationFactor: 1,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 20,
      maxRecordAge: Duration.hours(1),
      onFailure: new SqsDlq(lost.queue),
    });
  }

  private addAlarms(): void {
    addRunbookAlarm(this, {
      subject: 'notify',
      section: 'journalLate',
      meaning: 'What the journal records is passed on more than five minutes late.',
      metric: this.worker.function.metric('IteratorAge', { period: ALARM_PERIOD, statistic: 'Maximum' }),
      threshold: Duration.minutes(5).toMilliseconds(),
      periods: 2,
    });
    addRunbookAlarm(this, {
      subject: 'notify',
      section: 'authenticationFailures',
      meaning: 'GitHub, a git host or a cluster does not accept a token, or a secret is missing.',
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.authenticationFailures,
        dimensionsMap: { service: 'notify' },
        period: ALARM_PERIOD,
        statistic: 'Sum',
      }),
      threshold: 1,
      periods: 3,
    });
  }
}
