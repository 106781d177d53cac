import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { readDeployedSettings } from '#shared/adapters/disk/read-deployed-settings.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import type { GitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createPowertoolsLogger } from '#shared/adapters/powertools/powertools-logger.ts';
import { cacheSecrets } from '#shared/adapters/secrets-manager/cache-secrets.ts';
import { createSecretsManagerSecrets } from '#shared/adapters/secrets-manager/secrets-manager-secrets.ts';
import { VERSION } from '#shared/common/version.ts';
import { createQuietTimes } from '#shared/journal/quiet-times.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QuietTimes } from '#shared/ports/quiet-times.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import { LambdaEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';
import type { Settings } from '#shared/settings/settings.ts';

import { createRunTime, type RunTime } from './run-time.ts';

/** What every worker on GitHub's side of the trust zones has. */
export interface GitHubWorker {
  readonly settings: Settings;
  readonly log: Logger;
  readonly secrets: Secrets;
  readonly client: GitHubClient;
  readonly journal: Journal;
  readonly quietTimes: QuietTimes;
  /** How long the run that is under way may take: every one begins here. */
  readonly runTime: RunTime;
}

/** Opens it before the first message; each secret that is read from now on is kept out of the log. */
export async function openGitHubWorker(service: string, journalTable: string): Promise<GitHubWorker> {
  const lambda = readEnvironment(LambdaEnvironment, process.env);
  const settings = await readDeployedSettings(lambda.LAMBDA_TASK_ROOT, lambda.AWS_REGION);
  const knownSecrets = new Set<string>();
  const log = createPowertoolsLogger({ service, knownSecrets });
  const secrets = cacheSecrets(createSecretsManagerSecrets({ learn: (value) => knownSecrets.add(value) }), systemClock);
  const journal = createDynamoJournal({ tableName: journalTable, clock: systemClock });
  const perOwner = settings.github.privateKeySecret !== undefined;
  const quietTimes = createQuietTimes(journal, systemClock, { perOwner });
  const runTime = createRunTime(systemClock);
  const client = createGitHubClient({
    settings: settings.github,
    secrets,
    version: VERSION,
    log,
    quietTimes,
    clock: systemClock,
    deadline: runTime.deadline,
  });
  return { settings, log, secrets, client, journal, quietTimes, runTime };
}
