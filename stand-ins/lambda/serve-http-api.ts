import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

import { readCappedBody } from '#serve/read-capped-body.ts';
import { toGatewayEvent } from '#serve/to-gateway-event.ts';

import type { LambdaFunction } from './start-function.ts';

/** What an HTTP API takes. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Types whose bodies an HTTP API hands on as text; all others in base64. */
const TEXT = /^(?:text\/|application\/(?:json|javascript|xml|vnd\.api\+json)\b)/u;

const Answer = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
});

/** One route of an HTTP API and the function that answers it. */
export interface HttpApiRoute {
  readonly method: string;
  readonly path: string;
  readonly function: Pick<LambdaFunction, 'invoke'>;
}

/** An HTTP API that listens on the loopback address. */
export interface HttpApi {
  readonly url: string;
  /** Status codes of what was answered so far, oldest first. */
  answers(): readonly number[];
  stop(): Promise<void>;
}

/** Plays an API Gateway HTTP API in front of functions: payload format 2.0, no throttling. */
export async function serveHttpApi(options: {
  readonly apiId: string;
  readonly account: string;
  /** A free one unless given. */
  readonly port?: number;
  readonly routes: readonly HttpApiRoute[];
}): Promise<HttpApi> {
  const { apiId, account, port = 0, routes } = options;
  const answers: number[] = [];

  function reply(response: ServerResponse, status: number, message: string): void {
    answers.push(status);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? '/').split('?', 1);
    const route = routes.find((one) => one.method === request.method && one.path === path);
    if (route === undefined) return reply(response, 404, 'Not Found');
    const body = await readCappedBody(request, MAX_BODY_BYTES);
    if (body.outcome === 'broken') return void request.destroy();
    if (body.outcome === 'too-large') return reply(response, 413, 'Request Too Long');
    const invocation = await route.function.invoke(toEvent(request, body.bytes, { apiId, account }));
    if (invocation.outcome === 'timedOut') return reply(response, 503, 'Service Unavailable');
    const isTooLarge = invocation.outcome === 'failed' && invocation.errorType === 'RequestEntityTooLargeException';
    if (isTooLarge) return reply(response, 413, 'Request Too Long');
    const result = Answer.safeParse(invocation.outcome === 'answered' ? invocation.payload : undefined);
    if (!result.success) return reply(response, 500, 'Internal Server Error');
    const { statusCode, headers, body: text, isBase64Encoded } = result.data;
    answers.push(statusCode);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, `${value}`);
    response.writeHead(statusCode).end(Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8'));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else reply(response, 500, 'Internal Server Error');
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound.port}`,
    answers: () => answers,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toEvent(
  request: IncomingMessage,
  body: Uint8Array,
  api: { readonly apiId: string; readonly account: string },
): APIGatewayProxyEventV2 {
  const event = toGatewayEvent(request, body, Date.now());
  const isText = TEXT.test(request.headers['content-type'] ?? '');
  return {
    ...event,
    requestContext: { ...event.requestContext, accountId: api.account, apiId: api.apiId, requestId: randomUUID() },
    body: Buffer.from(body).toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: !isText,
  };
}
