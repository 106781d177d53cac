import { sweepDiskArtifacts } from '#shared/adapters/disk/sweep-disk-artifacts.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { listNamedArtifacts } from '#shared/sources/named-artifacts.ts';

const EVERY_MS = 60 * 60 * 1000;
const KEEP_MS = 24 * 60 * 60 * 1000;

/**
 * Keeps the folder of artifacts from growing for ever: hourly, what goes after a day is what no source's head names, and no
 * render that Kustomizations go on from while what declares them is broken.
 */
export function startArtifactSweep(options: {
  readonly folder: string;
  readonly clusters: readonly string[];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
}): { stop(): void } {
  const { folder, clusters, journal, clock, log } = options;

  async function sweep(): Promise<void> {
    const keep = await listNamedArtifacts(journal, clusters);
    const deleted = await sweepDiskArtifacts(folder, { keep, olderThanMs: KEEP_MS, now: clock.now() });
    if (deleted > 0) log.info('old artifacts deleted', { deleted });
  }

  function run(): void {
    sweep().catch((error: unknown) => log.error('artifact sweep failed', { reason: describeError(error) }));
  }

  const timer = setInterval(run, EVERY_MS);
  run();
  return { stop: () => clearInterval(timer) };
}
