import { Duration } from 'aws-cdk-lib';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

import type { EnvironmentOf, NotifyEnvironment } from '#shared/settings/function-environment.ts';

import type { JournalTable } from './journal-table.ts';
import { addRunbookAlarm, ALARM_PERIOD } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import { TidegateFunction } from './tidegate-function.ts';
import type { WorkQueue } from './work-queue.ts';
import { LostRecords } from './work-queue.ts';

/** What cannot be passed on for so long is set aside. */
const TRIED_FOR = Duration.hours(1);

export interface NotifierProps {
  readonly bundle: string;
  readonly journal: JournalTable;
  readonly secrets: Secrets;
  readonly sourceSync: WorkQueue;
  readonly imageUpdate: WorkQueue;
  readonly reconcile: readonly WorkQueue[];
}

/**
 * Passes on what the journal records, in order for each cluster: requests to the queues, statuses to commits. Each has a
 * function that reads the stream for itself, so that no work waits for GitHub to take a mark. More than these two may not
 * read it ("Change data capture for DynamoDB Streams": two at a time of a shard).
 */
export class Notifier extends Construct {
  /** Takes requests to the queues. */
  readonly worker: TidegateFunction;
  /** Says in the log and on commits what happened. */
  readonly teller: TidegateFunction;

  constructor(scope: Construct, id: string, props: NotifierProps) {
    super(scope, id);
    const { bundle, journal, secrets, sourceSync, imageUpdate, reconcile } = props;
    const environment: EnvironmentOf<typeof NotifyEnvironment> = {
      JOURNAL_TABLE: journal.table.tableName,
      SOURCE_SYNC_QUEUE_URL: sourceSync.queue.queueUrl,
      IMAGE_UPDATE_QUEUE_URL: imageUpdate.queue.queueUrl,
    };
    const common = { bundle, environment, memorySize: 512 };
    this.worker = new TidegateFunction(this, 'Worker', {
      ...common,
      description: 'Passes requests that the journal records on to the queues',
      timeout: Duration.minutes(1),
    });
    for (const queue of [sourceSync, imageUpdate, ...reconcile]) queue.grantSend(this.worker.role);
    this.teller = new TidegateFunction(this, 'Teller', {
      ...common,
      description: 'Says on commits and in the log what the journal records',
      // A batch of statuses, a second each, as github.com asks.
      timeout: Duration.minutes(3),
    });
    secrets.grantGitHub(this.teller.role);
    journal.grantQuietTimes(this.teller.role);
    const lost = new LostRecords(this, 'Lost', TRIED_FOR);
    this.readJournal(this.worker, journal, lost, ['Request']);
    this.readJournal(this.teller, journal, lost, ['Event', 'Status']);
    this.watchAge();
  }

  private readJournal(
    reader: TidegateFunction,
    journal: JournalTable,
    lost: LostRecords,
    types: readonly string[],
  ): void {
    journal.grantStream(reader.role);
    reader.function.addEventSourceMapping('JournalStream', {
      filters: [FilterCriteria.filter({ dynamodb: { NewImage: { type: { S: FilterRule.or(...types) } } } })],
      eventSourceArn: journal.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      // One at a time, so that the changes of a cluster stay in their order.
      parallelizationFactor: 1,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      // By age alone: Lambda repeats within seconds, and so many tries may be over before a queue or GitHub is back.
      retryAttempts: -1,
      maxRecordAge: TRIED_FOR,
      onFailure: lost.takeFrom(reader),
    });
  }

  private watchAge(): void {
    addRunbookAlarm(this, {
      subject: 'notify',
      section: 'journalLate',
      meaning: 'Requests that the journal records are passed on more than five minutes late.',
      within: Duration.minutes(20),
      metric: this.worker.function.metric('IteratorAge', { period: ALARM_PERIOD, statistic: 'Maximum' }),
      threshold: Duration.minutes(5).toMilliseconds(),
      periods: 2,
    });
  }
}
