import { describeError } from '#shared/common/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { ARTIFACTS_KEPT_KEY, type ArtifactsKeptRecord } from '#shared/records/journal-record.ts';
import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';

import { listNamedArtifacts } from './named-artifacts.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** After so many looks it is recorded how far they came: a process that is killed leaves no more than these to repeat. */
const LOOKS_PER_RECORD = 50;
/** A record has room for these by far; what failed beyond them has its next turn. */
const MAX_FAILED = 1_000;

interface KeepPorts {
  readonly artifacts: ArtifactStore;
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Keeps the artifacts that are in use: each has its moment of the day, and a tick looks after all whose moment came since
 * the last look, so that a tick that is missed is made up for by the next. What could not be looked after is tried again by
 * the next tick. One that is gone is said; the run that misses it asks for it. No failure stops anything.
 *
 * @param time.until no look begins after it; what is left is the next tick's.
 */
export async function keepArtifacts(
  ports: KeepPorts,
  clusters: readonly string[],
  time: { readonly tickMs: number; readonly until: number },
  log: Logger,
): Promise<void> {
  const { journal, clock } = ports;
  const at = clock.now();
  try {
    const last = await journal.read(INSTALLATION_PARTITION, ARTIFACTS_KEPT_KEY);
    const before = last?.type === 'ArtifactsKept' ? last : undefined;
    const digests = await listNamedArtifacts(journal, clusters);
    const looks = looksDue(digests, before, at, time.tickMs);
    if (looks.length > 0 || before === undefined) await lookAfter(ports, looks, at, time.until, log);
  } catch (error) {
    log.warn('artifacts in use not looked after', { reason: describeError(error) });
  }
}

async function lookAfter(
  { artifacts, journal, clock }: KeepPorts,
  looks: readonly Look[],
  at: number,
  until: number,
  log: Logger,
): Promise<void> {
  const failed: string[] = [];
  for (const [index, { digest, moment }] of looks.entries()) {
    const isOutOfTime = clock.now() >= until;
    if (isOutOfTime || (index > 0 && index % LOOKS_PER_RECORD === 0)) {
      // Those that failed before come first, and lie at no moment: they are kept until they have been tried.
      const untried = looks.slice(index).flatMap((look) => (look.moment === undefined ? [look.digest] : []));
      const next = moment ?? looks.find((look) => look.moment !== undefined)?.moment ?? at + 1;
      await journal.write([recordOf(next - 1, [...failed, ...untried])]);
    }
    if (isOutOfTime) return;
    try {
      if (!(await artifacts.keep(digest))) log.warn('artifact in use is gone', { digest });
    } catch (error) {
      failed.push(digest);
      log.warn('artifact in use not looked after', { digest, reason: describeError(error) });
    }
  }
  await journal.write([recordOf(at, failed)]);
}

function recordOf(through: number, failed: readonly string[]): ArtifactsKeptRecord {
  return { type: 'ArtifactsKept', through, failed: failed.slice(0, MAX_FAILED) };
}

/** An artifact to look after. */
interface Look {
  readonly digest: string;
  /** When it had its turn; absent for one that failed at it. */
  readonly moment?: number;
}

/** What a tick looks after: what failed before, then those whose moment came since, in the order of the moments. */
export function looksDue(
  digests: ReadonlySet<string>,
  before: Pick<ArtifactsKeptRecord, 'through' | 'failed'> | undefined,
  at: number,
  tickMs: number,
): readonly Look[] {
  // A clock that was ahead leaves a record of the future.
  const through = before === undefined || before.through > at ? at - tickMs : before.through;
  const failed = new Set((before?.failed ?? []).filter((digest) => digests.has(digest)));
  const due = [...digests].flatMap((digest) => {
    const moment = lastMoment(digest, at);
    return moment > through && !failed.has(digest) ? [{ digest, moment }] : [];
  });
  return [...[...failed].map((digest) => ({ digest })), ...due.sort((one, other) => one.moment - other.moment)];
}

/** When an artifact had its moment of the day last. */
function lastMoment(digest: string, at: number): number {
  const moment = Number.parseInt(digest.slice(-8), 16) % DAY_MS;
  return Math.floor((at - moment) / DAY_MS) * DAY_MS + moment;
}
