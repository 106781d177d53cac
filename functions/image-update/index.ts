import { openGitHubWorker } from '#functions/open-github-worker.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { VERSION } from '#shared/common/version.ts';
import { createUpdateImagesMemory } from '#shared/image-update/update-images.ts';
import { ImageUpdateEnvironment, readEnvironment } from '#shared/settings/function-environment.ts';

import { createImageUpdateHandler } from './handler.ts';

const service = 'image-update';
const environment = readEnvironment(ImageUpdateEnvironment, process.env);

const { settings, log, secrets, client, journal, quietTimes, runTime } = await openGitHubWorker(
  service,
  environment.JOURNAL_TABLE,
);

/** Turns new images into pull requests. */
export const handler = traceHandler(
  service,
  runTime.during(
    createImageUpdateHandler({
      settings,
      changeHost: createGitHubChangeHost(client),
      gitRemote: createIsomorphicGitRemote({ version: VERSION }),
      sourceCredentials: createGitHubSourceCredentials({ client, secrets, apiUrl: settings.github.apiUrl }),
      imageRegistry: createEcrImageRegistry({ registries: settings.registries.ecr }),
      journal,
      quietTimes,
      clock: systemClock,
      memory: createUpdateImagesMemory(),
      log,
    }),
  ),
);
