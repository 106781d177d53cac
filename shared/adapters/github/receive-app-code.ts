import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

import { TidegateError } from '#shared/common/tidegate-error.ts';

/** How a person is sent to GitHub to register an App. */
export interface ReceiveAppCodeOptions {
  /** The manifest, given where GitHub sends the browser afterwards. */
  readonly manifest: (redirectUrl: string) => Readonly<Record<string, unknown>>;
  /** `https://github.com/organizations/acme/settings/apps/new`. */
  readonly registerUrl: string;
  readonly timeoutMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  readonly onListening: (url: string) => void;
  /** Is told of an answer that is not GitHub's to our question. */
  readonly onRefused: (reason: string) => void;
}

export type ReceivedAppCode =
  { readonly outcome: 'received'; readonly code: string } | { readonly outcome: 'timed-out' | 'stopped' };

const CODE = /^[\w-]{1,200}$/u;

/** Serves, on the loopback address alone, the page that leads to GitHub, until GitHub has sent the browser back with a code. */
export async function receiveAppCode(options: ReceiveAppCodeOptions): Promise<ReceivedAppCode> {
  const state = randomBytes(32).toString('base64url');
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new TidegateError('NoAddress', 'the loopback server has no port', { disposition: 'stall' });
  }
  const host = `127.0.0.1:${address.port}`;
  const startPage = renderStartPage(options, `http://${host}/created`, state);
  const { promise, resolve } = Promise.withResolvers<ReceivedAppCode>();
  const timer = setTimeout(() => resolve({ outcome: 'timed-out' }), options.timeoutMs);
  const stop = (): void => resolve({ outcome: 'stopped' });
  options.signal.addEventListener('abort', stop);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Another name for this address would let a foreign page read ours.
    if (request.headers.host !== host) return answer(response, 421, 'Unknown host', '');
    if (request.method !== 'GET') return answer(response, 405, 'Only GET is answered here', '');
    const url = new URL(request.url ?? '/', `http://${host}`);
    if (url.pathname === '/') return answer(response, 200, 'Register the GitHub App of Tidegate', startPage);
    if (url.pathname !== '/created') return answer(response, 404, 'Not found', '');
    const code = url.searchParams.get('code') ?? '';
    if (!isSame(url.searchParams.get('state') ?? '', state)) {
      options.onRefused('an answer with another state than the one asked with');
      return answer(response, 400, 'This is no answer to our question', '<p>Start at the address in the terminal.</p>');
    }
    if (!CODE.test(code)) {
      options.onRefused('an answer without a code');
      return answer(response, 400, 'GitHub sent no code', '<p>Start at the address in the terminal.</p>');
    }
    response.once('close', () => resolve({ outcome: 'received', code }));
    return answer(response, 200, 'Registered', '<p>Go on in the terminal; this page can be closed.</p>');
  });
  try {
    if (options.signal.aborted) stop();
    options.onListening(`http://${host}/`);
    return await promise;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', stop);
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

function renderStartPage(options: ReceiveAppCodeOptions, redirectUrl: string, state: string): string {
  const manifest = JSON.stringify(options.manifest(redirectUrl), null, 2);
  const action = `${options.registerUrl}?state=${encodeURIComponent(state)}`;
  return [
    '<p>GitHub shows what the App may do, asks for a name, and sends you back here.</p>',
    `<form action="${escape(action)}" method="post">`,
    `<input type="hidden" name="manifest" value="${escape(manifest)}">`,
    `<button>Continue on ${escape(new URL(options.registerUrl).host)}</button></form>`,
    `<pre>${escape(manifest)}</pre>`,
  ].join('\n');
}

function answer(response: ServerResponse, status: number, title: string, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(`<!doctype html>\n<html lang="en">\n<title>${title}</title>\n<h1>${title}</h1>\n${html}\n</html>\n`);
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
