import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { nameApplySet } from '#shared/engine/inventory/apply-set-id.ts';
import type { ApplySetParent } from '#shared/engine/inventory/apply-set-parent.ts';
import { decideInstallation, type InstallationClaim } from '#shared/engine/lease/decide-installation.ts';
import type { InstallationLease, NameHolder } from '#shared/engine/lease/installation-lease.ts';
import { makeIdentity, type ConfigurationPlace, type Installation } from '#shared/engine/lease/installation.ts';
import { sampleSize } from '#test/sample-size.ts';

const HERE: ConfigurationPlace = {
  repository: 'https://github.com/acme/fleet-infra',
  branch: 'main',
  path: './clusters/production',
};
const THERE: ConfigurationPlace = { repository: 'https://github.com/other/fleet', branch: 'dev', path: './fleet' };
const RENAMED: ConfigurationPlace = { ...HERE, repository: 'https://github.com/acme/platform' };
const [OURS, THEIRS] = [makeIdentity(HERE), makeIdentity(THERE)];

function claimOf(changes: Partial<InstallationClaim> = {}): InstallationClaim {
  return { cluster: 'production', name: 'default', place: HERE, knows: () => false, ...changes };
}

function remember(changes: Partial<Installation> = {}): Pick<InstallationClaim, 'remembered'> {
  return { remembered: { name: 'default', identity: OURS, place: HERE, adopted: [], ...changes } };
}

function leaseOf(holder: Partial<NameHolder> & { readonly adopter?: string }): InstallationLease {
  const live = { apiVersion: 'v1', kind: 'Lease', metadata: { name: 'it', uid: 'u', resourceVersion: '1' } };
  return { name: 'default', identity: OURS, adopted: [], ...holder, live };
}

function parentOf(
  owner: { readonly identity: string; readonly place?: ConfigurationPlace } | undefined,
  changes: { readonly name?: string; readonly cluster?: string } = {},
): ApplySetParent {
  const { name = 'default', cluster = 'production' } = changes;
  return {
    cluster,
    kustomization: nameApplySet({ namespace: 'flux-system', name: 'flux-system' }, name),
    ...(owner === undefined ? {} : { owner }),
    kinds: [],
    namespaces: [],
    whenDeleted: 'prune',
  };
}

const ours = { identity: OURS, place: HERE };
const theirs = { identity: THEIRS, place: THERE };

describe('an installation whose cluster was built anew', () => {
  const since = '2026-01-01T00:00:00Z';
  const claim = claimOf({ ...remember({ since, adopted: ['former'] }), isReplaced: true, knows: () => true });

  it('stays who it was, and takes nothing for its own that lay there before it came', () => {
    const decision = decideInstallation(claim, { lease: undefined, parents: [] });

    expect(decision).toMatchObject({
      outcome: 'held',
      how: 'new',
      installation: { identity: OURS, adopted: ['former'], since: 'creation' },
      write: { identity: OURS, since: 'creation' },
    });
  });

  it('goes by what an inventory that came along with a backup says, not by its journal', () => {
    const restored = { ...ours, since: '2026-05-05T00:00:00Z' };

    const decision = decideInstallation(claim, { lease: undefined, parents: [parentOf(restored)] });

    expect(decision).toMatchObject({ how: 'restored', installation: { since: '2026-05-05T00:00:00Z' } });
  });

  it('is refused an inventory of which nobody says whose it is, whatever it knew of the other cluster', () => {
    const decision = decideInstallation(claim, { lease: undefined, parents: [parentOf(undefined)] });

    expect(decision.outcome).toBe('refused');
  });
});

