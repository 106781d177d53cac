import { formatSourceKey } from '#shared/api/resource-key.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import { sourceHeadKey, statusKey, type JournalRecord, type SourceHead } from '#shared/journal/journal-record.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import type { SourceLimits } from './artifact.ts';
import { executeSync } from './execute-sync.ts';
import { observePinned, observeRemote, observeStored, readHead } from './observe-source.ts';
import { planSync } from './plan-sync.ts';
import { recordFailure, recordStored, recordSuspended, recordUnchanged } from './record-sync.ts';
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
}

/** How syncing ended; a failure is recorded already, and handed on for the queue to decide. */
export type SyncOutcome =
  /** `isPush` when somebody moved what was followed before, in a repository that we read with credentials. */
  | { readonly result: 'stored'; readonly isPush: boolean }
  | { readonly result: 'unchanged' | 'suspended' }
  | { readonly result: 'failed'; readonly error: unknown };

/** How often a source is looked at anew because somebody else recorded it meanwhile. */
const ATTEMPTS = 5;

/**
 * Brings what is stored of a source up to date with its server: observe ► plan ► execute ► record.
 * The sources are read alike (one fetch), and each is recorded for its own cluster, if its head is still the one that was
 * read before the server was asked: whoever records last has looked last, and no head is set back by a slow look.
 */
export async function syncSource(
  ports: SyncPorts,
  sources: readonly [KnownSource, ...KnownSource[]],
  attempt = 1,
): Promise<SyncOutcome> {
  const overtaken: KnownSource[] = [];
  const seen = await Promise.all(
    sources.map(async (source) => ({ source, head: await readHead(ports.journal, source.key) })),
  );
  const outcome = await syncSeen(ports, sources[0], seen, async ({ source, head }, records) => {
    if (records.length === 0) return;
    const expected = { partition: source.key.cluster, key: sourceHeadKey(source.key), record: head };
    if ((await ports.journal.write(records, expected)) === 'conflict') overtaken.push(source);
  });
  const [next, ...rest] = await Promise.all(overtaken.map((source) => readStatus(ports.journal, source)));
  if (next === undefined) return outcome;
  if (attempt < ATTEMPTS) return syncSource(ports, [next, ...rest], attempt + 1);
  const message = `${formatSourceKey(next.key)} was recorded by somebody else each of ${ATTEMPTS} times`;
  return { result: 'failed', error: new TidegateError('SourceOvertaken', message, { disposition: 'retry' }) };
}

interface SeenSource {
  readonly source: KnownSource;
  readonly head: SourceHead | undefined;
}

async function syncSeen(
  ports: SyncPorts,
  first: KnownSource,
  seen: readonly SeenSource[],
  record: (seen: SeenSource, records: readonly JournalRecord[]) => Promise<void>,
): Promise<SyncOutcome> {
  const at = ports.clock.now();
  if (first.repository.suspend) {
    for (const each of seen) await record(each, recordSuspended(each.source, at));
    return restoreMissing(ports, seen, record, at);
  }
  try {
    const remote = await observeRemote(ports, first);
    const planned = await Promise.all(
      seen.map(async (each) => {
        const stored = await observeStored(ports.artifacts, each.head);
        return { each, plan: planSync(each.source, remote, stored, each.source.status) };
      }),
    );
    const reasons = planned.flatMap(({ each, plan }) =>
      plan.action === 'fetch' ? [{ source: each.source, because: plan.because }] : [],
    );
    const artifact = reasons.length > 0 ? await executeSync(ports, first, remote) : undefined;
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
  ports: SyncPorts,
  seen: readonly SeenSource[],
  record: (seen: SeenSource, records: readonly JournalRecord[]) => Promise<void>,
  at: number,
): Promise<SyncOutcome> {
  let outcome: SyncOutcome = { result: 'suspended' };
  for (const each of seen) {
    const { source, head } = each;
    try {
      if (head === undefined || (await ports.artifacts.has(head.digest))) continue;
      const remote = await observePinned(ports, source, head);
      await record(each, recordStored(source, remote, await executeSync(ports, source, remote), at));
    } catch (error) {
      await record(each, recordFailure(source, error, at));
      outcome = { result: 'failed', error };
    }
  }
  return outcome;
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
