import type { OneAtATime } from '#shared/common/one-at-a-time.ts';
import { runWithin } from '#shared/common/run-within.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { formatSourceKey } from '#shared/flux/resource-key.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import { sourceHeadKey, statusKey, type JournalRecord, type SourceHead } from '#shared/records/journal-record.ts';

import type { SourceLimits } from './artifact.ts';
import { executeSync } from './execute-sync.ts';
import { limitGitRemote } from './limit-git-remote.ts';
import { observePinned, observeRemote, observeStored, readHead } from './observe-source.ts';
import { planSync } from './plan-sync.ts';
import { recordFailure, recordSkipped, recordStored, recordSuspended, recordUnchanged } from './record-sync.ts';
import { sourceSpecDigest } from './source-spec-digest.ts';
import type { KnownSource } from './sources-to-sync.ts';

/** What syncing a source needs from the world. */
export interface SyncPorts {
  readonly gitRemote: GitRemote;
  readonly artifacts: ArtifactStore;
  readonly journal: Journal;
  readonly credentials: SourceCredentials;
  readonly clock: Clock;
  readonly githubApiUrl: string;
  readonly limits: SourceLimits;
  /** Of all sources that are large, one is in memory. */
  readonly large: OneAtATime;
}

/** How syncing ended; a failure is recorded already, and handed on for the queue to decide. */
export type SyncOutcome =
  /** `isPush` when somebody moved what was followed before, in a repository that we read with credentials. */
  | { readonly result: 'stored'; readonly isPush: boolean }
  | { readonly result: 'unchanged' | 'suspended' }
  | { readonly result: 'failed'; readonly error: unknown };

/** The time that a run has for one source. */
export interface SyncTime {
  /** When the run has to be done, milliseconds since the epoch. */
  readonly until: number;
  /** Whatever `spec.timeout` says, the run waits no longer for one source. */
  readonly mostMs: number;
}

/** How often a source is looked at anew because somebody else recorded it meanwhile. */
const ATTEMPTS = 5;

/**
 * Brings what is stored of a source up to date with its server: observe ► plan ► execute ► record.
 * The sources are read alike (one fetch), and each is recorded for its own cluster, if its head is still the one that was
 * read before the server was asked: the last writer observed last, so a slow read never overwrites a newer head.
 */
export async function syncSource(
  ports: SyncPorts,
  sources: readonly [KnownSource, ...KnownSource[]],
  time: SyncTime,
  attempt = 1,
): Promise<SyncOutcome> {
  const overtaken: KnownSource[] = [];
  const seen = await Promise.all(
    sources.map(async (source) => ({ source, head: await readHead(ports.journal, source.key) })),
  );
  const outcome = await syncSeen(ports, sources[0], seen, time, async ({ source, head }, records) => {
    if (records.length === 0) return;
    const expected = { partition: source.key.cluster, key: sourceHeadKey(source.key), record: head };
    if ((await ports.journal.write(records, expected)) === 'conflict') overtaken.push(source);
  });
  const [next, ...rest] = await Promise.all(overtaken.map((source) => readStatus(ports.journal, source)));
  if (next === undefined) return outcome;
  if (attempt < ATTEMPTS) return syncSource(ports, [next, ...rest], time, attempt + 1);
  const message = `${formatSourceKey(next.key)} was recorded by somebody else each of ${ATTEMPTS} times`;
  return { result: 'failed', error: new TidegateError('SourceOvertaken', message, { disposition: 'retry' }) };
}

/**
 * Says of sources why they were not looked at: their server does not answer, somebody else asked it a moment ago. They
 * keep the time of their last look, and so their turn.
 */
export async function skipSilentHost(
  ports: Pick<SyncPorts, 'journal' | 'clock'>,
  sources: readonly KnownSource[],
  host: string,
): Promise<void> {
  const message = `host ${host} does not answer, and is asked for one source at a time until it does`;
  const error = new TidegateError('GitOperationFailed', message, { disposition: 'retry' });
  for (const source of sources) {
    const head = await readHead(ports.journal, source.key);
    const expected = { partition: source.key.cluster, key: sourceHeadKey(source.key), record: head };
    const records = recordSkipped(source, error, ports.clock.now());
    if (records.length > 0) await ports.journal.write(records, expected);
  }
}

interface SeenSource {
  readonly source: KnownSource;
  readonly head: SourceHead | undefined;
}

