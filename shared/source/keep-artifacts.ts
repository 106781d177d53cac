import { describeError } from '#shared/errors/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { listNamedArtifacts } from './named-artifacts.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Keeps the artifacts that are in use, of which each has its tick of the day, so that no process has to remember what it
 * looked at. One that is gone is said; the run that misses it asks for it. No failure stops anything.
 */
export async function keepArtifacts(
  ports: { readonly artifacts: ArtifactStore; readonly journal: Journal; readonly clock: Pick<Clock, 'now'> },
  clusters: readonly string[],
  tickMs: number,
  log: Logger,
): Promise<void> {
  let digests: ReadonlySet<string>;
  const at = ports.clock.now();
  try {
    digests = await listNamedArtifacts(ports.journal, clusters);
  } catch (error) {
    log.warn('artifacts in use not looked after', { reason: describeError(error) });
    return;
  }
  for (const digest of digests) {
    if (!isTurn(digest, at, tickMs)) continue;
    try {
      if (!(await ports.artifacts.keep(digest))) log.warn('artifact in use is gone', { digest });
    } catch (error) {
      log.warn('artifact in use not looked after', { digest, reason: describeError(error) });
    }
  }
}

/** Whether it is the one tick of the day that an artifact is looked after at. */
export function isTurn(digest: string, at: number, tickMs: number): boolean {
  const ticks = Math.max(1, Math.floor(DAY_MS / tickMs));
  const turn = Number.parseInt(digest.slice(-8), 16) % ticks;
  return Math.floor(at / tickMs) % ticks === turn;
}
