import { describe, expect, it } from 'vitest';

import { comparableUrl, githubWebOrigin, normalizeSourceUrl } from '#shared/sources/source-url.ts';

const GITHUB = 'https://api.github.com';
const ENTERPRISE = 'https://ghe.acme.example/api/v3';

describe('the address a source is read from', () => {
  it.each([
    ['https://github.com/acme/fleet', GITHUB, 'https://github.com/acme/fleet'],
    ['https://github.com/acme/fleet.git', GITHUB, 'https://github.com/acme/fleet.git'],
    ['https://GitHub.com:443/Acme/Fleet/', GITHUB, 'https://github.com/Acme/Fleet'],
    ['http://127.0.0.1:3000/acme/fleet.git', GITHUB, 'http://127.0.0.1:3000/acme/fleet.git'],
    ['ssh://git@github.com/acme/fleet', GITHUB, 'https://github.com/acme/fleet'],
    ['ssh://git@github.com/acme/fleet.git', GITHUB, 'https://github.com/acme/fleet.git'],
    ['ssh://git@github.com:22/acme/fleet', GITHUB, 'https://github.com/acme/fleet'],
    ['ssh://git@ssh.github.com:443/acme/fleet.git', GITHUB, 'https://github.com/acme/fleet.git'],
    ['git@github.com:acme/fleet.git', GITHUB, 'https://github.com/acme/fleet.git'],
    ['git@github.com:acme/fleet', ENTERPRISE, 'https://github.com/acme/fleet'],
    ['git@ghe.acme.example:acme/fleet.git', ENTERPRISE, 'https://ghe.acme.example/acme/fleet.git'],
    ['ssh://git@ghe.acme.example:2222/acme/fleet', ENTERPRISE, 'https://ghe.acme.example/acme/fleet'],
    ['ssh://git@127.0.0.1/acme/fleet', 'http://127.0.0.1:3000/api/v3', 'http://127.0.0.1:3000/acme/fleet'],
  ])('of %s with the API at %s is %s', (url, api, expected) => {
    expect(normalizeSourceUrl(url, api)).toBe(expected);
  });

  it.each([
    ['ssh://git@gitlab.com/acme/fleet.git', /uses SSH.*write https:\/\/gitlab\.com\/acme\/fleet\.git/],
    ['git@gitlab.com:group/sub/fleet.git', /write https:\/\/gitlab\.com\/group\/sub\/fleet\.git/],
    ['git@ghe.acme.example:acme/fleet.git', /uses SSH/],
    ['ssh://git@github.com/acme', /uses SSH/],
    ['ssh://git@github.com/acme/fleet/../../x/y/z', /uses SSH/],
    ['git://github.com/acme/fleet', /scheme "git"; allowed are https and http/],
    ['file:///etc', /scheme "file"/],
    ['https://user:hunter2@github.com/acme/fleet', /holds credentials.*spec\.secretRef/],
    ['https://hunter2@github.com/acme/fleet', /holds credentials/],
    ['https://github.com/acme/fleet?token=hunter2', /query or fragment/],
    ['https://github.com', /names no repository/],
    ['fleet', /is no URL/],
    ['', /is no URL/],
  ])('cannot be made from %s, and the message says what to write', (url, reason) => {
    const attempt = (): string => normalizeSourceUrl(url, GITHUB);
    expect(attempt).toThrow(expect.objectContaining({ code: 'URLInvalid', disposition: 'stall' }));
    expect(attempt).toThrow(reason);
    expect(attempt).not.toThrow(/hunter2/);
  });
});

describe('comparing addresses', () => {
  it.each([
    'https://github.com/Acme/Fleet.git',
    'https://github.com/acme/fleet/',
    'HTTPS://GITHUB.COM:443/ACME/FLEET.GIT',
  ])('%s is the repository of a push to https://github.com/acme/fleet', (url) => {
    expect(comparableUrl(url)).toBe(comparableUrl('https://github.com/acme/fleet'));
  });

  it.each(['https://github.com/acme/fleet-2', 'https://gitlab.com/acme/fleet', 'https://github.com:8443/acme/fleet'])(
    '%s is not',
    (url) => {
      expect(comparableUrl(url)).not.toBe(comparableUrl('https://github.com/acme/fleet'));
    },
  );

  it.each([
    ['https://api.github.com', 'https://github.com'],
    ['https://ghe.acme.example/api/v3', 'https://ghe.acme.example'],
    ['https://api.acme.ghe.com', 'https://acme.ghe.com'],
    ['http://127.0.0.1:3000/api/v3', 'http://127.0.0.1:3000'],
  ])('the API at %s belongs to %s', (api, origin) => {
    expect(githubWebOrigin(api)).toBe(origin);
  });
});
