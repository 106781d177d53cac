import type { DynamoDBStreamEvent } from 'aws-lambda';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { readDeployedSettings } from '#shared/adapters/disk/read-deployed-settings.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';
import { createPowertoolsLogger } from '#shared/adapters/powertools/powertools-logger.ts';
import { createPowertoolsMetrics } from '#shared/adapters/powertools/powertools-metrics.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { cacheSecrets } from '#shared/adapters/secrets-manager/cache-secrets.ts';
import { createSecretsManagerSecrets } from '#shared/adapters/secrets-manager/secrets-manager-secrets.ts';
import { createSqsWorkQueues } from '#shared/adapters/sqs/sqs-work-queues.ts';
import { fromStreamRecord } from '#shared/journal/stream-record.ts';
import { countAuthenticationFailures } from '#shared/notify/count-authentication-failures.ts';
import { siblingQueueUrl } from '#shared/settings/deployed-queue-name.ts';
import { LambdaEnvironment, NotifyEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';
import { METRICS } from '#shared/settings/metric-names.ts';
import { VERSION } from '#shared/settings/version.ts';
import { createNotifyHandler } from './handler.ts';

const service = 'notify';
const environment = readEnvironment(NotifyEnvironment, process.env);
const lambda = readEnvironment(LambdaEnvironment, process.env);
const settings = await readDeployedSettings(lambda.LAMBDA_TASK_ROOT, lambda.AWS_REGION);

const knownSecrets = new Set<string>();
const log = createPowertoolsLogger({ service, knownSecrets });
const writeCount = createPowertoolsMetrics(service);
const secrets = cacheSecrets(createSecretsManagerSecrets({ learn: (value) => knownSecrets.add(value) }), systemClock);
const client = createGitHubClient({ settings: settings.github, secrets, version: VERSION, log });
const clusterQueues = settings.clusters.map(({ name }) => {
  const queue = `reconcile/${name}` as const;
  return [queue, siblingQueueUrl(environment.SOURCE_SYNC_QUEUE_URL, queue)] as const;
});

const notify = createNotifyHandler({
  queues: createSqsWorkQueues({
    urls: {
      'source-sync': environment.SOURCE_SYNC_QUEUE_URL,
      'image-update': environment.IMAGE_UPDATE_QUEUE_URL,
      ...Object.fromEntries(clusterQueues),
    },
  }),
  statuses: createGitHubCommitStatuses(client),
  log,
});

/** Passes on what the journal records. */
export const handler = traceHandler(service, async (event: DynamoDBStreamEvent) => {
  const changes = event.Records.flatMap((record) => fromStreamRecord(record) ?? []);
  writeCount(METRICS.authenticationFailures, countAuthenticationFailures(changes));
  return notify(event);
});
