import { describe, expect, it } from 'vitest';

import { listSecretParts } from '#shared/common/list-secret-parts.ts';

describe('the parts of a secret that a log must not show', () => {
  it.each([
    ['the whole', 'swordfish', ['swordfish', 'swordfish']],
    ['each line', 'swordfish\r\nblowfish', ['swordfish\r\nblowfish', 'swordfish', 'blowfish']],
    ['nothing that would redact half a log', 'short\n\n42', ['short\n\n42']],
    ['nothing of an empty one', '\n', []],
  ])('are %s', (_, secret, parts) => {
    expect(listSecretParts(secret)).toEqual(parts);
  });

  it('are each text of a JSON object and its lines, whatever else it holds', () => {
    const parts = listSecretParts(JSON.stringify({ appId: 12345, privateKey: '-----BEGIN-----\nMIIEpAIBAAKC\n' }));

    expect(parts).toContain('MIIEpAIBAAKC');
  });
});
