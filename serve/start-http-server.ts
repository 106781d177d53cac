import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { GithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { MAX_WEBHOOK_BYTES } from '#shared/webhooks/receive-webhook.ts';

import type { Health } from './observe-health.ts';
import { readCappedBody } from './read-capped-body.ts';
import { STATUS_PAGE_HEADERS } from './render-status-page.ts';
import { toGatewayEvent } from './to-gateway-event.ts';

export interface HttpServerOptions {
  readonly address: string;
  readonly port: number;
  readonly webhook: GithubWebhookHandler;
  readonly health: () => Promise<Health>;
  /** The page at a path below `/status/`; nothing where there is none. */
  readonly statusPage: (path: string) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface HttpServer {
  readonly url: string;
  /** Takes no new connection, and waits for the answers under way. */
  close(): Promise<void>;
}

/**
 * Listens for GitHub's webhooks (`POST /webhook`), for whoever asks how things are (`GET /healthz`),
 * and for who was given the address of a page (`GET /status/…`).
 * @throws TidegateError `AddressUnavailable` (stall).
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { address, port, log } = options;
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16 * 1024 });
  server.maxConnections = 512;
  server.on('request', (request, response) => {
    response.on('error', () => request.destroy());
    answer(request, response, options).catch((error: unknown) => {
      log.error('request failed', { path: pathForLog(request.url), reason: describeError(error) });
      send(response, 503, { outcome: 'unavailable' });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new TidegateError(
          'AddressUnavailable',
          `cannot listen on ${address}:${port} (${describeError(error)}): set serve.address and serve.port to what is free`,
          { disposition: 'stall', subject: `${address}:${port}`, cause: error },
        ),
      ),
    );
    server.listen(port, address, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 5_000).unref();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions): Promise<void> {
  const [path] = (request.url ?? '/').split('?', 1);
  if (path === '/healthz') {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(request, response, 'GET');
    return send(response, 200, await options.health());
  }
  if (path?.startsWith('/status/') === true) {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(request, response, 'GET');
    const page = await options.statusPage(path);
    if (page !== undefined) return void response.writeHead(200, STATUS_PAGE_HEADERS).end(page);
  }
  if (path !== '/webhook') return closing(request, response, 404, { outcome: 'not-found' });
  if (request.method !== 'POST') return refuseMethod(request, response, 'POST');
  const body = await readCappedBody(request, MAX_WEBHOOK_BYTES);
  if (body.outcome === 'broken') return void request.destroy();
  if (body.outcome === 'too-large') {
    options.log.info('webhook answered', { outcome: 'too-large', allowed: MAX_WEBHOOK_BYTES, statusCode: 413 });
    return closing(request, response, 413, { outcome: 'too-large', allowed: MAX_WEBHOOK_BYTES });
  }
  const result = await options.webhook(toGatewayEvent(request, body.bytes, options.clock.now()));
  for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, `${value}`);
  response.writeHead(result.statusCode ?? 200).end(result.body);
}

/** The address of a page is its key. */
function pathForLog(url = ''): string {
  return url.startsWith('/status/') ? '/status/…' : url.slice(0, 200);
}

function refuseMethod(request: IncomingMessage, response: ServerResponse, allowed: string): void {
  response.setHeader('allow', allowed);
  closing(request, response, 405, { outcome: 'method-not-allowed', allowed });
}

/**
 * Answers a request whose body nobody reads. What the client still sends is thrown away for a moment, because closing at
 * once would make it lose the answer.
 */
function closing(request: IncomingMessage, response: ServerResponse, status: number, body: unknown): void {
  response.setHeader('connection', 'close');
  send(response, status, body);
  request.removeAllListeners('data');
  request.resume();
  const cut = setTimeout(() => request.destroy(), 1_000);
  request.once('close', () => clearTimeout(cut));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
