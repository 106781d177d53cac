import { describe, expect, it } from 'vitest';

import type { ImagePolicy } from '#shared/api/image-policy.ts';
import type { ObservedAutomation } from '#shared/change/observe-automation.ts';
import { planImageUpdate, type ImageUpdatePlan } from '#shared/change/plan-image-update.ts';
import { formatBody } from '#shared/change/pull-request-text.ts';
import type { ImageChange } from '#shared/edit/plan-edits.ts';
import { orderOfPolicy } from '#shared/image/select-tag.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';

const CLUSTER = 'production';
const D1 = `sha256:${'1'.repeat(64)}`;
const D2 = `sha256:${'2'.repeat(64)}`;
const BASE = 'b'.repeat(40);
const HEAD = 'c'.repeat(40);
const AUTOMATION: ObservedAutomation['automation'] = {
  namespace: 'ns',
  name: 'apps',
  sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'fleet' },
  intervalMs: 60_000,
  updatePath: './',
  commitAuthor: { email: 'bot@example.org' },
  suspend: false,
};

describe('planning an image update', () => {
  it.each<[what: string, current: string, tags: string, changes: string]>([
    ['a newer version', '1.0.0', '1.0.0 1.1.0', '1.0.0>1.1.0'],
    ['nothing newer', '1.1.0', '1.0.0 1.1.0', ''],
    ['no way back to an older version', '2.0.0', '1.0.0 1.1.0', ''],
    ['no way back from a version outside the range', '9.0.0', '1.1.0', ''],
    ['the same version spelled differently stays', 'v1.1.0', '1.1.0', ''],
    ['a placeholder is replaced', 'CHANGEME', '1.1.0', 'CHANGEME>1.1.0'],
    ['no tag allowed', '1.0.0', 'latest 3.0.0', ''],
  ])('%s: %s with %s gives "%s"', (_what, current, tags, changes) => {
    const plan = planImageUpdate(observed({ current, tags }));

    expect(changesOf(plan)).toBe(changes);
    expect(plan.update.action).toBe(changes === '' ? 'none' : 'propose');
  });

  it.each<[what: string, requests: readonly ChangeRequest[], current: string, changes: string]>([
    ['closed', [pull('closed', '1.2.0')], '1.0.0', '1.0.0>1.1.0'],
    ['closed by us', [pull('closed', '1.2.0', 'superseded')], '1.0.0', '1.0.0>1.2.0'],
    ['reverted', [pull('merged', '1.2.0')], '1.0.0', '1.0.0>1.1.0'],
    ['reverted, the next one in place', [pull('merged', '1.2.0')], '1.1.0', ''],
    ['two refused', [pull('closed', '1.2.0'), pull('closed', '1.1.0')], '1.0.0', ''],
    ['merged and in place', [pull('merged', '1.1.0')], '1.1.0', '1.1.0>1.2.0'],
    ['reopened', [pull('open', '1.2.0')], '1.0.0', '1.0.0>1.2.0'],
    ['closed, but of another automation', [pull('closed', '1.2.0', 'proposed', 'other')], '1.0.0', '1.0.0>1.2.0'],
    ['closed, its block damaged', [{ ...pull('closed', '1.2.0'), body: 'gone' }], '1.0.0', '1.0.0>1.2.0'],
    [
      'closed, text written around its block',
      [{ ...pull('closed', '1.2.0'), body: `note\n${pull('closed', '1.2.0').body}\nthanks` }],
      '1.0.0',
      '1.0.0>1.1.0',
    ],
  ])('holds what people decided against: %s', (_what, changeRequests, current, changes) => {
    expect(changesOf(planImageUpdate(observed({ current, tags: '1.0.0 1.1.0 1.2.0', changeRequests })))).toBe(changes);
  });

  it('keeps a pull request that says and holds exactly this, and finishes one that does not', () => {
    const first = planImageUpdate(observed({ current: '1.0.0', tags: '1.1.0' }));
    const commit = first.update.action === 'propose' ? first.update.commit : undefined;
    const branch = { branchHead: HEAD, branchCommits: [{ oid: HEAD, message: commit?.message ?? '', ours: true }] };
    const open = pull('open', '1.1.0');
    const at = (more: Partial<ObservedAutomation>) =>
      planImageUpdate({ ...observed({ current: '1.0.0', tags: '1.1.0' }), ...more }).update;

    expect(at({ ...branch, changeRequests: [open] })).toMatchObject({ action: 'keep' });
    expect(at({ ...branch, baseHead: 'd'.repeat(40), changeRequests: [open] })).toMatchObject({ action: 'keep' });
    expect(at(branch)).toEqual({ action: 'propose', text: expect.objectContaining({ title: 'Update app to 1.1.0' }) });
    expect(at({ ...branch, changeRequests: [pull('open', '1.0.5')] })).not.toHaveProperty('commit');
    expect(at({ branchHead: HEAD, changeRequests: [open] })).toMatchObject({
      commit: { parent: BASE, branchFrom: HEAD },
    });
  });

  it.each<[what: string, commits: ObservedAutomation['branchCommits'], state: ChangeRequest['state'], action: string]>([
    ['by somebody else', [{ oid: HEAD, message: 'x', ours: false }], 'open', 'leave'],
    ['under our name but by hand', [{ oid: HEAD, message: 'x', ours: true }], 'open', 'leave'],
    [
      'of another automation that pushes to the same branch',
      [{ oid: HEAD, message: 'x\n\nTidegate-Automation: production/ns/another\n', ours: true }],
      'open',
      'leave',
    ],
    ['that was merged with our pull request', [{ oid: HEAD, message: 'x', ours: false }], 'merged', 'propose'],
    ['of a closed pull request', [{ oid: HEAD, message: 'x', ours: false }], 'closed', 'leave'],
  ])('with a commit %s on the branch', (_what, branchCommits, state, action) => {
    const seen = observed({ current: '1.0.0', tags: '1.3.0', changeRequests: [pull(state, '1.0.0')] });

    expect(planImageUpdate({ ...seen, branchHead: HEAD, branchCommits }).update.action).toBe(action);
  });

  it('withdraws a pull request only when it is certain that nothing is left of it', () => {
    const seen = {
      ...observed({ current: '1.1.0', tags: '1.1.0', changeRequests: [pull('open', '1.1.0')] }),
      branchHead: HEAD,
    };

    expect(planImageUpdate(seen).update).toMatchObject({ action: 'withdraw', branchHead: HEAD });
    expect(planImageUpdate({ ...seen, candidates: [], undecidedPolicies: ['ns/app'] }).update.action).toBe('keep');
    const broken = new Map([['app.yaml', { bytes: Buffer.from('a: [ # "$imagepolicy"\n'), executable: false }]]);
    expect(planImageUpdate({ ...seen, files: broken }).update.action).toBe('keep');
  });

  it.each<[policy: ImagePolicy['digestReflectionPolicy'], current: string, to: string]>([
    ['Never', `reg.io/app:1.0.0`, 'reg.io/app:1.1.0'],
    ['Always', `reg.io/app:1.1.0@${D1}`, `reg.io/app:1.1.0@${D2}`],
    ['Always', `reg.io/app:1.1.0`, `reg.io/app:1.1.0@${D2}`],
    ['IfNotPresent', `reg.io/app:1.1.0@${D1}`, ''],
    ['IfNotPresent', `reg.io/app:1.0.0@${D1}`, `reg.io/app:1.1.0@${D2}`],
    ['Never', `old.io/app:1.1.0`, 'reg.io/app:1.1.0'],
  ])('writes digests as the policy says: %s, %s', (digestReflectionPolicy, current, to) => {
    const text = `image: ${current} # {"$imagepolicy": "ns:app"}\n`;

    const plan = planImageUpdate(observed({ text, tags: '1.1.0', digestReflectionPolicy }));

    expect(plan.changes.map((change) => change.to).join()).toBe(to);
  });

  it('pushes without a pull request where push.branch asks for it', () => {
    const seen = observed({ current: '1.0.0', tags: '1.1.0' });
    const push = (branch: string, more: Partial<ObservedAutomation> = {}) =>
      planImageUpdate({ ...seen, ...more, checkout: { ...seen.checkout, branch, mode: 'push' } }).update;

    expect(push('main')).toMatchObject({ action: 'push', commit: { branch: 'main', branchFrom: BASE, parent: BASE } });
    expect(push('images')).toMatchObject({ action: 'push', commit: { branch: 'images', branchFrom: undefined } });
    const theirs = { branchHead: HEAD, branchCommits: [{ oid: HEAD, message: 'x', ours: false }] };
    expect(push('images', theirs)).toMatchObject({ action: 'leave' });
  });
});

