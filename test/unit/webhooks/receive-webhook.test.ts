import { describe, expect, it } from 'vitest';

import { parseWebhookSecrets } from '#shared/webhooks/parse-webhook-secrets.ts';
import type { WebhookOutcome } from '#shared/webhooks/receive-webhook.ts';
import { MAX_WEBHOOK_BYTES, receiveWebhook } from '#shared/webhooks/receive-webhook.ts';
import { signBody, verifySignature } from '#shared/webhooks/verify-signature.ts';

const SECRETS = ['current', 'previous'];
const REPOSITORY = { html_url: 'https://github.com/Acme/fleet-infra' };
const PUSH = { ref: 'refs/heads/main', after: 'a'.repeat(40), repository: REPOSITORY };

function receive(
  payload: unknown,
  headers: Readonly<Record<string, string | undefined>> = {},
  secret = 'current',
): WebhookOutcome {
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const signed = {
    'x-github-event': 'push',
    'x-github-delivery': 'd-1',
    'x-hub-signature-256': signBody(body, secret),
  };
  return receiveWebhook({ headers: { ...signed, ...headers }, body }, SECRETS);
}

describe('verifySignature', () => {
  it('knows the example of GitHub', () => {
    const header = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';

    expect(verifySignature(Buffer.from('Hello, World!'), header, ["It's a Secret to Everybody"])).toBe(true);
    expect(verifySignature(Buffer.from('Hello, World?'), header, ["It's a Secret to Everybody"])).toBe(false);
    expect(verifySignature(Buffer.from('Hello, World!'), header, [])).toBe(false);
  });

  it('takes the secret before during rotation, from a file with a line each', () => {
    const secrets = parseWebhookSecrets('new\r\n\r\n old \nolder\n');

    expect(secrets).toEqual(['new', 'old']);
    expect(verifySignature(Buffer.from('x'), signBody(Buffer.from('x'), 'old'), secrets)).toBe(true);
    expect(verifySignature(Buffer.from('x'), signBody(Buffer.from('x'), 'older'), secrets)).toBe(false);
  });
});

describe('receiveWebhook', () => {
  it('makes a message for source-sync and one for image-update of a push', () => {
    const message = {
      type: 'RepositoryPushed',
      repository: 'https://github.com/Acme/fleet-infra',
      ref: 'refs/heads/main',
      after: 'a'.repeat(40),
      deliveryId: 'd-1',
    };
    const group = 'https://github.com/acme/fleet-infra';

    expect(receive(PUSH)).toEqual({
      outcome: 'accepted',
      event: 'push',
      deliveryId: 'd-1',
      work: [
        { queue: 'source-sync', group, deduplicationId: 'd-1/source-sync', message },
        { queue: 'image-update', group, deduplicationId: 'd-1/image-update', message },
      ],
    });
  });

  it.each([
    ['ping', {}, 'pong'],
    ['issues', { action: 'opened' }, 'ignored'],
    ['push', { ...PUSH, after: '0'.repeat(40), deleted: true }, 'accepted'],
    ['pull_request', { action: 'closed', number: 7, repository: REPOSITORY }, 'accepted'],
    ['pull_request', { action: 'labeled', number: 7, repository: REPOSITORY }, 'ignored'],
    ['pull_request', { action: 'closed', number: 'seven', repository: REPOSITORY }, 'bad-request'],
    ['push', { ...PUSH, after: 'main' }, 'bad-request'],
    ['push', { ...PUSH, ref: 'refs/heads/a b' }, 'bad-request'],
    ['push', { ...PUSH, ref: 'refs/heads/a\u00A0b' }, 'accepted'],
    ['push', { ...PUSH, ref: 'refs/heads/a~b' }, 'bad-request'],
    ['push', { ...PUSH, repository: { html_url: 'javascript:alert(1)' } }, 'bad-request'],
    ['push', 'not JSON', 'bad-request'],
  ])('answers %s %j with %s', (event, payload, outcome) => {
    expect(receive(payload, { 'x-github-event': event })).toMatchObject({ outcome });
  });

  it('reads the JSON in a form', () => {
    const form = `payload=${encodeURIComponent(JSON.stringify(PUSH))}`;

    expect(receive(form, { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject({
      outcome: 'accepted',
    });
  });

  it.each([
    ['without a signature', { 'x-hub-signature-256': undefined }, 'unauthorized'],
    [
      'with the signature of something else',
      { 'x-hub-signature-256': signBody(Buffer.from(''), 'current') },
      'unauthorized',
    ],
    ['without an event', { 'x-github-event': undefined }, 'bad-request'],
    ['with an event of another alphabet', { 'x-github-event': '../push' }, 'bad-request'],
    ['without a delivery', { 'x-github-delivery': undefined }, 'bad-request'],
    ['with a delivery of another alphabet', { 'x-github-delivery': 'a\nb' }, 'bad-request'],
  ])('refuses a push %s', (_, headers, outcome) => {
    expect(receive(PUSH, headers)).toMatchObject({ outcome });
  });

  it('looks at nothing but the size of what is too large', () => {
    const body = new Uint8Array(MAX_WEBHOOK_BYTES + 1);

    expect(receiveWebhook({ headers: {}, body }, SECRETS)).toEqual({ outcome: 'too-large', bytes: body.byteLength });
  });
});
