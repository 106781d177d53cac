import { formatSourceKey } from '#shared/api/resource-key.ts';
import { describeError, dispositionOf, notBeforeOf } from '#shared/errors/tidegate-error.ts';
import { statusKey, type ObjectName } from '#shared/journal/journal-record.ts';
import { readInstructions } from '#shared/journal/read-instructions.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Settings } from '#shared/settings/settings.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';
import { groupSources } from './group-sources.ts';
import { listSources } from './list-sources.ts';
import { githubWebOrigin } from './source-url.ts';
import { sourcesToSync, type KnownSource } from './sources-to-sync.ts';
import { syncSource, type SyncOutcome, type SyncPorts } from './sync-source.ts';

/** Servers asked at the same time; one that is slow keeps only its own place. */
const CONCURRENCY = 4;

/**
 * Reads every source that a message concerns.
 * @throws the first failure that another try may mend; but not for a tick, which comes again by itself, and not where the time
 * of the next try is known.
 */
export async function syncSources(
  ports: SyncPorts & { readonly settings: Settings; readonly tickMs: number },
  message: WorkMessage,
  log: Logger,
): Promise<void> {
  const known = await readKnownSources(ports.journal, ports.settings);
  const concerned = sourcesToSync(message, known, {
    at: ports.clock.now(),
    tickMs: ports.tickMs,
    githubApiUrl: ports.githubApiUrl,
  });
  const waiting = [...groupSources(concerned)];
  const failures: Error[] = [];
  async function work(): Promise<void> {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      // One that cannot even be recorded takes no other with it.
      const outcome = await syncSource(ports, group).catch((error): SyncOutcome => ({ result: 'failed', error }));
      logOutcome(log, group, outcome, findMissedWebhook(message, group, outcome, ports.githubApiUrl));
      if (outcome.result === 'failed') failures.push(asError(outcome.error));
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (message.type === 'Tick') return;
  // What has its time is looked at by the first tick after it.
  const mendable = failures.find(
    (error) => ['retry', 'wait'].includes(dispositionOf(error)) && notBeforeOf(error) === undefined,
  );
  if (mendable !== undefined) throw mendable;
}

async function readKnownSources(journal: Journal, settings: Settings): Promise<readonly KnownSource[]> {
  const instructions = await Promise.all(settings.clusters.map(({ name }) => readInstructions(journal, name)));
  const sources = listSources(
    settings,
    instructions.filter((one) => one !== undefined),
  );
  const records = await Promise.all(settings.clusters.map(({ name }) => journal.list(name, 'status/GitRepository/')));
  const statuses = new Map(
    records.flat().flatMap((one) => (one.type === 'Status' ? [[nameOf(one.object), one] as const] : [])),
  );
  return sources.map((source) => ({ ...source, status: statuses.get(nameOf(source.key)) }));
}

function nameOf(object: ObjectName): string {
  return `${object.cluster}/${statusKey(object)}`;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(describeError(error));
}

/**
 * What this says of the webhooks of our GitHub: true where a tick found what one should have told, a source that was followed
 * has moved; false where one arrived. An alarm weighs the two, since a tick may also be a moment faster.
 */
function findMissedWebhook(
  message: WorkMessage,
  group: readonly KnownSource[],
  outcome: SyncOutcome,
  githubApiUrl: string,
): boolean | undefined {
  const origin = `${githubWebOrigin(githubApiUrl)}/`.toLowerCase();
  if (!group.some(({ status }) => (status?.details['url'] ?? '').toLowerCase().startsWith(origin))) return undefined;
  if (message.type === 'RepositoryPushed') return false;
  return message.type === 'Tick' && outcome.result === 'stored' && outcome.isPush ? true : undefined;
}

function logOutcome(
  log: Logger,
  group: readonly KnownSource[],
  outcome: SyncOutcome,
  missedWebhook: boolean | undefined,
): void {
  const facts = {
    sources: group.map(({ key }) => formatSourceKey(key)),
    ...(missedWebhook === undefined ? {} : { missedWebhook }),
  };
  if (outcome.result === 'failed') log.warn('source not read', { ...facts, reason: describeError(outcome.error) });
  else log.info('source read', { ...facts, result: outcome.result });
}
