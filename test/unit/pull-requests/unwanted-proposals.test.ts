import { describe, expect, it } from 'vitest';

import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import type { ClusterImages } from '#shared/image-update/automations-to-run.ts';
import type { ChangeRequest, RepositoryId } from '#shared/ports/change-host.ts';
import { findUnwanted } from '#shared/pull-requests/unwanted-proposals.ts';

describe('whether a Flux object wants a proposal', () => {
  it.each<[what: string, owner: string, branch: string, reason: string | undefined]>([
    ['of an automation that proposes', 'one/ns/apps', 'tidegate/one/ns/apps', undefined],
    ['of one that pushes now', 'one/ns/pushes', 'tidegate/one/ns/pushes', 'automation-pushes'],
    ['from the branch that it pushes to', 'one/ns/pushes', 'images', undefined],
    ['from a branch that another one still pushes to', 'one/ns/gone', 'images', undefined],
    ['of one that is gone', 'one/ns/gone', 'tidegate/one/ns/gone', 'automation-is-gone'],
    ['of one that cannot be read', 'one/team/broken', 'tidegate/one/team/broken', undefined],
    ['of one that is gone where another cannot be read', 'one/team/gone', 'tidegate/one/team/gone', undefined],
    [
      'of one that failed before it was gone',
      'one/refused/former',
      'tidegate/one/refused/former',
      'automation-is-gone',
    ],
    ['of a cluster that is not known yet', 'two/ns/apps', 'tidegate/two/ns/apps', undefined],
    ['of a cluster that is gone', 'three/ns/apps', 'tidegate/three/ns/apps', 'cluster-is-gone'],
  ])('%s (%s from %s): %s', (_what, owner, branch, reason) => {
    const [cluster = '', ...automation] = owner.split('/');
    const memory = { cluster, automation: automation.join('/'), base: 'main', changes: [] };

    const whyUnwanted = findUnwanted([ONE], SETTINGS);
    expect(whyUnwanted({ memory, request: requestFrom(branch) }, FLEET)?.reason).toBe(reason);
  });

  it.each<[where: string, repository: RepositoryId, unwanted: object | undefined]>([
    ['where its automation reads', FLEET, undefined],
    ['there, spelled otherwise', { owner: 'ACME', name: 'Fleet' }, undefined],
    ['elsewhere', { owner: 'acme', name: 'former' }, { reason: 'repository-changed', proposesIn: FLEET }],
  ])('in the repository %s', (_where, repository, unwanted) => {
    const memory = { cluster: 'one', automation: 'ns/apps', base: 'main', changes: [] };

    const whyUnwanted = findUnwanted([ONE], SETTINGS);
    expect(whyUnwanted({ memory, request: requestFrom('tidegate/one/ns/apps') }, repository)).toEqual(unwanted);
  });

  it('in any repository while it cannot be told where its automation proposes', () => {
    const memory = { cluster: 'one', automation: 'ns/lost', base: 'main', changes: [] };

    const whyUnwanted = findUnwanted([ONE], SETTINGS);
    expect(whyUnwanted({ memory, request: requestFrom('tidegate/one/ns/lost') }, FLEET)).toBeUndefined();
  });
});

const FLEET = { owner: 'acme', name: 'fleet' };
const SETTINGS = {
  clusters: ['one', 'two'],
  configRepository: { url: 'https://github.com/acme/config', branch: 'main' },
  githubApiUrl: 'https://api.github.com',
  installation: 'default',
  branchPrefix: 'tidegate/',
};

const ONE: ClusterImages = {
  fluxObjects: {
    cluster: 'one',
    revision: '',
    gitRepositories: [fleet()],
    imageRepositories: [],
    imagePolicies: [],
    imageUpdateAutomations: [
      automationOf('apps'),
      { ...automationOf('lost'), sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'gone' } },
      { ...automationOf('pushes'), pushBranch: 'images' },
    ],
  },
  statuses: [stalled('team', 'broken', 'InvalidSpec'), stalled('refused', 'former', 'AuthenticationFailed')],
};

function fleet(): ClusterImages['fluxObjects']['gitRepositories'][number] {
  return {
    namespace: 'ns',
    name: 'fleet',
    url: 'https://github.com/acme/fleet',
    intervalMs: 60_000,
    timeoutMs: 60_000,
    ref: { branch: 'main' },
    suspend: false,
  };
}

function stalled(namespace: string, name: string, reason: string): ClusterImages['statuses'][number] {
  return {
    type: 'Status',
    object: { cluster: 'one', kind: 'ImageUpdateAutomation', namespace, name },
    conditions: [{ type: 'Stalled', status: 'True', reason, message: 'm', lastTransitionTime: 0 }],
    suspended: false,
    observedAt: 0,
    details: {},
  };
}

function automationOf(name: string): ImageUpdateAutomation {
  return {
    namespace: 'ns',
    name,
    sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'fleet' },
    intervalMs: 60_000,
    updatePath: './',
    commitAuthor: { email: 'bot@example.org' },
    suspend: false,
  };
}

function requestFrom(branch: string): ChangeRequest {
  return {
    number: 1,
    url: '',
    state: 'open',
    title: '',
    body: '',
    head: { branch, oid: '' },
    base: 'main',
    commits: [],
    comments: [],
    createdAt: '',
    updatedAt: '',
  };
}
