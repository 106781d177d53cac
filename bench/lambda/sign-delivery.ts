import { createHmac, randomUUID } from 'node:crypto';

/** A webhook as GitHub sends it. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A push: signed, with a delivery id of its own. */
export function signDelivery(secret: string): Delivery {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: 'a'.repeat(40),
    repository: { full_name: 'acme/fleet-infra', html_url: 'https://github.com/acme/fleet-infra' },
  });
  return {
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  };
}

/** The same without a signature, as anybody on the internet can send it. */
export function forgeDelivery(): Delivery {
  const { body, headers } = signDelivery('');
  const { 'x-hub-signature-256': _, ...unsigned } = headers;
  return { body, headers: unsigned };
}

/** A delivery as API Gateway hands it to the webhook's function. */
export function toGatewayEvent({ headers, body }: Delivery): unknown {
  return { version: '2.0', headers, body, isBase64Encoded: false };
}

/** Whether the webhook put work into a queue: 202 is also its answer to what it ignores. */
export function isAccepted(status: number, body: string): boolean {
  return status === 202 && body.includes('"outcome":"accepted"');
}
