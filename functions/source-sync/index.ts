import { openGitHubWorker } from '#functions/open-github-worker.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { createS3ArtifactStore } from '#shared/adapters/s3/s3-artifact-store.ts';
import { VERSION } from '#shared/common/version.ts';
import { readEnvironment, SourceSyncEnvironment } from '#shared/settings/function-environment.ts';
import { DEFAULT_SOURCE_LIMITS } from '#shared/sources/artifact.ts';

import { createSourceSyncHandler } from './handler.ts';

/** The schedules' own grain. */
const TICK_MS = 60_000;

const service = 'source-sync';
const environment = readEnvironment(SourceSyncEnvironment, process.env);

const { settings, log, secrets, client, journal, runTime } = await openGitHubWorker(service, environment.JOURNAL_TABLE);

/** Brings what is stored of the sources up to date. */
export const handler = traceHandler(
  service,
  runTime.during(
    createSourceSyncHandler({
      settings,
      tickMs: TICK_MS,
      gitRemote: createIsomorphicGitRemote({ version: VERSION }),
      artifacts: createS3ArtifactStore({ bucket: environment.ARTIFACT_BUCKET }),
      journal,
      credentials: createGitHubSourceCredentials({ client, secrets, apiUrl: settings.github.apiUrl }),
      clock: systemClock,
      githubApiUrl: settings.github.apiUrl,
      limits: DEFAULT_SOURCE_LIMITS,
      log,
    }),
  ),
);
