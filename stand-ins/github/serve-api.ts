import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { authenticate } from './authenticate.ts';
import type { Actor, Answer, Core, Exchange } from './core.ts';
import { findRenamed, findRepository } from './core.ts';
import type { Match } from './match-route.ts';
import type { OpenApiCheck } from './openapi-check.ts';
import { permitRepository } from './permit.ts';
import { notFound, Problem, unprocessable } from './problem.ts';
import { movedTo } from './rename.ts';
import { callerOf } from './routes/meta.ts';

/** An answer with the bytes and headers that go out. */
export type Sent = { readonly status: number; readonly headers: Record<string, string>; readonly body: Buffer };

const FREE = new Set(['/rate_limit']);

/** Parses a request's body as the JSON object that the API expects. */
export function parseBody(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    if (Array.isArray(value)) return { labels: value };
  } catch (error) {
    throw new Problem(400, 'Problems parsing JSON', { errors: [String(error)] });
  }
  throw new Problem(400, 'Body should be a JSON object');
}

function authorize(core: Core, actor: Actor, match: Match): Exchange['repository'] {
  const { needs } = match.route;
  if (needs === 'nothing') return null;
  if (needs === 'app') {
    if (actor.kind === 'app') return null;
    throw new Problem(401, 'A JSON web token could not be decoded');
  }
  return permitRepository(core, actor, match.params['owner'] ?? '', match.params['repo'] ?? '', needs);
}

/** Refuses a caller who has asked too much: this hour, or this minute. */
function checkLimits(core: Core, caller: string, isWrite: boolean): void {
  const refusal = core.rateLimits.refuse(caller, isWrite);
  if (refusal !== null) throw new Problem(refusal.status, refusal.message, {}, refusal.headers);
}

/** Sends on who asks for a repository by a name that it had before. */
function redirectRenamed(core: Core, match: Match, known: Exchange['repository'], url: URL): void {
  const { owner, repo } = match.params;
  if (owner === undefined || repo === undefined) return;
  const renamed = known ?? (match.route.needs === 'app' ? findRenamed(core, owner, repo) : undefined);
  if (renamed === undefined || findRepository(core, owner, repo) === renamed) return;
  const rest = url.pathname.split('/').slice(6).join('/');
  throw movedTo(core, renamed, match.route.method, `${rest === '' ? '' : `/${rest}`}${url.search}`);
}

async function answerOf(
  core: Core,
  check: OpenApiCheck,
  match: Match | null,
  actor: Actor,
  url: URL,
  bytes: Buffer,
): Promise<Answer> {
  if (match === null) throw notFound();
  const { route, params } = match;
  const repository = authorize(core, actor, match);
  redirectRenamed(core, match, repository, url);
  const body = parseBody(bytes);
  const wrong = check.request(
    route.method,
    route.template,
    url.searchParams,
    bytes.length === 0 ? undefined : JSON.parse(bytes.toString()),
  );
  if (wrong.length > 0) {
    const errors = wrong.map((message) => ({ resource: route.template, code: 'invalid', message }));
    throw unprocessable('Invalid request.', errors);
  }
  const exchange: Exchange = { core, actor, repository, params, query: url.searchParams, body, url };
  const answer = await route.handle(exchange);
  if (route.method !== 'GET') await core.save();
  return answer;
}

/** How an error is answered. */
export function problemAnswer(error: unknown): Answer {
  if (error instanceof Problem) return { status: error.status, body: error.body, headers: error.headers };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, body: { message: `the stand-in failed: ${message}` } };
}

function encode(answer: Answer): Buffer {
  return answer.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.body));
}

/** What every answer tells of the caller's budget. */
export function limitHeaders(core: Core, caller: string, resource: 'core' | 'graphql'): Record<string, string> {
  const { limit, remaining, reset, used } = core.rateLimits.budget(caller);
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(reset),
    'x-ratelimit-used': String(used),
    'x-ratelimit-resource': resource,
  };
}

function checked(core: Core, check: OpenApiCheck, match: Match | null, answer: Answer): Answer {
  const where = match === null ? 'unknown route' : `${match.route.method} ${match.route.template} ${answer.status}`;
  if (answer.status === 500) {
    core.violations.push(`${where}: ${JSON.stringify(answer.body)}`);
    return answer;
  }
  if (match === null) return answer;
  const body: unknown = answer.body === undefined ? undefined : JSON.parse(JSON.stringify(answer.body));
  const wrong = check.answer(match.route.method, match.route.template, answer.status, body);
  if (wrong.length === 0 || (body === undefined && answer.status === 204)) return answer;
  const violation = `${where}: ${wrong.join('; ')}`;
  core.violations.push(violation);
  return { status: 500, body: { message: `the stand-in's answer is not GitHub's: ${violation}` } };
}

/** Answers one REST request: who, may they, is it well-formed, what comes of it, and is that what GitHub would say. */
export async function serveApi(
  core: Core,
  check: OpenApiCheck,
  match: Match | null,
  request: IncomingMessage,
  url: URL,
  bytes: Buffer,
): Promise<Sent> {
  const method = request.method ?? 'GET';
  let actor: Actor = { kind: 'anonymous' };
  let answer: Answer;
  try {
    actor = authenticate(core, request.headers.authorization);
    const isFree = match !== null && FREE.has(match.route.template);
    if (!isFree) checkLimits(core, callerOf({ actor }), method !== 'GET');
    answer = await answerOf(core, check, match, actor, url, bytes);
  } catch (error) {
    answer = problemAnswer(error);
  }
  answer = checked(core, check, match, answer);
  const caller = callerOf({ actor });
  const body = encode(answer);
  const etag = `W/"${createHash('sha256')
    .update(body)
    .update(JSON.stringify(answer.headers ?? {}))
    .digest('hex')}"`;
  const cacheable = method === 'GET' && answer.status === 200;
  const known = (request.headers['if-none-match'] ?? '').split(',').map((part) => part.trim());
  const unchanged = cacheable && (known.includes(etag) || known.includes(etag.slice(2)));
  const isFree = match !== null && FREE.has(match.route.template);
  // An answer "not modified" to someone who authenticated is not counted.
  if (!isFree && !(unchanged && actor.kind !== 'anonymous')) core.rateLimits.spend(caller);
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'x-github-request-id': randomUUID().toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
    'x-github-api-version-selected': String(request.headers['x-github-api-version'] ?? '2022-11-28'),
    ...limitHeaders(core, caller, 'core'),
    ...answer.headers,
    ...(cacheable ? { etag, 'cache-control': 'private, max-age=60, s-maxage=60', vary: 'Accept, Authorization' } : {}),
  };
  if (unchanged) return { status: 304, headers, body: Buffer.alloc(0) };
  return { status: answer.status, headers, body };
}
