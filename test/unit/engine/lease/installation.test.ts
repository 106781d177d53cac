import { describe, expect, it } from 'vitest';

import { makeIdentity, placeAnnotations, readPlace, samePlace } from '#shared/engine/lease/installation.ts';

const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: './clusters/production' };

describe('the place of a configuration', () => {
  it.each([
    ['https://github.com/acme/fleet-infra.git', './clusters/production'],
    ['https://github.com/acme/fleet-infra/', 'clusters/production/'],
    ['https://github.com/Acme/Fleet-Infra', './clusters//production'],
    ['https://GitHub.com:443/acme/fleet-infra', './clusters/./production'],
    ['ssh://git@github.com/acme/fleet-infra', './clusters/production'],
    ['ssh://git@github.com:22/acme/fleet-infra.git', './clusters/production'],
    ['git@github.com:acme/fleet-infra.git', './clusters/production'],
  ])('is the same as %s, %s', (repository, path) => {
    expect(samePlace(place, { ...place, repository, path })).toBe(true);
    expect(makeIdentity({ ...place, repository, path })).toBe(makeIdentity(place));
  });

  it.each([
    { repository: 'https://github.com/acme/fleet' },
    { repository: 'https://github.com/other/fleet-infra' },
    { repository: 'https://github.example.com/acme/fleet-infra' },
    { repository: 'https://github.com/acme/fleet-infra/sub' },
    { branch: 'Main' },
    { path: './clusters/Production' },
    { path: '.' },
  ])('is another one with %o', (change) => {
    expect(samePlace(place, { ...place, ...change })).toBe(false);
    expect(makeIdentity({ ...place, ...change })).not.toBe(makeIdentity(place));
  });

  it('is read from annotations as it was written, and not when a part is missing', () => {
    expect(readPlace(placeAnnotations(place))).toEqual(place);
    expect(readPlace({ ...placeAnnotations(place), 'tidegate.dev/branch': undefined as never })).toBeUndefined();
    expect(samePlace(place, undefined)).toBe(false);
  });
});
