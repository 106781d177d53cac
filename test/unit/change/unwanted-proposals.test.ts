import { describe, expect, it } from 'vitest';

import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import type { ClusterImages } from '#shared/change/automations-to-run.ts';
import { findUnwanted } from '#shared/change/unwanted-proposals.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';

describe('whether an instruction wants a proposal', () => {
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

    expect(findUnwanted([ONE], ['one', 'two'])({ memory, request: requestFrom(branch) })).toBe(reason);
  });
});

const ONE: ClusterImages = {
  instructions: {
    cluster: 'one',
    revision: '',
    gitRepositories: [],
    imageRepositories: [],
    imagePolicies: [],
    imageUpdateAutomations: [automationOf('apps'), { ...automationOf('pushes'), pushBranch: 'images' }],
  },
  statuses: [stalled('team', 'broken', 'InvalidSpec'), stalled('refused', 'former', 'AuthenticationFailed')],
};

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