describe('an installation that comes to a cluster', () => {
  it.each([
    ['is the first', claimOf(), { lease: undefined, parents: [] }, 'new'],
    ['is known by its lease', claimOf(remember()), { lease: leaseOf(ours), parents: [] }, 'known'],
    ['lost its journal', claimOf(), { lease: leaseOf(ours), parents: [] }, 'known'],
    ['lost its lease', claimOf(remember()), { lease: undefined, parents: [parentOf(ours)] }, 'restored'],
    ['lost both', claimOf(), { lease: undefined, parents: [parentOf(ours)] }, 'restored'],
    [
      'lost both after its repository was renamed',
      claimOf({ place: RENAMED }),
      { lease: undefined, parents: [parentOf({ identity: OURS, place: RENAMED })] },
      'restored',
    ],
    [
      'has a renamed repository',
      claimOf({ place: RENAMED, ...remember() }),
      { lease: leaseOf(ours), parents: [] },
      'moved',
    ],
    [
      'has another branch and path, by its settings',
      claimOf({ place: { ...HERE, branch: 'next', path: './next' }, ...remember() }),
      { lease: leaseOf(ours), parents: [] },
      'moved',
    ],
    [
      'finds that its other half moved where its settings lead, too',
      claimOf({ place: RENAMED, ...remember() }),
      { lease: leaseOf({ identity: OURS, place: RENAMED }), parents: [] },
      'known',
    ],
    [
      'may have what is another one’s, as somebody said',
      claimOf(),
      { lease: leaseOf({ ...theirs, adopter: OURS }), parents: [] },
      'adopted',
    ],
    [
      'is of a version that knew no installations, and has its journal',
      claimOf({ knows: ({ name }) => name === 'flux-system' }),
      { lease: undefined, parents: [parentOf(undefined)] },
      'restored',
    ],
    [
      'was mistaken for another one because of that, and comes with its journal',
      claimOf({ knows: () => true }),
      { lease: leaseOf({ identity: 'unknown' }), parents: [parentOf(undefined)] },
      'restored',
    ],
    [
      'has a name of its own beside another one',
      claimOf({ name: 'team-b' }),
      { lease: undefined, parents: [parentOf(theirs), parentOf(undefined)] },
      'new',
    ],
  ] as const)('may work there when it %s', (_what, claim, observed, how) => {
    expect(decideInstallation(claim, observed)).toMatchObject({ outcome: 'held', how });
  });

  it.each([
    ['the lease is another one’s', claimOf(), { lease: leaseOf(theirs), parents: [] }],
    ['it was adopted by another one', claimOf(remember()), { lease: leaseOf(theirs), parents: [] }],
    ['the inventory is another one’s', claimOf(), { lease: undefined, parents: [parentOf(theirs)] }],
    ['both are', claimOf(remember()), { lease: undefined, parents: [parentOf(theirs)] }],
    ['only the branch differs', claimOf({ place: { ...HERE, branch: 'next' } }), { lease: leaseOf(ours), parents: [] }],
    ['only the path differs', claimOf({ place: { ...HERE, path: './b' } }), { lease: leaseOf(ours), parents: [] }],
    [
      'somebody made a new repository where one was before it was renamed',
      claimOf(),
      { lease: leaseOf({ identity: OURS, place: RENAMED }), parents: [] },
    ],
    [
      'it is a copy of one whose settings lead elsewhere',
      claimOf({ place: THERE }),
      { lease: leaseOf(ours), parents: [parentOf(ours)] },
    ],
    [
      'a copy of it went elsewhere in its name',
      claimOf(remember()),
      { lease: leaseOf({ identity: OURS, place: THERE }), parents: [] },
    ],
    [
      'a copy of it went elsewhere, and the lease is lost',
      claimOf(remember()),
      { lease: undefined, parents: [parentOf({ identity: OURS, place: THERE })] },
    ],
    ['nobody knows who made the inventory', claimOf(), { lease: undefined, parents: [parentOf(undefined)] }],
    [
      'its journal knows a Kustomization of another cluster by the name',
      claimOf({ knows: () => true }),
      { lease: undefined, parents: [parentOf(undefined, { cluster: 'staging' })] },
    ],
    [
      'the word was for somebody else',
      claimOf({ place: RENAMED }),
      { lease: leaseOf({ ...theirs, adopter: OURS }), parents: [] },
    ],
  ] as const)('is refused when %s', (_what, claim, observed) => {
    const decision = decideInstallation(claim, observed);

    expect(decision).toMatchObject({
      outcome: 'refused',
      message: expect.stringMatching(
        /another installation, of .*`installation: <name>` in tidegate\.yaml.*annotate --overwrite lease\/tidegate-installation tidegate\.dev\/adopt-installation=[0-9a-f]{32}`$/u,
      ),
    });
  });

  it('is told by name under which it is known already', () => {
    const decision = decideInstallation(claimOf({ name: 'renamed', ...remember() }), {
      lease: undefined,
      parents: [parentOf(ours)],
      elsewhere: leaseOf(ours),
    });

    expect(decision).toMatchObject({
      outcome: 'refused',
      message: expect.stringContaining('say `installation: default` in tidegate.yaml'),
    });
  });

  it('leaves the word for another one where it is', () => {
    const decision = decideInstallation(claimOf(remember()), {
      lease: leaseOf({ ...ours, adopter: THEIRS }),
      parents: [],
    });

    expect(decision).not.toHaveProperty('write');
  });

  it('puts the lease of the other one back, for a person to say who may have it', () => {
    const decision = decideInstallation(claimOf(), { lease: undefined, parents: [parentOf(theirs)] });

    expect(decision).toMatchObject({ outcome: 'refused', write: { name: 'default', ...theirs } });
  });

  it('counts what it adopted as its own, and what those adopted', () => {
    const decision = decideInstallation(claimOf(), {
      lease: leaseOf({ ...theirs, adopted: ['old', OURS], adopter: OURS }),
      parents: [],
    });

    expect(decision).toMatchObject({ installation: { identity: OURS, adopted: ['old', THEIRS] } });
  });

  it('never gets an inventory that is not of its place, that it does not remember, and that nobody let it have', () => {
    const place = fc.constantFrom(HERE, THERE, RENAMED);
    const identity = fc.constantFrom(OURS, THEIRS, 'unknown', 'another');
    const owner = fc.record({ identity, place });
    const parent = fc
      .record({ owner: fc.option(owner, { nil: undefined }), name: fc.constantFrom('default', 'team-b') })
      .map(({ owner: of, name }) => parentOf(of, { name }));
    const lease = fc
      .record({
        identity: fc.oneof(identity, fc.constant('')),
        place,
        adopter: fc.option(identity, { nil: undefined }),
      })
      .map(({ adopter, ...holder }) => leaseOf({ ...holder, ...(adopter === undefined ? {} : { adopter }) }));
    fc.assert(
      fc.property(
        fc.option(lease, { nil: undefined }),
        fc.array(parent, { maxLength: 4 }),
        fc.record({ place, memory: fc.option(owner, { nil: undefined }), knows: fc.boolean() }),
        (seen, parents, { place: at, memory, knows }) => {
          const claim = claimOf({
            place: at,
            knows: () => knows,
            ...(memory === undefined ? {} : remember(memory)),
          });
          const decision = decideInstallation(claim, { lease: seen, parents });
          if (decision.outcome === 'refused') return;
          const { identity: got } = decision.installation;
          const underName = parents.filter(({ kustomization }) => kustomization.installation === undefined);
          const isSaid = seen?.adopter === got && decision.how === 'adopted';
          const isRemembered = memory?.identity === got;
          const isOfPlace = [seen, ...underName.map((one) => one.owner)].some(
            (one) => one?.identity === got && JSON.stringify(one.place) === JSON.stringify(at),
          );
          const isFirst = decision.how === 'new' && underName.length === 0;
          const isKnown = knows && underName.every((one) => one.owner === undefined);
          expect(isSaid || isRemembered || isOfPlace || isFirst || isKnown).toBe(true);
        },
      ),
      { numRuns: sampleSize(2_000, 50_000), seed: 42 },
    );
  });
});
