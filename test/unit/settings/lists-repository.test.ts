import { describe, expect, it } from 'vitest';

import { listsRepository } from '#shared/settings/lists-repository.ts';

describe('the repositories that the settings list', () => {
  const registries = [{ account: '123456789012', region: 'eu-west-1', repositories: ['app', 'team/*'] }];
  const image = { account: '123456789012', region: 'eu-west-1', repository: 'app' };

  it.each([
    ['an exact name', { repository: 'app' }, true],
    ['a name below a prefix', { repository: 'team/app' }, true],
    ['a name far below a prefix', { repository: 'team/a/b' }, true],
    ['the prefix itself', { repository: 'team' }, false],
    ['a name that only begins like the prefix', { repository: 'team-b/app' }, false],
    ['a name that only begins like an exact one', { repository: 'app2' }, false],
    ['another account', { account: '210987654321' }, false],
    ['another region', { region: 'eu-west-2' }, false],
  ])('%s: %o is listed: %s', (_what, change, allowed) => {
    expect(listsRepository(registries, { ...image, ...change })).toBe(allowed);
  });
});
