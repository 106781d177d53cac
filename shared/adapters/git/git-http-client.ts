import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { fetch, Headers, type Response } from 'undici';

import { readRetryAfter } from '#shared/common/read-retry-after.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { GitCredentials } from '#shared/ports/git-remote.ts';

import { guardedAgent, refuseForbiddenHost } from './guarded-agent.ts';
import { readPktLines } from './pkt-line.ts';

export interface GitHttpOptions {
  readonly url: string;
  readonly credentials?: GitCredentials;
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** Bytes of one answer, after decompression. */
  readonly maxBytes: number;
  /** Looks at the framed answer before isomorphic-git does, and may throw. */
  readonly inspect?: (lines: readonly Uint8Array[]) => void;
}

const MAX_REDIRECTS = 3;
const UNNAMED_LIMIT_MS = 60_000;

/**
 * HTTP for one git operation: one deadline, bounded answers, errors in our words.
 * Answers are read whole and their framing is checked before isomorphic-git sees them: it meets
 * a broken stream with a rejection that nobody can catch, and would keep the pack in memory anyway.
 */
export function createGitHttpClient(options: GitHttpOptions): HttpClient {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  let isSilent = true;
  return {
    async request(request: GitHttpRequest): Promise<GitHttpResponse> {
      const body = request.body === undefined ? undefined : await concat(request.body);
      try {
        const response = await send(request, body, options, deadline);
        isSilent = false;
        checkStatus(response, options);
        checkContentType(response, options);
        const bytes = await readBounded(response, options);
        const lines = readPktLines(bytes);
        options.inspect?.(lines);
        return {
          url: response.url,
          statusCode: response.status,
          statusMessage: response.statusText,
          headers: Object.fromEntries(response.headers),
          body: once(bytes),
        };
      } catch (error) {
        throw translate(error, options, { deadline, isSilent });
      }
    },
  };
}

async function send(
  request: GitHttpRequest,
  body: Uint8Array | undefined,
  options: GitHttpOptions,
  signal: AbortSignal,
): Promise<Response> {
  const method = request.method ?? 'GET';
  const headers = new Headers({ ...request.headers, 'user-agent': options.userAgent });
  if (options.credentials !== undefined) headers.set('authorization', basic(options.credentials));
  let url = new URL(request.url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    refuseForbiddenHost(url);
    const init = { method, headers, signal, redirect: 'manual' as const, dispatcher: guardedAgent };
    const response = await fetch(url, body === undefined ? init : { ...init, body: new Uint8Array(body) });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (next.protocol !== url.protocol && next.protocol !== 'https:') {
      throw stalled('GitOperationFailed', `${options.url} redirects from https to ${next.protocol.slice(0, -1)}`);
    }
    if (next.origin !== url.origin) headers.delete('authorization');
    url = next;
  }
  throw stalled('GitOperationFailed', `${options.url} redirects more than ${MAX_REDIRECTS} times`);
}

function checkStatus(response: Response, options: GitHttpOptions): void {
  const { status } = response;
  if (status === 200) return;
  const retryAfter = response.headers.get('retry-after');
  const isLimit = status === 429 || (status === 403 && retryAfter !== null);
  if (isLimit) throw limited(`${options.url} answered ${status}`, retryAfter);
  if (status >= 500 || status === 408) throw transient(`${options.url} answered ${status}`);
  if (status === 401 || status === 403) {
    throw stalled(
      'AuthenticationFailed',
      options.credentials === undefined
        ? `${options.url} answered ${status} without credentials; install the GitHub App on it, or name a Secret in spec.secretRef`
        : `${options.url} answered ${status}: the credentials are wrong or may not read this repository`,
    );
  }
  if (status === 404) {
    throw stalled(
      'GitOperationFailed',
      `${options.url} answered 404: there is no such repository, or ${options.credentials === undefined ? 'it is private and there are no credentials' : 'the credentials may not read it'}`,
    );
  }
  throw stalled('GitOperationFailed', `${options.url} answered ${status} where a git server answers 200`);
}

function checkContentType(response: Response, options: GitHttpOptions): void {
  const type = response.headers.get('content-type') ?? 'nothing';
  if (!/^application\/x-git-upload-pack-(?:advertisement|result)$/.test(type)) {
    throw stalled(
      'GitOperationFailed',
      `${options.url} answered with ${type} instead of git's smart protocol; is it the address of a repository?`,
    );
  }
}

async function readBounded(response: Response, options: GitHttpOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of response.body ?? []) {
    total += chunk.byteLength;
    if (total > options.maxBytes) {
      const message = `${options.url} sends more than the allowed ${options.maxBytes} bytes`;
      throw new TidegateError('GitOperationFailed', message, { disposition: 'stall', isTooLarge: true });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function translate(
  error: unknown,
  options: GitHttpOptions,
  { deadline, isSilent }: { readonly deadline: AbortSignal; readonly isSilent: boolean },
): TidegateError {
  if (error instanceof TidegateError) return error;
  if (error instanceof Error && error.cause instanceof TidegateError) return error.cause;
  const silentHost = isSilent ? new URL(options.url).host : undefined;
  if (deadline.aborted) {
    const seconds = Math.round(options.timeoutMs / 100) / 10;
    return transient(`${options.url} did not answer within ${seconds} s`, error, silentHost);
  }
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return transient(`${options.url} cannot be read: ${describeError(cause)}`, error, silentHost);
}

async function concat(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncIterableIterator<Uint8Array> {
  yield bytes;
}

function basic({ username, password }: GitCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function stalled(code: 'GitOperationFailed' | 'AuthenticationFailed', message: string): TidegateError {
  return new TidegateError(code, message, { disposition: 'stall' });
}

/** Seconds, or a date; a minute where the server names no end. */
function limited(message: string, retryAfter: string | null): TidegateError {
  const now = Date.now();
  const notBefore = now + (readRetryAfter(retryAfter, now) ?? UNNAMED_LIMIT_MS);
  return new TidegateError('RateLimited', `${message}; it is asked again at ${new Date(notBefore).toISOString()}`, {
    disposition: 'wait',
    notBefore,
  });
}

function transient(message: string, cause?: unknown, silentHost?: string): TidegateError {
  const silence = silentHost === undefined ? {} : { silentHost };
  return new TidegateError('GitOperationFailed', message, { disposition: 'retry', cause, ...silence });
}
