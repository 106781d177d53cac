import { defined } from '#shared/common/defined.ts';
import { outOfTime } from '#shared/common/out-of-time.ts';
import { describeError, dispositionOf, notBeforeOf, silentHostOf } from '#shared/common/tidegate-error.ts';
import { visitHosts } from '#shared/common/visit-hosts.ts';
import { formatSourceKey } from '#shared/flux/resource-key.ts';
import { describeDamage, readKnownFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { statusKey, type ObjectName } from '#shared/records/journal-record.ts';
import type { Settings } from '#shared/settings/settings.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';

import { groupSources } from './group-sources.ts';
import { listSources } from './list-sources.ts';
import { githubWebOrigin, normalizeSourceUrl } from './source-url.ts';
import { sourcesToSync, type KnownSource } from './sources-to-sync.ts';
import { skipSilentHost, syncSource, type SyncOutcome, type SyncPorts } from './sync-source.ts';

/** Servers asked at the same time; one that is slow keeps only its own place. */
const CONCURRENCY = 4;

/** What is left is too little to begin with another source. Milliseconds. */
const LEAST_MS = 5_000;

/**
 * Reads every source that a message concerns, until its time is up: those that were not looked at for longest come first,
 * so what was not reached is first the next time.
 * @param time how long it may take in all; one source gets half of it at most.
 * @throws the first failure that another try may mend; but not for a tick, which comes again by itself, and not where the time
 * of the next try is known.
 */
export async function syncSources(
  ports: SyncPorts & { readonly settings: Settings; readonly tickMs: number },
  message: WorkMessage,
  log: Logger,
  time: { readonly until: number },
): Promise<void> {
  const known = await readKnownSources(ports.journal, ports.settings, log);
  const concerned = sourcesToSync(message, known, {
    at: ports.clock.now(),
    tickMs: ports.tickMs,
    githubApiUrl: ports.githubApiUrl,
  });
  const groups = groupSources(concerned).toSorted((one, other) => lastLook(one) - lastLook(other));
  const failures: Error[] = [];
  const syncTime = { until: time.until, mostMs: (time.until - ports.clock.now()) / 2 };
  const notReached = await visitHosts(groups, {
    concurrency: CONCURRENCY,
    hostOf: ([{ repository }]) => hostOf(repository, ports.githubApiUrl),
    visit: async (group) => {
      // One that cannot even be recorded takes no other with it.
      const outcome = await syncSource(ports, group, syncTime).catch((error): SyncOutcome => ({
        result: 'failed',
        error,
      }));
      logOutcome(log, group, outcome, findMissedWebhook(message, group, outcome, ports.githubApiUrl));
      if (outcome.result !== 'failed') return 'answered';
      failures.push(asError(outcome.error));
      return silentHostOf(outcome.error) === undefined ? 'answered' : 'silent';
    },
    skip: async (group, host) => {
      if (group[0].repository.suspend) return;
      log.warn('source not read', { sources: namesOf(group), reason: `host ${host} does not answer` });
      await skipSilentHost(ports, group, host).catch((error: unknown) => failures.push(asError(error)));
    },
    isOutOfTime: () => time.until - ports.clock.now() < LEAST_MS,
  });
  if (notReached.length > 0) log.warn('sources not reached', { sources: notReached.flatMap(namesOf) });
  if (message.type === 'Tick') return;
  // What has its time is looked at by the first tick after it.
  const mendable = failures.find(
    (error) => ['retry', 'wait'].includes(dispositionOf(error)) && notBeforeOf(error) === undefined,
  );
  if (mendable !== undefined) throw mendable;
  const [unread] = notReached;
  if (unread !== undefined) throw outOfTime(namesOf(unread).join(', '));
}

/** When the one of them was looked at that waits for longest. */
function lastLook(group: readonly KnownSource[]): number {
  return Math.min(...group.map(({ status }) => status?.observedAt ?? 0));
}

function hostOf({ url }: KnownSource['repository'], githubApiUrl: string): string {
  try {
    return new URL(normalizeSourceUrl(url, githubApiUrl)).host;
  } catch {
    // What is no address stalls by itself, and holds up nobody.
    return url;
  }
}

function namesOf(group: readonly KnownSource[]): readonly string[] {
  return group.map(({ key }) => formatSourceKey(key));
}

async function readKnownSources(journal: Journal, settings: Settings, log: Logger): Promise<readonly KnownSource[]> {
  // A source needs no other Flux object: those that can be read are followed.
  const fluxObjects = await Promise.all(
    settings.clusters.map(async ({ name: cluster }) => {
      const { head, fluxObjects: whole, damage } = await readKnownFluxObjects(journal, cluster);
      if (damage === undefined) return whole;
      // Without a head, it may be that the first run of the cluster is just recording them.
      if (head === undefined) return damage.readable;
      const reason = describeDamage(damage);
      log.error('Flux objects cannot be read whole; runs of the cluster record them anew', { cluster, reason });
      return damage.readable;
    }),
  );
  const sources = listSources(
    settings,
    fluxObjects.filter((one) => one !== undefined),
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
    sources: namesOf(group),
    ...defined({ missedWebhook }),
  };
  if (outcome.result === 'failed') log.warn('source not read', { ...facts, reason: describeError(outcome.error) });
  else log.info('source read', { ...facts, result: outcome.result });
}