async function syncSeen(
  ports: SyncPorts,
  first: KnownSource,
  seen: readonly SeenSource[],
  time: SyncTime,
  record: (seen: SeenSource, records: readonly JournalRecord[]) => Promise<void>,
): Promise<SyncOutcome> {
  const at = ports.clock.now();
  const limited = (): SyncPorts => {
    const now = ports.clock.now();
    return limitPorts(ports, first, Math.min(time.until, now + Math.min(first.repository.timeoutMs, time.mostMs)));
  };
  if (first.repository.suspend) {
    for (const each of seen) await record(each, recordSuspended(each.source, at));
    return restoreMissing(limited, seen, record, at);
  }
  try {
    const remote = await observeRemote(limited(), first);
    const planned = await Promise.all(
      seen.map(async (each) => {
        const stored = await observeStored(ports.artifacts, each.head);
        return { each, plan: planSync(each.source, remote, stored, each.source.status) };
      }),
    );
    const reasons = planned.flatMap(({ each, plan }) =>
      plan.action === 'fetch' ? [{ source: each.source, because: plan.because }] : [],
    );
    const artifact =
      reasons.length > 0
        ? await executeSync({ ...ports, gitRemote: () => limited().gitRemote }, first, remote)
        : undefined;
    for (const { each, plan } of planned) {
      if (plan.action === 'fetch' && artifact !== undefined) {
        await record(each, recordStored(each.source, remote, artifact, at));
      } else if (each.head !== undefined) {
        await record(each, recordUnchanged(each.source, remote, each.head.digest, at));
      }
    }
    if (artifact === undefined) return { result: 'unchanged' };
    const isMoved = reasons.some(({ source, because }) => because === 'revision' && wasFollowed(source));
    return { result: 'stored', isPush: isMoved && remote.credentials !== undefined };
  } catch (error) {
    for (const each of seen) await record(each, recordFailure(each.source, error, at));
    return { result: 'failed', error };
  }
}

/** What is suspended stays where it is, and so does its artifact: one that is gone is made again from the same commit. */
async function restoreMissing(
  limited: () => SyncPorts,
  seen: readonly SeenSource[],
  record: (seen: SeenSource, records: readonly JournalRecord[]) => Promise<void>,
  at: number,
): Promise<SyncOutcome> {
  let outcome: SyncOutcome = { result: 'suspended' };
  for (const each of seen) {
    const { source, head } = each;
    try {
      if (head === undefined || (await limited().artifacts.has(head.digest))) continue;
      const remote = await observePinned(limited(), source, head);
      const artifact = await executeSync({ ...limited(), gitRemote: () => limited().gitRemote }, source, remote);
      await record(each, recordStored(source, remote, artifact, at));
    } catch (error) {
      await record(each, recordFailure(source, error, at));
      outcome = { result: 'failed', error };
    }
  }
  return outcome;
}

/** Ports of which nothing is waited for after a point in time. */
function limitPorts(ports: SyncPorts, { repository }: KnownSource, until: number): SyncPorts {
  const ms = until - ports.clock.now();
  const late = (what: string): TidegateError => {
    const seconds = Math.round(ms / 100) / 10;
    const message = ms > 0 ? `${what} did not come within ${seconds} s` : `there was no time left for ${what}`;
    return new TidegateError('GitOperationFailed', message, { disposition: 'retry' });
  };
  return {
    ...ports,
    gitRemote: limitGitRemote(ports.gitRemote, ports.clock, until, (url) => late(`what was asked of ${url}`)),
    credentials: {
      forSource: (request) =>
        runWithin(
          ms,
          () => ports.credentials.forSource(request),
          () => late(`credentials for ${repository.url}`),
        ),
    },
  };
}

/** Whether the last look, at what is looked at now, went well. */
function wasFollowed({ repository, status }: KnownSource): boolean {
  if (status === undefined || status.suspended) return false;
  const isReady = status.conditions.some(({ type, status: state }) => type === 'Ready' && state === 'True');
  return isReady && status.details['stored'] === sourceSpecDigest(repository);
}

async function readStatus(journal: Journal, source: KnownSource): Promise<KnownSource> {
  const status = await journal.read(source.key.cluster, statusKey(source.key));
  return { ...source, status: status?.type === 'Status' ? status : undefined };
}
