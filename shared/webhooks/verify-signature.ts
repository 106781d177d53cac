import { createHmac, timingSafeEqual } from 'node:crypto';

const SIGNATURE = /^sha256=[0-9a-f]{64}$/u;

/** Whether a header is written as a signature is. */
export function isSignature(header: string): boolean {
  return SIGNATURE.test(header);
}

/**
 * Whether one of the secrets signed these bytes. Compares in constant time, and tries every secret also after one has
 * matched, so that the time tells nothing about which.
 */
export function verifySignature(body: Uint8Array, header: string, secrets: readonly string[]): boolean {
  if (!isSignature(header)) return false;
  const given = Buffer.from(header);
  let matches = false;
  for (const secret of secrets) {
    const expected = Buffer.from(signBody(body, secret));
    matches = timingSafeEqual(given, expected) || matches;
  }
  return matches;
}

/** The value of `x-hub-signature-256` for these bytes. */
export function signBody(body: Uint8Array, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
