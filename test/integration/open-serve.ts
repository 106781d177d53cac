import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createGithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import { createNotifyHandler } from '#functions/notify/handler.ts';
import type { QueueHandler, ServeHandlers, ServeResources } from '#serve/serve-handlers.ts';
import type { Serve } from '#serve/start-serve.ts';
import { startServe } from '#serve/start-serve.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { createQuietTimes } from '#shared/journal/quiet-times.ts';
import type { CommitStatuses } from '#shared/ports/commit-statuses.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { parseWebhookSecrets } from '#shared/webhooks/parse-webhook-secrets.ts';
import { signBody } from '#shared/webhooks/verify-signature.ts';

export const WEBHOOK_SECRET = 'canary-webhook-secret-2b7e1516';
export const HANDLED: Awaited<ReturnType<QueueHandler>> = { batchItemFailures: [] };

export interface OpenServe extends Serve {
  readonly folder: string;
  readonly resources: ServeResources;
  /** Everything that was logged so far. */
  logged(): string;
}

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-serve-'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'webhook'), `${WEBHOOK_SECRET}\n`);
  writeFileSync(join(folder, 'secrets', 'token'), 'canary-token-5eed5eed\n');
  return folder;
}

/** The server on a folder of its own, with the real intake and notify, and the workers of the test. */
export async function openServe(options: {
  readonly folder?: string;
  readonly work?: QueueHandler;
  readonly statuses?: CommitStatuses;
  readonly graceMs?: number;
  readonly tickSeconds?: number;
  readonly withheldPrune?: 'pending' | 'failure';
  readonly publicUrl?: string;
}): Promise<OpenServe> {
  const { folder = makeFolder(), work = async () => HANDLED, graceMs = 5_000, tickSeconds = 3600 } = options;
  const { statuses = { set: async () => undefined }, withheldPrune = 'pending', publicUrl } = options;
  const settings: Settings = {
    installation: 'default',
    configRepository: { url: 'https://github.com/acme/fleet-infra', branch: 'main' },
    github: {
      apiUrl: 'https://api.github.com',
      tokenSecret: 'token',
      webhookSecret: 'webhook',
      branchPrefix: 'tidegate/',
    },
    registries: { ecr: [] },
    statuses: { withheldPrune },
    clusters: [
      {
        name: 'laptop',
        path: './clusters/laptop',
        target: { kind: 'kubeconfig', context: 'none' },
        pruneGuard: { maxObjects: 5, maxPercent: 20 },
      },
    ],
    serve: {
      address: '127.0.0.1',
      port: 0,
      stateFolder: join(folder, 'state'),
      secretsFolder: join(folder, 'secrets'),
      tickSeconds,
      ...(publicUrl === undefined ? {} : { publicUrl }),
    },
  };
  let log = '';
  const knownSecrets = new Set<string>();
  let opened: ServeResources | undefined;
  const compose = async (resources: ServeResources): Promise<ServeHandlers> => {
    opened = resources;
    const { queues, secrets, log, linkFor, journal, clock } = resources;
    const quietTimes = createQuietTimes(journal, clock, { perOwner: true });
    return {
      githubWebhook: createGithubWebhookHandler({
        queues,
        readSecrets: async () => parseWebhookSecrets((await secrets.read('webhook')) ?? ''),
        log,
      }),
      sourceSync: work,
      imageUpdate: work,
      reconcile: new Map([['laptop', work]]),
      notify: createNotifyHandler({ queues, statuses, quietTimes, style: { ...settings.statuses, linkFor }, log }),
      close: async () => undefined,
    };
  };
  const serve = await startServe({
    settings,
    compose,
    graceMs,
    learnSecret: (value) => knownSecrets.add(value),
    log: createJsonLogger({
      level: 'debug',
      knownSecrets,
      now: () => Date.now(),
      write: (line) => {
        log += line;
      },
    }),
  });
  if (opened === undefined) throw new Error('the server composed no functions');
  return { ...serve, folder, resources: opened, logged: () => log };
}

/** Sends a payload as GitHub does. */
export async function deliver(
  url: string,
  event: string,
  payload: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return fetch(`${url}/webhook`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': crypto.randomUUID(),
      'x-hub-signature-256': signBody(Buffer.from(body), WEBHOOK_SECRET),
      ...headers,
    },
  });
}

/** A `push` of the configuration repository. */
export function pushPayload(after = 'a'.repeat(40)): unknown {
  return { ref: 'refs/heads/main', after, repository: { html_url: 'https://github.com/acme/fleet-infra' } };
}

/** Waits until something is so, and says what it waited for when it never is. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
