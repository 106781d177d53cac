import type { DynamoDBBatchResponse, DynamoDBStreamEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda';

import type { GithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import type { RunContext } from '#functions/run-time.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { EventIntake } from '#shared/ports/event-intake.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import type { ObjectName } from '#shared/records/journal-record.ts';
import type { Settings } from '#shared/settings/settings.ts';

export type QueueHandler = (event: SQSEvent, context: RunContext) => Promise<SQSBatchResponse>;
export type StreamHandler = (event: DynamoDBStreamEvent, context: RunContext) => Promise<DynamoDBBatchResponse>;

/** The five functions, as Lambda would call them. */
export interface ServeHandlers {
  readonly githubWebhook: GithubWebhookHandler;
  readonly sourceSync: QueueHandler;
  readonly imageUpdate: QueueHandler;
  /** One function a cluster, by the cluster's name. */
  readonly reconcile: ReadonlyMap<string, QueueHandler>;
  readonly notify: StreamHandler;
  /** ECR's events, for image-update; absent when no queue is named. */
  readonly ecrEvents?: EventIntake;
  /** Lets go of connections. */
  close(): Promise<void>;
}

/** What the server has, and the functions are made from. */
export interface ServeResources {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly queues: WorkQueues;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the page about an object can be read; nothing before the server listens. */
  readonly linkFor: (object: ObjectName) => string | undefined;
}
