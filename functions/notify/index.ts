import { openGitHubWorker } from '#functions/open-github-worker.ts';
import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { createSqsWorkQueues } from '#shared/adapters/sqs/sqs-work-queues.ts';
import { logsInsightsLink } from '#shared/notify/logs-insights-link.ts';
import { siblingQueueUrl } from '#shared/settings/deployed-queue-name.ts';
import { LambdaLogEnvironment, NotifyEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';

import { createNotifyHandler } from './handler.ts';

const service = 'notify';
const environment = readEnvironment(NotifyEnvironment, process.env);
const ownLog = readEnvironment(LambdaLogEnvironment, process.env);

const { settings, log, client, quietTimes, runTime } = await openGitHubWorker(service, environment.JOURNAL_TABLE);
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
  quietTimes,
  style: {
    ...settings.statuses,
    linkFor: (object) =>
      logsInsightsLink(object, { region: ownLog.AWS_REGION, group: ownLog.AWS_LAMBDA_LOG_GROUP_NAME }),
  },
  log,
});

/** Passes on what the journal records. */
export const handler = traceHandler(service, runTime.during(notify));