interface Given {
  readonly current?: string;
  readonly text?: string;
  readonly tags: string;
  readonly changeRequests?: readonly ChangeRequest[];
  readonly digestReflectionPolicy?: ImagePolicy['digestReflectionPolicy'];
}

function observed(given: Given): ObservedAutomation {
  const policy: ImagePolicy = {
    namespace: 'ns',
    name: 'app',
    imageRepositoryRef: { namespace: 'ns', name: 'app' },
    policy: { kind: 'semver', range: '1.x' },
    digestReflectionPolicy: given.digestReflectionPolicy ?? 'Never',
    suspend: false,
  };
  const text = given.text ?? `tag: ${given.current ?? ''} # {"$imagepolicy": "ns:app:tag"}\n`;
  return {
    cluster: CLUSTER,
    automation: AUTOMATION,
    checkout: {
      repository: { owner: 'acme', name: 'fleet' },
      url: 'https://github.com/acme/fleet',
      base: 'main',
      branch: 'tidegate/production/ns/apps',
      mode: 'pull-request',
    },
    candidates: [
      {
        policy,
        image: 'reg.io/app',
        order: orderOfPolicy(policy, []),
        tags: given.tags.split(' ').map((tag) => ({ tag, digest: D2 })),
      },
    ],
    undecidedPolicies: [],
    baseHead: BASE,
    files: new Map([['app.yaml', { bytes: Buffer.from(text), executable: false }]]),
    branchCommits: [],
    changeRequests: given.changeRequests ?? [],
  };
}

function pull(
  state: ChangeRequest['state'],
  to: string,
  block: 'proposed' | 'superseded' = 'proposed',
  automation = 'apps',
): ChangeRequest {
  const change: ImageChange = {
    policy: 'ns/app',
    file: 'app.yaml',
    line: 1,
    path: 'tag',
    part: 'tag',
    from: '1.0.0',
    to,
  };
  const subject = { cluster: CLUSTER, automation: { ...AUTOMATION, name: automation }, changes: [change], edits: [] };
  return {
    number: 7,
    url: 'https://github.com/acme/fleet/pull/7',
    state,
    title: 'Update',
    body: formatBody(subject, block),
    head: { branch: 'tidegate/production/ns/apps', oid: HEAD },
    base: 'main',
    updatedAt: '2026-01-01T00:00:00Z',
  };
}

function changesOf(plan: ImageUpdatePlan): string {
  return plan.changes.map(({ from, to }) => `${from}>${to}`).join();
}
