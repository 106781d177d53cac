import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { serveAppPages } from './app-pages.ts';
import type { Core } from './core.ts';
import type { Fault } from './faults.ts';
import { parseGitRequest, serveGit } from './git-http.ts';
import { serveGraphql } from './graphql.ts';
import type { Match } from './match-route.ts';
import type { OpenApiCheck } from './openapi-check.ts';
import { Problem } from './problem.ts';
import { namedPath } from './rename.ts';
import type { Sent } from './serve-api.ts';
import { serveApi } from './serve-api.ts';

const MAX_BODY_BYTES = 100 * 1024 * 1024;

/** What a running GitHub needs to answer requests. */
export type Serving = {
  readonly core: Core;
  readonly check: OpenApiCheck;
  readonly match: (method: string, path: string) => Match | null;
  readonly delayMs: number;
};

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new Problem(413, 'Payload too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function plain(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Sent {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  return { status, headers: { 'content-type': type, ...headers }, body: Buffer.from(text) };
}

function send(response: ServerResponse, sent: Sent, fault: Fault | null): void {
  if (fault === 'lose-answer') {
    response.destroy();
    return;
  }
  const hasBody = sent.status !== 204 && sent.status !== 304;
  response.writeHead(sent.status, { ...sent.headers, ...(hasBody ? { 'content-length': sent.body.length } : {}) });
  if (fault === 'truncate') {
    response.write(sent.body.subarray(0, Math.floor(sent.body.length / 2)), () => response.destroy());
    return;
  }
  response.end(hasBody ? sent.body : undefined);
}

/** Applies what a fault does before the request is carried out; true says that nothing more is to be done. */
async function failEarly(response: ServerResponse, fault: Fault | null): Promise<boolean> {
  if (fault === null || fault === 'truncate' || fault === 'lose-answer') return false;
  if (fault === 'reset') {
    response.destroy();
    return true;
  }
  if ('delayMs' in fault) {
    await sleep(fault.delayMs);
    return false;
  }
  send(response, plain(fault.status, fault.body ?? { message: 'injected' }, fault.headers), null);
  return true;
}

async function serveGitRequest(
  serving: Serving,
  git: NonNullable<ReturnType<typeof parseGitRequest>>,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | null,
): Promise<void> {
  try {
    if (fault === 'lose-answer' || fault === 'truncate') cutAnswer(response);
    await serveGit(serving.core, git, request, response);
    if (fault === 'lose-answer' || fault === 'truncate') response.destroy();
    else response.end();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const challenge = error.status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : error.headers;
    send(response, plain(error.status, error.message, challenge), null);
  }
}

/** Lets git do its work and keeps what it answers, so that the change is made and nobody hears of it. */
function cutAnswer(response: ServerResponse): void {
  response.writeHead = () => response;
  response.write = () => true;
}

/** Counts an answer before its client can have read it, or when its connection ends without one (as status 0). */
function countAnswer(core: Core, endpoint: string, response: ServerResponse): void {
  let counted = false;
  const count = (): void => {
    if (!counted) core.counters.answered(endpoint, response.headersSent ? response.statusCode : 0);
    counted = true;
  };
  response.once('prefinish', count);
  response.once('close', count);
}

async function route(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { core } = serving;
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', core.url);
  const git = parseGitRequest(url);
  const isApi = url.pathname.startsWith('/api/v3/') || url.pathname === '/api/v3';
  const isGraphql = url.pathname === '/api/graphql' && method === 'POST';
  const path = url.pathname.slice('/api/v3'.length);
  const match = isApi ? serving.match(method, namedPath(core, path)) : null;
  const restEndpoint = match === null ? `${method} ${url.pathname}` : `${method} ${match.route.template}`;
  const endpoint = isGraphql ? 'POST /graphql' : (git?.service.replace('-', ' ') ?? restEndpoint);
  const template = isGraphql ? '/graphql' : git === null ? (match?.route.template ?? url.pathname) : endpoint;
  core.counters.arrived(endpoint);
  countAnswer(core, endpoint, response);
  await core.interrupt?.(endpoint, request.headers.authorization ?? '');
  if (serving.delayMs > 0) await sleep(serving.delayMs);
  const fault = core.faults.take(method, template, url.pathname);
  if (await failEarly(response, fault)) return;
  if (git !== null) return await serveGitRequest(serving, git, request, response, fault);
  const bytes = await readBytes(request);
  if (isGraphql) return send(response, await serveGraphql(core, request, bytes), fault);
  const page = isApi ? null : await serveAppPages(core, method, url, bytes.toString());
  if (page !== null) return send(response, plain(page.status, page.html, page.headers), fault);
  if (match === null) core.unknownRoutes.push(`${method} ${url.pathname}`);
  if (isApi) return send(response, await serveApi(core, serving.check, match, request, url, bytes), fault);
  send(response, plain(404, 'Not Found'), fault);
}

/** Answers one request, whatever it asks; a failure of ours is an answer too. */
export function serveRequest(serving: Serving, request: IncomingMessage, response: ServerResponse): void {
  route(serving, request, response).catch((error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof Problem) return send(response, plain(error.status, error.body), null);
    serving.core.violations.push(`${request.method} ${request.url}: ${text}`);
    if (response.headersSent) response.destroy();
    else send(response, plain(500, { message: text }), null);
  });
}
