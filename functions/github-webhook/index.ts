import { createAwsCaller } from '#shared/adapters/aws-http/call-aws.ts';
import { createHttpSecrets } from '#shared/adapters/aws-http/http-secrets.ts';
import { createHttpWorkQueues } from '#shared/adapters/aws-http/http-work-queues.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { cacheSecrets } from '#shared/adapters/secrets-manager/cache-secrets.ts';
import { AwsEnvironment, GithubWebhookEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';
import { parseWebhookSecrets } from '#shared/webhooks/parse-webhook-secrets.ts';

import { createGithubWebhookHandler } from './handler.ts';

// GitHub waits ten seconds, cold start included: neither an SDK nor Powertools is loaded here.
const environment = readEnvironment(GithubWebhookEnvironment, process.env);
const aws = readEnvironment(AwsEnvironment, process.env);

const callAws = createAwsCaller({
  region: aws.AWS_REGION,
  accessKeyId: aws.AWS_ACCESS_KEY_ID,
  secretAccessKey: aws.AWS_SECRET_ACCESS_KEY,
  sessionToken: aws.AWS_SESSION_TOKEN,
  endpoint: aws.AWS_ENDPOINT_URL,
});
const secrets = cacheSecrets(createHttpSecrets(callAws), systemClock);
const knownSecrets = new Set<string>();

/** Answers GitHub's webhooks. */
export const handler = createGithubWebhookHandler({
  queues: createHttpWorkQueues(callAws, {
    'source-sync': environment.SOURCE_SYNC_QUEUE_URL,
    'image-update': environment.IMAGE_UPDATE_QUEUE_URL,
  }),
  readSecrets: async (request) => {
    const found = parseWebhookSecrets((await secrets.read(environment.WEBHOOK_SECRET_NAME, request)) ?? '');
    for (const secret of found) knownSecrets.add(secret);
    return found;
  },
  log: createJsonLogger({
    level: 'info',
    knownSecrets,
    now: () => systemClock.now(),
    write: (text) => process.stdout.write(text),
  }).child({ service: 'github-webhook' }),
});
