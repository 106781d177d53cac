import { createHmac, randomUUID } from 'node:crypto';

/** A push as API Gateway hands it to the webhook's function: signed, with a delivery id of its own. */
export function signDelivery(secret: string): unknown {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: 'a'.repeat(40),
    repository: { full_name: 'acme/fleet-infra', html_url: 'https://github.com/acme/fleet-infra' },
  });
  return {
    version: '2.0',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
    isBase64Encoded: false,
  };
}
