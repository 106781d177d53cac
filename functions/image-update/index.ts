import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { readDeployedSettings } from '#shared/adapters/disk/read-deployed-settings.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { createPowertoolsLogger } from '#shared/adapters/powertools/powertools-logger.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { cacheSecrets } from '#shared/adapters/secrets-manager/cache-secrets.ts';
import { createSecretsManagerSecrets } from '#shared/adapters/secrets-manager/secrets-manager-secrets.ts';
import { ImageUpdateEnvironment, LambdaEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';
import { VERSION } from '#shared/settings/version.ts';
import { createImageUpdateHandler } from './handler.ts';

const service = 'image-update';
const environment = readEnvironment(ImageUpdateEnvironment, process.env);
const lambda = readEnvironment(LambdaEnvironment, process.env);
const settings = await readDeployedSettings(lambda.LAMBDA_TASK_ROOT, lambda.AWS_REGION);

const knownSecrets = new Set<string>();
const log = createPowertoolsLogger({ service, knownSecrets });
const secrets = cacheSecrets(createSecretsManagerSecrets({ learn: (value) => knownSecrets.add(value) }), systemClock);
const client = createGitHubClient({ settings: settings.github, secrets, version: VERSION, log });

/** Turns new images into pull requests. */
export const handler = traceHandler(
  service,
  createImageUpdateHandler({
    settings,
    changeHost: createGitHubChangeHost(client),
    gitRemote: createIsomorphicGitRemote({ version: VERSION }),
    sourceCredentials: createGitHubSourceCredentials({ client, secrets, apiUrl: settings.github.apiUrl }),
    imageRegistry: createEcrImageRegistry({ registries: settings.registries.ecr }),
    journal: createDynamoJournal({ tableName: environment.JOURNAL_TABLE, clock: systemClock }),
    clock: systemClock,
    log,
  }),
);
