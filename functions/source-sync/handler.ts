import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

import { parseWorkMessage } from '#functions/parse-work-message.ts';
import { processFifoBatch } from '#functions/process-fifo-batch.ts';
import type { RunContext } from '#functions/run-time.ts';
import { createOneAtATime } from '#shared/common/one-at-a-time.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { keepArtifacts } from '#shared/sources/keep-artifacts.ts';
import type { SyncPorts } from '#shared/sources/sync-source.ts';
import { syncSources } from '#shared/sources/sync-sources.ts';

/** What the function is composed of. */
export interface SourceSyncDependencies extends Omit<SyncPorts, 'large'> {
  readonly settings: Settings;
  /** How often a tick comes. */
  readonly tickMs: number;
  readonly log: Logger;
}

/** Kept back at the end of a run for what is under way and the journal; milliseconds. */
const RESERVE_MS = 10_000;

/** Of that, what looking after the artifacts in use has in any case; milliseconds. */
const KEEP_MS = 5_000;

/** The Lambda handler of source-sync: FIFO batches of work messages. */
export function createSourceSyncHandler(
  dependencies: SourceSyncDependencies,
): (event: SQSEvent, context: RunContext) => Promise<SQSBatchResponse> {
  const ports = { ...dependencies, large: createOneAtATime() };
  return (event, context) => {
    const until = dependencies.clock.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
    return processFifoBatch(
      event,
      async (record, log) => {
        const message = parseWorkMessage(record.body);
        await syncSources(ports, message, log, { until });
        const { settings, tickMs } = dependencies;
        const clusters = settings.clusters.map(({ name }) => name);
        const time = { tickMs, until: until + KEEP_MS };
        if (message.type === 'Tick') await keepArtifacts(dependencies, clusters, time, log);
      },
      dependencies.log,
      context,
    );
  };
}
