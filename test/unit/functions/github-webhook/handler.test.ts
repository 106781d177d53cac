import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { describe, expect, it } from 'vitest';

import { createGithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import { MAX_WEBHOOK_BYTES } from '#shared/webhooks/receive-webhook.ts';
import { signBody } from '#shared/webhooks/verify-signature.ts';

const BODY = JSON.stringify({
  ref: 'refs/heads/main',
  after: 'a'.repeat(40),
  repository: { html_url: 'https://github.com/acme/fleet-infra' },
  note: 'é €',
});
const SILENT = createJsonLogger({ level: 'error', knownSecrets: [], now: () => 0, write: () => undefined });

function gatewayEvent(body: string | undefined, isBase64Encoded: boolean): APIGatewayProxyEventV2 {
  const http = { method: 'POST', path: '/webhook', protocol: 'HTTP/1.1', sourceIp: '::1', userAgent: '' };
  return {
    version: '2.0',
    routeKey: 'POST /webhook',
    rawPath: '/webhook',
    rawQueryString: '',
    headers: {
      'X-GitHub-Event': 'push',
      'x-github-delivery': 'd',
      'X-Hub-Signature-256': signBody(Buffer.from(BODY), 'secret'),
    },
    requestContext: {
      accountId: '',
      apiId: '',
      domainName: '',
      domainPrefix: '',
      http,
      requestId: '',
      routeKey: '',
      stage: '',
      time: '',
      timeEpoch: 0,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded,
  };
}

async function answer(
  event: APIGatewayProxyEventV2,
  options: { readonly send?: WorkQueues['send']; readonly secrets?: readonly string[] } = {},
): Promise<number | undefined> {
  const { send = async () => undefined, secrets = ['secret'] } = options;
  const handler = createGithubWebhookHandler({ queues: { send }, readSecrets: async () => secrets, log: SILENT });
  return (await handler(event)).statusCode;
}

describe('the handler of GitHub’s webhooks', () => {
  it.each([
    ['text', gatewayEvent(BODY, false), 202],
    ['base64', gatewayEvent(Buffer.from(BODY).toString('base64'), true), 202],
    ['text that says it is base64', gatewayEvent(BODY, true), 401],
    ['no body', gatewayEvent(undefined, false), 401],
    ['too much text', gatewayEvent('x'.repeat(MAX_WEBHOOK_BYTES + 1), false), 413],
    ['too much base64', gatewayEvent('A'.repeat(Math.ceil((MAX_WEBHOOK_BYTES * 4) / 3) + 8), true), 413],
  ])('reads %s with headers in any case', async (_, event, status) => {
    expect(await answer(event)).toBe(status);
  });

  it('answers 503 when the queue does not take the work, so that GitHub can deliver again', async () => {
    const send = async (): Promise<void> => {
      throw new Error('queue is away');
    };

    expect(await answer(gatewayEvent(BODY, false), { send })).toBe(503);
  });

  it('answers 401 to everything and takes nothing while there is no secret', async () => {
    let sent = 0;
    const send = async (): Promise<void> => {
      sent += 1;
    };
    const signedWithNothing = gatewayEvent(BODY, false);
    signedWithNothing.headers['X-Hub-Signature-256'] = signBody(Buffer.from(BODY), '');

    expect(await answer(gatewayEvent(BODY, false), { send, secrets: [] })).toBe(401);
    expect(await answer(signedWithNothing, { send, secrets: [] })).toBe(401);
    expect(sent).toBe(0);
  });

  it('answers 503 while the secret cannot be read, so that GitHub can deliver again', async () => {
    const readSecrets = async (): Promise<never> => {
      throw new Error('secrets are away');
    };
    const handler = createGithubWebhookHandler({ queues: { send: async () => undefined }, readSecrets, log: SILENT });

    expect((await handler(gatewayEvent(BODY, false))).statusCode).toBe(503);
  });

  it.each([
    ['is right', signBody(Buffer.from(BODY), 'secret'), 202, [false]],
    ['is of a secret that was rotated in', signBody(Buffer.from(BODY), 'next'), 202, [false, true]],
    ['is of no secret of ours', signBody(Buffer.from(BODY), 'other'), 401, [false, true]],
    ['is missing', undefined, 401, []],
    ['is no signature', 'sha256=abc', 401, []],
  ])(
    'reads secrets only for a signature, and newer ones only if it does not match: it %s',
    async (_, header, status, reads) => {
      const asked: boolean[] = [];
      const handler = createGithubWebhookHandler({
        queues: { send: async () => undefined },
        readSecrets: async ({ renewed }) => {
          asked.push(renewed);
          return renewed ? ['next'] : ['secret'];
        },
        log: SILENT,
      });
      const event = gatewayEvent(BODY, false);
      if (header === undefined) delete event.headers['X-Hub-Signature-256'];
      else event.headers['X-Hub-Signature-256'] = header;

      expect((await handler(event)).statusCode).toBe(status);
      expect(asked).toEqual(reads);
    },
  );
});
