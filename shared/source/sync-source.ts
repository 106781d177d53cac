import type { JournalRecord } from '#shared/journal/journal-record.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import type { SourceLimits } from './artifact.ts';
import { executeSync } from './execute-sync.ts';
import { observeRemote, observeStored, readHead } from './observe-source.ts';
import { planSync } from './plan-sync.ts';
import { recordFailure, recordStored, recordSuspended, recordUnchanged } from './record-sync.ts';
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
  { readonly result: 'stored' | 'unchanged' | 'suspended' } | { readonly result: 'failed'; readonly error: unknown };

/**
 * Brings what is stored of a source up to date with its server: observe ► plan ► execute ► record.
 * The sources are read alike (one fetch), and each is recorded for its own cluster.
 */
export async function syncSource(
  ports: SyncPorts,
  sources: readonly [KnownSource, ...KnownSource[]],
): Promise<SyncOutcome> {
  const startedAt = ports.clock.now();
  const record = (source: KnownSource, records: readonly JournalRecord[]): Promise<void> =>
    writeUnlessOutdated(ports.journal, source, startedAt, records);
  if (sources[0].repository.suspend) {
    for (const source of sources) await record(source, recordSuspended(source, startedAt));
    return { result: 'suspended' };
  }
  try {
    const remote = await observeRemote(ports, sources[0]);
    const planned = await Promise.all(
      sources.map(async (source) => {
        const stored = await observeStored(ports, source);
        return { source, stored, plan: planSync(source, remote, stored, source.status) };
      }),
    );
    const isNew = planned.some(({ plan }) => plan.action === 'fetch');
    const artifact = isNew ? await executeSync(ports, sources[0], remote) : undefined;
    for (const { source, stored, plan } of planned) {
      if (plan.action === 'fetch' && artifact !== undefined) {
        await record(source, recordStored(source, remote, artifact, startedAt));
      } else if (stored.head !== undefined) {
        await record(source, recordUnchanged(source, remote, stored.head.digest, startedAt));
      }
    }
    return { result: isNew ? 'stored' : 'unchanged' };
  } catch (error) {
    for (const source of sources) await record(source, recordFailure(source, error, startedAt));
    return { result: 'failed', error };
  }
}

/** Whoever looked after us knows better: what it recorded is not set back. */
async function writeUnlessOutdated(
  journal: Journal,
  source: KnownSource,
  startedAt: number,
  records: readonly JournalRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const head = await readHead(journal, source.key);
  if (head === undefined || head.observedAt <= startedAt) await journal.write(records);
}
