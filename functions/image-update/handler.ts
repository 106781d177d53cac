import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { z } from 'zod';

import { parseWorkMessage } from '#functions/parse-work-message.ts';
import { processFifoBatch } from '#functions/process-fifo-batch.ts';
import type { RunContext } from '#functions/run-time.ts';
import type { ImageHint } from '#shared/image-update/automations-to-run.ts';
import { updateImages, type UpdateImagesPorts } from '#shared/image-update/update-images.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { listsRepository } from '#shared/settings/lists-repository.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** What the image-update function is made of. */
export interface ImageUpdateDependencies extends UpdateImagesPorts {
  readonly settings: Pick<Settings, 'installation' | 'configRepository' | 'registries'> & {
    readonly github: Pick<Settings['github'], 'apiUrl' | 'branchPrefix'>;
    readonly clusters: readonly Pick<Settings['clusters'][number], 'name'>[];
  };
  readonly log: Logger;
}

/** Kept back at the end of a run for what is under way and the journal; milliseconds. */
const RESERVE_MS = 10_000;

const ECR_DETAIL_TYPE = 'ECR Image Action';

/** An `ECR Image Action` of EventBridge. `image-tag` is absent when an image is pushed by digest. */
const EcrImageAction = z.object({
  source: z.literal('aws.ecr'),
  account: z.string().regex(/^\d{12}$/u),
  region: z.string().regex(/^[a-z0-9-]{1,32}$/u),
  detail: z.object({
    result: z.string(),
    'action-type': z.string(),
    'repository-name': z.string().min(1).max(256),
    'image-tag': z.string().max(128).optional(),
  }),
});

/** Makes the handler of the image-update queue, which carries work messages and ECR's events side by side. */
export function createImageUpdateHandler(
  dependencies: ImageUpdateDependencies,
): (event: SQSEvent, context: RunContext) => Promise<SQSBatchResponse> {
  const { settings, log } = dependencies;
  const updateSettings = {
    installation: settings.installation,
    configRepository: settings.configRepository,
    githubApiUrl: settings.github.apiUrl,
    branchPrefix: settings.github.branchPrefix,
    clusters: settings.clusters.map(({ name }) => name),
  };
  return (event, context) => {
    const until = dependencies.clock.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
    return processFifoBatch(
      event,
      async (record, recordLog) => {
        const hint = readHint(record.body, settings, recordLog);
        if (hint !== undefined) await updateImages(dependencies, updateSettings, hint, { until });
      },
      log,
      context,
    );
  };
}

function readHint(body: string, settings: ImageUpdateDependencies['settings'], log: Logger): ImageHint | undefined {
  const event = readEcrEvent(body);
  if (event === undefined) return parseWorkMessage(body);
  const parsed = EcrImageAction.safeParse(event);
  if (!parsed.success) {
    log.debug('ECR event ignored', { reason: 'it is not the event that ECR documents' });
    return undefined;
  }
  const { account, region, detail } = parsed.data;
  const repository = detail['repository-name'];
  const reason = reasonToIgnore(detail, listsRepository(settings.registries.ecr, { account, region, repository }));
  if (reason !== undefined) {
    log.debug('ECR event ignored', { reason, account, region, repository });
    return undefined;
  }
  return { type: 'ImagePushed', image: { account, region, repository } };
}

function reasonToIgnore(detail: z.infer<typeof EcrImageAction>['detail'], listed: boolean): string | undefined {
  if (detail['action-type'] !== 'PUSH') return 'it is no push';
  if (detail.result !== 'SUCCESS') return 'the push failed';
  return listed ? undefined : 'the repository is not in the settings';
}

function readEcrEvent(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    const isEvent =
      typeof value === 'object' && value !== null && Reflect.get(value, 'detail-type') === ECR_DETAIL_TYPE;
    return isEvent ? value : undefined;
  } catch {
    return undefined;
  }
}
