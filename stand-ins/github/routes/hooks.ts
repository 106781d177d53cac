import type { Answer, Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, nextId, timestamp } from '../core.ts';
import { answerPage } from '../paginate.ts';
import { notFound, unprocessable } from '../problem.ts';
import { insecureOf, objectOf, textOf, textsOf } from '../read-body.ts';
import { showHook } from '../show-hook.ts';
import type { Delivery, Hook, HookConfig, Repository } from '../state.ts';
import { announcePing, redeliver } from '../webhooks.ts';
import { onApp, onRepository } from './route.ts';

const READ = { repository_hooks: 'read' } as const;
const WRITE = { repository_hooks: 'write' } as const;

function hookOf(exchange: Exchange, repository: Repository): Hook {
  const id = Number(exchange.params['hook_id']);
  const hook = exchange.core.state.hooks.find((one) => one.repositoryId === repository.id && one.id === id);
  if (hook === undefined) throw notFound();
  return hook;
}

function configOf(given: Record<string, unknown> | undefined, old?: HookConfig): HookConfig {
  const url = textOf(given ?? {}, 'url') ?? old?.url;
  if (url === undefined || !URL.canParse(url)) {
    throw unprocessable('Validation Failed', [
      { resource: 'Hook', code: 'custom', message: 'Config must contain URL for webhooks' },
    ]);
  }
  const secret = textOf(given ?? {}, 'secret') ?? old?.secret;
  const type = textOf(given ?? {}, 'content_type') ?? old?.content_type ?? 'form';
  return {
    url,
    content_type: type === 'json' ? 'json' : 'form',
    insecure_ssl: insecureOf(given?.['insecure_ssl'] ?? old?.insecure_ssl),
    ...(secret === undefined ? {} : { secret }),
  };
}

function createHook(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const config = configOf(objectOf(body, 'config'));
  if (core.state.hooks.some((one) => one.repositoryId === repository.id && one.config.url === config.url)) {
    const message = 'Hook already exists on this repository';
    throw unprocessable('Validation Failed', [{ resource: 'Hook', code: 'custom', message }]);
  }
  const now = timestamp(core);
  const hook: Hook = {
    id: nextId(core),
    repositoryId: repository.id,
    createdAt: now,
    updatedAt: now,
    config,
    active: body['active'] !== false,
    events: textsOf(body, 'events') ?? ['push'],
    lastResponse: { code: null, status: 'unused', message: null },
  };
  core.state.hooks.push(hook);
  const shown = showHook(core, repository, hook);
  if (hook.active) announcePing(core, repository, actingAccount(core, exchange.actor), hook.id, shown);
  const location = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/hooks/${hook.id}`;
  return { status: 201, body: shown, headers: { location } };
}

function showListedDelivery(delivery: Delivery): Record<string, unknown> {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: delivery.duration,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

function showDelivery(delivery: Delivery, url: string): Record<string, unknown> {
  return {
    ...showListedDelivery(delivery),
    url,
    request: { headers: delivery.requestHeaders, payload: delivery.payload },
    response: { headers: delivery.responseHeaders, payload: delivery.responseBody },
  };
}

async function listDeliveries(exchange: Exchange, hookId: number): Promise<Answer> {
  const { core, query } = exchange;
  const perPage = Math.min(100, Math.max(1, Number(query.get('per_page') ?? 30) || 30));
  const cursor = query.get('cursor');
  const after = cursor === null ? Infinity : Number(Buffer.from(cursor, 'base64url').toString());
  const status = query.get('status');
  const all = core.state.deliveries
    .filter((one) => one.hookId === hookId && one.id < after)
    .filter((one) => status === null || (one.status === 'OK') === (status === 'success'))
    .sort((one, other) => other.id - one.id);
  const shown = all.slice(0, perPage);
  const last = shown.at(-1);
  if (last === undefined || all.length <= perPage) return { status: 200, body: shown.map(showListedDelivery) };
  const url = new URL(exchange.url);
  url.searchParams.set('cursor', Buffer.from(String(last.id)).toString('base64url'));
  return { status: 200, body: shown.map(showListedDelivery), headers: { link: `<${url.href}>; rel="next"` } };
}

function deliveryOf(exchange: Exchange, hookId: number): Delivery {
  const id = Number(exchange.params['delivery_id']);
  const delivery = exchange.core.state.deliveries.find((one) => one.hookId === hookId && one.id === id);
  if (delivery === undefined) throw notFound();
  return delivery;
}

function redeliverOf(exchange: Exchange, hookId: number): Answer {
  redeliver(exchange.core, deliveryOf(exchange, hookId));
  return { status: 202, body: {} };
}

/** Webhooks of repositories and Apps, what was delivered, and delivering it again. */
export const hookRoutes: readonly Route[] = [
  onRepository('POST', '/hooks', WRITE, createHook),
  onRepository('GET', '/hooks', READ, async (exchange, repository) => {
    const hooks = exchange.core.state.hooks.filter((one) => one.repositoryId === repository.id);
    return await answerPage(exchange, hooks, (hook) => showHook(exchange.core, repository, hook));
  }),
  onRepository('GET', '/hooks/{hook_id}', READ, (exchange, repository) => ({
    status: 200,
    body: showHook(exchange.core, repository, hookOf(exchange, repository)),
  })),
  onRepository('PATCH', '/hooks/{hook_id}', WRITE, (exchange, repository) => {
    const hook = hookOf(exchange, repository);
    const { body } = exchange;
    if (objectOf(body, 'config') !== undefined) hook.config = configOf(objectOf(body, 'config'), hook.config);
    hook.events = textsOf(body, 'events') ?? hook.events;
    hook.active = typeof body['active'] === 'boolean' ? body['active'] : hook.active;
    hook.updatedAt = timestamp(exchange.core);
    return { status: 200, body: showHook(exchange.core, repository, hook) };
  }),
  onRepository('DELETE', '/hooks/{hook_id}', WRITE, (exchange, repository) => {
    const hook = hookOf(exchange, repository);
    exchange.core.state.hooks = exchange.core.state.hooks.filter((one) => one !== hook);
    return { status: 204 };
  }),
  onRepository('POST', '/hooks/{hook_id}/pings', READ, (exchange, repository) => {
    const hook = hookOf(exchange, repository);
    const shown = showHook(exchange.core, repository, hook);
    announcePing(exchange.core, repository, actingAccount(exchange.core, exchange.actor), hook.id, shown);
    return { status: 204 };
  }),
  onRepository('GET', '/hooks/{hook_id}/deliveries', READ, async (exchange, repository) =>
    listDeliveries(exchange, hookOf(exchange, repository).id),
  ),
  onRepository('GET', '/hooks/{hook_id}/deliveries/{delivery_id}', READ, (exchange, repository) => ({
    status: 200,
    body: showDelivery(deliveryOf(exchange, hookOf(exchange, repository).id), exchange.url.href),
  })),
  onRepository('POST', '/hooks/{hook_id}/deliveries/{delivery_id}/attempts', WRITE, (exchange, repository) =>
    redeliverOf(exchange, hookOf(exchange, repository).id),
  ),
  onApp('GET', '/app/hook/deliveries', async (exchange, app) => listDeliveries(exchange, app.hookId)),
  onApp('GET', '/app/hook/deliveries/{delivery_id}', (exchange, app) => ({
    status: 200,
    body: showDelivery(deliveryOf(exchange, app.hookId), exchange.url.href),
  })),
  onApp('POST', '/app/hook/deliveries/{delivery_id}/attempts', (exchange, app) => redeliverOf(exchange, app.hookId)),
];
