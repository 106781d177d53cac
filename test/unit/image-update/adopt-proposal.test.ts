import { describe, expect, it } from 'vitest';

import { findMarkedPlaces, isAdoptable, withoutOwn, type Adopter } from '#shared/image-update/adopt-proposal.ts';
import type { Proposal } from '#shared/pull-requests/proposals.ts';

const FILE = 'apps/x.yaml';
const MARKED = 'tag: 1.0.0 # {"$imagepolicy": "ns:app:tag"}\n';

describe('whether an automation goes on with the proposal of one that is gone', () => {
  it.each<[what: string, adopter: Partial<Adopter['automation']>, proposal: Given, goesOn: boolean]>([
    ['renamed', {}, {}, true],
    ['renamed and suspended', { suspend: true }, {}, true],
    ['renamed as its policy was', {}, { policy: 'ns/former' }, true],
    ['renamed while the file cannot be read', {}, { text: `a: [broken\n${MARKED}` }, true],
    ['one that updates another folder', { updatePath: './infra' }, {}, false],
    ['one of a folder of which the name begins alike', { updatePath: './app' }, {}, false],
    ['one that pushes', { pushBranch: 'images' }, {}, false],
    ['one that has another policy there', {}, { text: MARKED.replace('ns:app', 'ns:other') }, false],
    ['one of another namespace', {}, { text: MARKED.replace('ns:app', 'team:app'), policy: 'team/app' }, false],
    ['into another base', {}, { base: 'release' }, false],
    ['of another cluster', {}, { cluster: 'two' }, false],
    ['that was withdrawn', {}, { withdrawn: 'automation-is-gone' }, false],
    ['at a place that is gone with it', {}, { text: 'replicas: 1\n' }, false],
  ])('%s: %j with %j: %s', (_what, adopter, { text = MARKED, ...given }, goesOn) => {
    const places = findMarkedPlaces(new Map([[FILE, { bytes: Buffer.from(text), executable: false }]]));

    expect(isAdoptable(proposalOf(given), adopterOf(adopter), places)).toBe(goesOn);
  });

  it('does not when it has one of its own', () => {
    const adopters = [adopterOf({})];

    expect(withoutOwn(adopters, [proposalOf({})])).toEqual(adopters);
    expect(withoutOwn(adopters, [proposalOf({ automation: 'ns/apps', state: 'closed' })])).toEqual(adopters);
    expect(withoutOwn(adopters, [proposalOf({ automation: 'ns/apps', base: 'release' })])).toEqual(adopters);
    expect(withoutOwn(adopters, [proposalOf({ automation: 'ns/apps' })])).toEqual([]);
  });
});

interface Given {
  readonly text?: string;
  readonly policy?: string;
  readonly base?: string;
  readonly cluster?: string;
  readonly automation?: string;
  readonly withdrawn?: string;
  readonly state?: 'open' | 'closed';
}

function adopterOf(change: Partial<Adopter['automation']>): Adopter {
  return {
    cluster: 'one',
    automation: {
      namespace: 'ns',
      name: 'apps',
      sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'fleet' },
      intervalMs: 60_000,
      updatePath: './apps',
      commitAuthor: { email: 'bot@example.org' },
      suspend: false,
      ...change,
    },
    checkout: {
      repository: { owner: 'acme', name: 'fleet' },
      url: 'https://github.com/acme/fleet',
      base: 'main',
      branch: 'tidegate/one/ns/apps',
      installation: 'default',
      mode: 'pull-request',
    },
    policies: new Set(['ns/app']),
  };
}

function proposalOf(given: Given): Proposal {
  const { policy = 'ns/app', base = 'main', cluster = 'one', automation = 'ns/former', state = 'open' } = given;
  const { withdrawn } = given;
  const oid = 'c'.repeat(40);
  return {
    request: {
      number: 1,
      url: '',
      state,
      title: '',
      body: '',
      head: { branch: 'tidegate/one/ns/former', oid },
      base,
      commits: [],
      comments: [],
      createdAt: '',
      updatedAt: '',
    },
    commit: { oid, message: '', parents: [] },
    memory: { cluster, automation, base, ...(withdrawn === undefined ? {} : { withdrawn }) },
    changes: [{ policy, file: FILE, path: 'tag', part: 'tag', from: '1.0.0', to: '1.1.0' }],
    takenBack: false,
  };
}
