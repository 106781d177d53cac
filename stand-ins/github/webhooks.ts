import { createHmac, randomUUID } from 'node:crypto';

import type { Core } from './core.ts';
import { nextId, timestamp } from './core.ts';
import { covers, reaches } from './permit.ts';
import type { Account, Delivery, HookConfig, Permissions, Repository } from './state.ts';
import { keepDelivery } from './state.ts';
import { showContext, showInstallationLink } from './webhook-payloads.ts';

const TIMEOUT_MS = 10_000;
const MAX_PAYLOAD_BYTES = 25 * 1024 * 1024;
const KEPT_DELIVERIES = 2000;

type Call = {
  readonly hookId: number;
  readonly config: HookConfig;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly repositoryId: number | null;
  readonly installationId: number | null;
  readonly redelivery: boolean;
};

type Reply = Pick<Delivery, 'status' | 'statusCode' | 'responseHeaders' | 'responseBody'>;

const NEEDED: Readonly<Record<string, Permissions>> = {
  push: { contents: 'read' },
  pull_request: { pull_requests: 'read' },
  status: { statuses: 'read' },
  check_run: { checks: 'read' },
  deployment: { deployments: 'read' },
  deployment_status: { deployments: 'read' },
};

function headersOf(core: Core, call: Call, body: string): Record<string, string> {
  const { secret } = call.config;
  const sign = (hash: string, key: string): string => `${hash}=${createHmac(hash, key).update(body).digest('hex')}`;
  return {
    accept: '*/*',
    'content-type': call.config.content_type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
    'user-agent': `GitHub-Hookshot/${call.guid.slice(0, 7)}`,
    'x-github-delivery': call.guid,
    'x-github-event': call.event,
    'x-github-hook-id': String(call.hookId),
    'x-github-hook-installation-target-id': String(call.repositoryId ?? call.hookId),
    'x-github-hook-installation-target-type': core.state.apps.some((app) => app.hookId === call.hookId)
      ? 'integration'
      : 'repository',
    ...(secret === undefined
      ? {}
      : { 'x-hub-signature': sign('sha1', secret), 'x-hub-signature-256': sign('sha256', secret) }),
  };
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<Reply> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = (await response.text()).slice(0, 64 * 1024);
    const status = response.ok ? 'OK' : `Invalid HTTP Response: ${response.status}`;
    const responseHeaders = Object.fromEntries(response.headers);
    return { status, statusCode: response.status, responseHeaders, responseBody: text };
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    const status = timedOut ? 'timed out' : 'failed to connect to host';
    return { status, statusCode: timedOut ? 504 : 502, responseHeaders: {}, responseBody: '' };
  }
}

async function deliver(core: Core, call: Call): Promise<void> {
  const json = JSON.stringify(call.payload);
  // GitHub does not send what is larger, nor list it.
  if (Buffer.byteLength(json) > MAX_PAYLOAD_BYTES) return;
  const body = call.config.content_type === 'json' ? json : new URLSearchParams({ payload: json }).toString();
  const headers = headersOf(core, call, body);
  const started = Date.now();
  const reply = await post(call.config.url, headers, body);
  const { hookId, guid, event, action, installationId, repositoryId, redelivery, payload } = call;
  const delivery: Delivery = {
    id: nextId(core),
    hookId,
    guid,
    event,
    action,
    installationId,
    repositoryId,
    redelivery,
    payload,
    deliveredAt: timestamp(core),
    duration: (Date.now() - started) / 1000,
    requestHeaders: headers,
    ...reply,
  };
  core.state.deliveries.push(delivery);
  await keepDelivery(core.root, delivery);
  if (core.state.deliveries.length > KEPT_DELIVERIES) core.state.deliveries.shift();
  const hook = core.state.hooks.find((one) => one.id === hookId);
  if (hook !== undefined) {
    const isOk = reply.status === 'OK';
    hook.lastResponse = { code: reply.statusCode, status: isOk ? 'active' : 'failed', message: reply.status };
  }
  await core.save();
}

function send(core: Core, call: Call): void {
  const delivery = deliver(core, call)
    .catch((error: unknown) => {
      core.violations.push(`delivery of ${call.event} ${call.guid}: ${String(error)}`);
    })
    .finally(() => core.inFlight.delete(delivery));
  core.inFlight.add(delivery);
}

function wants(events: readonly string[], event: string): boolean {
  return events.includes('*') || events.includes(event);
}

/** Whether any hook of a repository or App would be told an event, so that it is worth describing. */
export function isListened(core: Core, repository: Repository, event: string): boolean {
  const { hooks, installations, apps } = core.state;
  return (
    hooks.some((hook) => hook.repositoryId === repository.id && hook.active && wants(hook.events, event)) ||
    installations.some(
      (one) => reaches(one, repository) && apps.some((app) => app.id === one.appId && app.hook !== null),
    )
  );
}

/** Tells an event of a repository to its hooks and to the Apps installed on it, each asynchronously and once. */
export function announce(
  core: Core,
  repository: Repository,
  event: string,
  payload: Readonly<Record<string, unknown>>,
): void {
  const action = typeof payload['action'] === 'string' ? payload['action'] : null;
  const common = { event, action, repositoryId: repository.id, redelivery: false };
  for (const hook of core.state.hooks) {
    if (hook.repositoryId !== repository.id || !hook.active || !wants(hook.events, event)) continue;
    send(core, { ...common, hookId: hook.id, config: hook.config, guid: randomUUID(), payload, installationId: null });
  }
  for (const installation of core.state.installations) {
    const app = core.state.apps.find((one) => one.id === installation.appId);
    if (!app?.hook || installation.suspendedAt !== null) continue;
    if (!reaches(installation, repository) || !wants(app.events, event)) continue;
    if (!covers(installation.permissions, NEEDED[event] ?? {})) continue;
    const told = { ...payload, installation: showInstallationLink(installation.id) };
    const to = { hookId: app.hookId, config: app.hook, guid: randomUUID(), installationId: installation.id };
    send(core, { ...common, ...to, payload: told });
  }
}

/** Calls a new repository hook for the first time. */
export function announcePing(core: Core, repository: Repository, sender: Account, hookId: number, hook: unknown): void {
  const found = core.state.hooks.find((one) => one.id === hookId);
  if (found === undefined) return;
  const payload = {
    zen: 'Anything added dilutes everything else.',
    hook_id: hookId,
    hook,
    ...showContext(core, repository, sender),
  };
  const common = { event: 'ping', action: null, repositoryId: repository.id, installationId: null, redelivery: false };
  send(core, { ...common, hookId, config: found.config, guid: randomUUID(), payload });
}

/** Sends a recorded delivery again under its own GUID, to where its hook points now. */
export function redeliver(core: Core, delivery: Delivery): void {
  const config =
    core.state.hooks.find((one) => one.id === delivery.hookId)?.config ??
    core.state.apps.find((one) => one.hookId === delivery.hookId)?.hook;
  if (!config) return;
  const { hookId, guid, event, action, payload, repositoryId, installationId } = delivery;
  send(core, { hookId, config, guid, event, action, payload, repositoryId, installationId, redelivery: true });
}

/** Waits until no delivery is on its way. */
export async function settleDeliveries(core: Core): Promise<void> {
  while (core.inFlight.size > 0) await Promise.allSettled(core.inFlight);
}
