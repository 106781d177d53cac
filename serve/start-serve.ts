import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createFolderSecrets } from '#shared/adapters/disk/folder-secrets.ts';
import { lockStateFolder } from '#shared/adapters/sqlite/lock-state-folder.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { redactText } from '#shared/common/redact-secrets.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName } from '#shared/work/work-message.ts';

import { observeHealth } from './observe-health.ts';
import { observeStatusPage } from './observe-status-page.ts';
import { renderStatusPage } from './render-status-page.ts';
import { requireSecrets } from './require-secrets.ts';
import type { QueueHandler, ServeHandlers, ServeResources } from './serve-handlers.ts';
import { startEventIntake } from './start-event-intake.ts';
import { startHttpServer } from './start-http-server.ts';
import { startJournalStream, STREAM_CONSUMERS } from './start-journal-stream.ts';
import { startQueueWorker } from './start-queue-worker.ts';
import { startTicks } from './start-ticks.ts';
import { openStatusPageLinks } from './status-page-links.ts';

const MAX_RECEIVES = 8;
const GRACE_MS = 20_000;
/** What was not passed on is passed on at the next start. */
const STREAM_GRACE_MS = 2_000;
const CONCURRENCY = 4;

export interface ServeOptions {
  /** Folders as this process sees them. */
  readonly settings: Settings;
  readonly log: Logger;
  /** Makes the five functions. */
  readonly compose: (resources: ServeResources) => Promise<ServeHandlers>;
  /** Is told each secret that is read, so that the logs leave it out. */
  readonly learnSecret?: (value: string) => void;
  readonly clock?: Clock;
  /** How long work under way may take to finish at shutdown. */
  readonly graceMs?: number;
}

export interface Serve {
  readonly url: string;
  /** Takes nothing new, finishes what it can and hands back the rest. */
  close(): Promise<void>;
}

/**
 * Runs the five functions in this process, with a queue and a journal of its own, until it is closed.
 * @throws TidegateError (stall) when the folder is in use, the address is taken or a secret is missing.
 */
export async function startServe(options: ServeOptions): Promise<Serve> {
  const { settings, log, compose, clock = systemClock, graceMs = GRACE_MS, learnSecret = () => undefined } = options;
  const startedAt = clock.now();
  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const lock = lockStateFolder(settings.serve.stateFolder);
    undo.push(() => lock.release());
    const database = openSqliteDatabase(settings.serve.stateFolder);
    undo.push(() => database.close());
    const journal = createSqliteJournal(database, clock);
    const queues = createSqliteWorkQueues(database, clock, {
      maxReceives: MAX_RECEIVES,
      onGivenUp: ({ isKept, ...message }) => {
        if (isKept) log.error('message given up', { ...message, next: 'tidegate dead-letters shows it' });
        else log.warn('tick given up', { ...message, next: 'the next tick does its work' });
      },
    });
    // The lock is ours, so what is in flight was in the hands of a process that is gone.
    queues.releaseAll();
    const known = new Set<string>();
    const secrets = createFolderSecrets(settings.serve.secretsFolder, (value) => {
      known.add(value);
      learnSecret(value);
    });
    const redact = (text: string): string => redactText(text, known);
    await requireSecrets(settings, secrets);
    const links = await openStatusPageLinks(settings.serve.stateFolder);
    let base = findBase(settings.serve, settings.serve.port);
    const linkFor: ServeResources['linkFor'] = (object) =>
      base === undefined ? undefined : `${base}${links.pathOf(object)}`;
    const handlers = await compose({ settings, journal, queues, secrets, clock, log, linkFor });
    undo.push(() => handlers.close());

    // Stops after the workers: what they record while they finish is passed on.
    journal.keepFor(STREAM_CONSUMERS.map(({ name }) => name));
    const streams = STREAM_CONSUMERS.map((consumer) =>
      startJournalStream({ consumer, journal, handler: handlers.notify, clock, log }),
    );
    undo.push(async () => {
      await Promise.all(streams.map((stream) => stream.stop(STREAM_GRACE_MS)));
    });
    const workers = workersOf(handlers).map(({ queue, handler, concurrency }) =>
      startQueueWorker({ queue, queues, handler, concurrency, log }),
    );
    undo.push(async () => {
      await Promise.all(workers.map((worker) => worker.stop(graceMs)));
    });
    if (handlers.ecrEvents !== undefined) {
      const intake = startEventIntake({ intake: handlers.ecrEvents, handler: handlers.imageUpdate, clock, log });
      undo.push(() => intake.stop(graceMs));
    }
    const ticks = startTicks({
      targets: workersOf(handlers).map(({ queue, group }) => ({ queue, group })),
      everyMs: settings.serve.tickSeconds * 1000,
      queues,
      clock,
      log,
      onTick: () => journal.forgetExpired(),
    });
    undo.push(() => ticks.stop());
    const clusters = settings.clusters.map(({ name }) => name);
    const server = await startHttpServer({
      address: settings.serve.address,
      port: settings.serve.port,
      webhook: handlers.githubWebhook,
      health: () =>
        observeHealth({
          queues,
          journal,
          clusters,
          startedAt,
          lastTickAt: ticks.lastAt(),
          tickMs: settings.serve.tickSeconds * 1000,
          now: clock.now(),
          redact,
        }),
      statusPage: async (path) => {
        const object = links.find(path);
        if (object === undefined) return undefined;
        return renderStatusPage({ ...(await observeStatusPage(object, journal)), redact, now: clock.now() });
      },
      clock,
      log,
    });
    undo.push(() => server.close());
    base = findBase(settings.serve, Number(new URL(server.url).port));
    log.info('serving', { url: server.url, clusters, stateFolder: settings.serve.stateFolder });
    return {
      url: server.url,
      close: async () => {
        log.info('stopping', { graceMs });
        await unwind();
        log.info('stopped');
      },
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** Where pages are reached: as the settings say, or on this machine. */
function findBase({ publicUrl, address }: Settings['serve'], port: number): string | undefined {
  if (publicUrl !== undefined) return publicUrl;
  if (port === 0) return undefined;
  const isAnywhere = address === '0.0.0.0' || address === '::';
  const host = isAnywhere ? 'localhost' : address.includes(':') ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

interface Work {
  readonly queue: QueueName;
  /** Of its ticks. A cluster has one group, so that its runs follow one another. */
  readonly group: string;
  readonly handler: QueueHandler;
  readonly concurrency: number;
}

function workersOf(handlers: ServeHandlers): readonly Work[] {
  return [
    { queue: 'source-sync', group: 'tick', handler: handlers.sourceSync, concurrency: CONCURRENCY },
    { queue: 'image-update', group: 'tick', handler: handlers.imageUpdate, concurrency: CONCURRENCY },
    ...[...handlers.reconcile].map(([cluster, handler]) => ({
      queue: `reconcile/${cluster}` as const,
      group: messageGroup(cluster),
      handler,
      concurrency: 1,
    })),
  ];
}
