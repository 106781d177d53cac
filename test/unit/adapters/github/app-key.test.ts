import { describe, expect, it } from 'vitest';

import { formatAppKey, parseAppKey } from '#shared/adapters/github/app-key.ts';

const PEM = '-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n';
const NAME = 'tidegate/github/private-key';

describe('the secret of a GitHub App', () => {
  it.each([
    ['a key with its App ID', formatAppKey({ appId: 7, privateKey: PEM }), undefined],
    ['a key with its App ID, which the settings name too', formatAppKey({ appId: 7, privateKey: PEM }), 7],
    ['a folder with a file a key', JSON.stringify({ appId: '7', privateKey: PEM }), undefined],
    ['a key alone, whose App ID is in the settings', PEM, 7],
  ])('is %s', (_, secret, appId) => {
    expect(parseAppKey(secret, { name: NAME, appId })).toEqual({ appId: 7, privateKey: PEM });
  });

  it.each([
    ['a key alone', PEM, undefined, 'no App ID, and github.appId is not set; allowed: {"appId": 12345'],
    ['the key of another App', formatAppKey({ appId: 8, privateKey: PEM }), 7, 'is of App 8, but github.appId'],
    ['something else', 'canary', 7, 'holds no key of a GitHub App; allowed: {"appId": 12345'],
    ['JSON without a key', '{"appId": 7, "privateKey": "canary"}', 7, 'holds no key of a GitHub App'],
    ['an id that is none', `{"appId": 0, "privateKey": ${JSON.stringify(PEM)}}`, undefined, 'holds no key'],
  ])('stalls with its name and what may be there, and shows nothing of it: %s', (_, secret, appId, says) => {
    let failure: unknown;
    try {
      parseAppKey(secret, { name: NAME, appId });
    } catch (error) {
      failure = error;
    }

    expect(failure).toMatchObject({ code: 'AuthenticationFailed', disposition: 'stall', subject: NAME });
    expect(String(failure)).toContain(`secret "${NAME}"`);
    expect(String(failure)).toContain(says);
    expect(String(failure)).not.toContain('canary');
  });
});
