import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';

import { defined } from '#shared/common/defined.ts';
import { formatExactJson, parseExactJson } from '#shared/common/exact-json.ts';
import { TidegateError, describeError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';

import type { KubernetesConnection, KubernetesCredentials } from './kubernetes-connection.ts';
import { parseStatus } from './parse-api-answer.ts';

const CONNECTIONS = 16;
const ATTEMPTS = 5;
const LONGEST_PAUSE_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const LARGEST_ANSWER = 128 * 1024 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly userAgent: string;
}

/** Sends requests over kept-alive connections and repeats those that may be repeated. */
export class KubernetesHttpClient {
  private readonly connection: KubernetesConnection;
  private readonly base: URL;
  private session: Promise<Session> | undefined;

  constructor(connection: KubernetesConnection) {
    this.connection = connection;
    this.base = new URL(connection.server);
  }

  /** @returns the parsed body of a success; throws KubernetesApiError for a refusal, TidegateError `retry` for no answer. */
  async send(request: HttpRequest): Promise<unknown> {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.tryOnce(request);
      if (answer.outcome === 'success') return answer.body;
      if (answer.outcome === 'refused' && answer.error.status.code === 401 && !renewed) {
        renewed = true;
        await this.replaceSession(true);
        continue;
      }
      if (attempt >= ATTEMPTS || !mayRepeat(request, answer)) throw answer.error;
      await sleep(pauseBefore(attempt, answer));
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    const session = await this.session;
    this.session = undefined;
    await session?.agent.close();
  }

  private async tryOnce(request: HttpRequest): Promise<Answer> {
    const { agent, credentials } = await this.currentSession();
    try {
      const response = await agent.request({
        origin: this.base.origin,
        path: `${this.base.pathname.replace(/\/$/, '')}${request.path}`,
        method: request.method,
        headers: {
          ...credentials.headers,
          accept: request.accept ?? 'application/json',
          'user-agent': request.userAgent,
          ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        },
        ...defined({ query: request.query }),
        ...(request.body === undefined ? {} : { body: formatExactJson(request.body) }),
      });
      const text = await response.body.text();
      if (response.statusCode >= 200 && response.statusCode < 300) return { outcome: 'success', body: parseBody(text) };
      const retryAfterMs = readRetryAfter(response.headers['retry-after']);
      return {
        outcome: 'refused',
        error: new KubernetesApiError(parseStatus(response.statusCode, text)),
        ...defined({ retryAfterMs }),
      };
    } catch (error) {
      const subject = `API server ${this.base.origin}`;
      const message = `${subject}: ${request.method} ${request.path} got no answer: ${describeError(error)}`;
      return {
        outcome: 'lost',
        error: new TidegateError('ApiServerUnreachable', message, { disposition: 'retry', subject, cause: error }),
      };
    }
  }

  private async currentSession(): Promise<Session> {
    this.session ??= this.openSession(false);
    const opened = this.session;
    try {
      const session = await opened;
      const { renewAt } = session.credentials;
      if (renewAt === undefined || Date.now() < renewAt) return session;
      // Of the requests that come here at the same time, the first one replaces the session for all.
      if (this.session === opened) {
        await this.replaceSession(false);
      }
      return await (this.session ?? opened);
    } catch (error) {
      this.session = undefined;
      throw error;
    }
  }

  private async openSession(renewed: boolean): Promise<Session> {
    const credentials = await this.connection.credentials({ renewed });
    const agent = new Agent({
      connections: CONNECTIONS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
      maxResponseSize: LARGEST_ANSWER,
      connect: {
        timeout: 10_000,
        ...defined({
          ca: credentials.ca,
          cert: credentials.cert,
          key: credentials.key,
          servername: credentials.serverName,
        }),
        ...(credentials.skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
      },
    });
    return { agent, credentials };
  }

  private async replaceSession(renewed: boolean): Promise<void> {
    const old = this.session;
    this.session = this.openSession(renewed);
    await this.session;
    // Requests of others may still be on the old connections: close waits for them, nobody waits for close.
    void old?.then((session) => session.agent.close()).catch(() => undefined);
  }
}

interface Session {
  readonly agent: Agent;
  readonly credentials: KubernetesCredentials;
}

type Answer =
  | { readonly outcome: 'success'; readonly body: unknown }
  | { readonly outcome: 'refused'; readonly error: KubernetesApiError; readonly retryAfterMs?: number }
  | { readonly outcome: 'lost'; readonly error: TidegateError };

// A PATCH here is always a server-side apply and a DELETE always names a resourceVersion: both may be sent twice.
function mayRepeat(request: HttpRequest, answer: Exclude<Answer, { outcome: 'success' }>): boolean {
  const idempotent = request.method === 'GET' || request.method === 'PATCH' || request.method === 'DELETE';
  if (answer.outcome === 'lost') return idempotent;
  const code = answer.error.status.code;
  return code === 429 || (code === 503 && answer.retryAfterMs !== undefined) || (code >= 500 && idempotent);
}

function pauseBefore(attempt: number, answer: Exclude<Answer, { outcome: 'success' }>): number {
  const backoff = 50 * 2 ** attempt * (1 + Math.random() / 2);
  const asked = answer.outcome === 'refused' ? (answer.retryAfterMs ?? 0) : 0;
  return Math.min(LONGEST_PAUSE_MS, Math.max(backoff, asked));
}

// The words of JSON.parse quote what they could not read, which may be a Secret.
function parseBody(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    throw new Error(`an answer of ${text.length} characters is not JSON`);
  }
}

function readRetryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === 'string' && header !== '' ? Number(header) : Number.NaN;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
