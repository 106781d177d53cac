import { describe, expect, it } from 'vitest';

import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import type { ObservedAutomation } from '#shared/image-update/observe-automation.ts';
import { planImageUpdate, type ImageUpdatePlan } from '#shared/image-update/plan-image-update.ts';
import { recordImageUpdate } from '#shared/image-update/record-image-update.ts';
import { orderOfPolicy } from '#shared/images/select-tag.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';
import { formatTrailers, parseTrailers, type ProposedChange } from '#shared/pull-requests/commit-trailers.ts';
import type { ObservedBranch } from '#shared/pull-requests/observe-branch.ts';
import type { Proposal } from '#shared/pull-requests/proposals.ts';

const CLUSTER = 'production';
const D1 = `sha256:${'1'.repeat(64)}`;
const D2 = `sha256:${'2'.repeat(64)}`;
const D3 = `sha256:${'3'.repeat(64)}`;
const BASE = 'b'.repeat(40);
const HEAD = 'c'.repeat(40);
/** Stands for no ancestor. */
const NONE = '';
const BRANCH = 'tidegate/production/ns/apps';
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

  it.each<[what: string, decided: readonly Proposal[], current: string, tags: string, changes: string]>([
    ['closed', [closed('1.2.0')], '1.0.0', '1.1.0 1.2.0', ''],
    ['closed, a newer one came', [closed('1.2.0')], '1.0.0', '1.1.0 1.2.0 1.3.0', '1.0.0>1.3.0'],
    ['withdrawn by us', [withdrawn('1.2.0')], '1.0.0', '1.1.0 1.2.0', '1.0.0>1.2.0'],
    ['taken back', [{ ...closed('1.2.0'), takenBack: true }], '1.0.0', '1.1.0 1.2.0', '1.0.0>1.2.0'],
    ['reverted', [merged('1.0.0', '1.2.0')], '1.0.0', '1.1.0 1.2.0', ''],
    ['reverted, and the next one is merged by hand', [merged('1.0.0', '1.2.0')], '1.1.0', '1.1.0 1.2.0', ''],
    ['merged and in place', [merged('1.0.0', '1.1.0')], '1.1.0', '1.1.0 1.2.0', '1.1.0>1.2.0'],
    ['what the policy no longer chooses', [closed('3.0.0')], '1.0.0', '1.1.0 3.0.0', '1.0.0>1.1.0'],
    ['elsewhere in the repository', [at(closed('1.2.0'), 'other.yaml')], '1.0.0', '1.2.0', '1.0.0>1.2.0'],
    ['into a file that is gone', [at(merged('1.0.0', '1.2.0'), 'gone.yaml')], '1.0.0', '1.2.0', '1.0.0>1.2.0'],
    ['by a policy of another name', [named(closed('1.2.0'), 'ns/former')], '1.0.0', '1.2.0', ''],
    ['at a path that is gone from the file', [moved(closed('1.2.0'), 'images[0].tag')], '1.0.0', '1.2.0', ''],
  ])('holds what people decided against: %s', (_what, decided, current, tags, changes) => {
    expect(changesOf(planImageUpdate(observed({ current, tags, decided })))).toBe(changes);
  });

  it('holds the whole chain when several updates are taken back at once, where only digests tell them apart', () => {
    const image = (digest: string) => `reg.io/app:1.1.0@${digest}`;
    const chain = [
      imageChange(merged('', ''), image(D1), image(D2)),
      imageChange(merged('', ''), image(D2), image(D3)),
    ];
    const planFor = (current: string, digest: string) =>
      changesOf(
        planImageUpdate(
          observed({ text: marked(current), tags: '1.1.0', digest, digestReflectionPolicy: 'Always', decided: chain }),
        ),
      );

    expect(planFor(image(D1), D3)).toBe('');
    expect(planFor(image(D1), D2)).toBe('');
    expect(planFor(image(D3), D3)).toBe('');
    expect(planFor(image(D2), D3)).toBe('');
    expect(planFor(image(D3), `sha256:${'4'.repeat(64)}`)).not.toBe('');
  });

  it('proposes nothing pushed before a refused version, where the order has no place for that', () => {
    const order = { allows: () => true, compare: () => undefined };
    const at = (tag: string, pushedAt: number) => ({ tag, digest: D1, pushedAt });
    const planFor = (tags: readonly { tag: string; digest: string; pushedAt: number }[]) => {
      const seen = observed({ current: 'a', tags: '', decided: [closed('b')] });
      const [candidates] = seen.candidates;
      return changesOf(planImageUpdate({ ...seen, candidates: candidates ? [{ ...candidates, order, tags }] : [] }));
    };

    expect(planFor([at('c', 1), at('b', 2)])).toBe('');
    expect(planFor([at('c', 3), at('b', 2)])).toBe('');
    expect(planFor([at('c', 3)])).toBe('a>c');
  });

  it('keeps a pull request that says and holds exactly this, and finishes one that does not', () => {
    const seen = observed({ current: '1.0.0', tags: '1.1.0' });
    const first = planImageUpdate(seen).update;
    if (first.action !== 'propose' || first.commit === undefined) throw new Error('nothing is proposed');
    const branch = ownBranch(first.commit.message);
    const { title = '', section } = first.text;
    const says = (body: string): Proposal => open({ title, body, message: first.commit?.message ?? '' });
    const update = (more: Partial<ObservedAutomation>) => planImageUpdate({ ...seen, branch, ...more }).update;

    expect(update({ open: says(section) })).toMatchObject({ action: 'keep' });
    expect(update({ open: says(`mine\n${section}`) })).toMatchObject({ action: 'keep' });
    expect(update({ open: says(section), baseHead: 'd'.repeat(40) })).toMatchObject({ action: 'keep' });
    expect(update({})).toEqual({ action: 'propose', branch: BRANCH, text: { title, section } });
    expect(update({ open: says('all mine') })).toMatchObject({ action: 'propose', text: { section, title } });
    expect(update({ open: says('all mine') })).not.toHaveProperty('commit');
    const reworded = says(section.replace('Merge to deploy', 'Merge'));
    expect(update({ open: reworded })).toMatchObject({ action: 'propose', text: { section } });
    expect(update({ open: reworded })).not.toHaveProperty('text.title');
  });

  it.each<[what: string, branch: Partial<ObservedBranch>, more: Partial<ObservedAutomation>]>([
    ['a base that was rewritten below it', { mergeBase: 'e'.repeat(40) }, {}],
    ['no ancestor in common with the base', { mergeBase: NONE }, {}],
    ['a rule that wants it up to date', {}, { behind: true }],
    ['a commit of another automation, which was renamed', { own: own(messageBy('former')) }, {}],
  ])('makes its commit anew on the base for %s', (_what, more, seen) => {
    const given = { ...observed({ current: '1.0.0', tags: '1.1.0' }), ...seen };
    const first = planImageUpdate(given).update;
    const message = first.action === 'propose' ? (first.commit?.message ?? '') : '';

    const { mergeBase = NONE, ...rest } = { ...ownBranch(message), ...more };
    const branch = { ...rest, ...(mergeBase === NONE ? {} : { mergeBase }) };
    const { update } = planImageUpdate({ ...given, branch, open: open({ message }) });

    expect(update).toMatchObject({ action: 'propose', commit: { parent: BASE, branchFrom: HEAD } });
  });

  it("accepts GitHub's own merge of the base on top of its commit", () => {
    const seen = observed({ current: '1.0.0', tags: '1.1.0' });
    const first = planImageUpdate(seen).update;
    if (first.action !== 'propose') throw new Error('nothing is proposed');
    const message = first.commit?.message ?? '';
    const newer = 'e'.repeat(40);
    const branch = { ...ownBranch(message), head: 'f'.repeat(40), tipParents: [HEAD, newer], mergeBase: newer };

    const { update } = planImageUpdate({ ...seen, branch, open: open({ body: first.text.section, message }) });

    expect(update.action).toBe('keep');
  });

  it.each<[what: string, more: Partial<ObservedAutomation>, because: string]>([
    ['its tip is a commit of somebody else', { open: open({}), branch: foreignBranch() }, 'foreign-commits'],
    ['somebody gave it another base', { retargeted: open({ base: 'release' }) }, 'retargeted'],
  ])('leaves it to people when %s', (_what, more, because) => {
    const { update } = planImageUpdate({ ...observed({ current: '1.0.0', tags: '1.3.0' }), ...more });

    expect(update).toMatchObject({ action: 'leave', because });
  });

  it('leaves it to people when every name of its branches is taken', () => {
    const { branch: _branch, ...seen } = observed({ current: '1.0.0', tags: '1.3.0' });

    expect(planImageUpdate(seen).update).toMatchObject({ action: 'leave', because: 'no-branch-left' });
  });

  it('withdraws a pull request into a base that the settings no longer name', () => {
    const seen = observed({ current: '1.0.0', tags: '1.1.0' });

    const { update } = planImageUpdate({
      ...seen,
      misplaced: open({ base: 'former' }),
      branch: ownBranch(messageBy('apps')),
    });

    expect(update).toMatchObject({ action: 'withdraw', reason: 'base-changed', branchHead: HEAD });
  });

  it('withdraws a pull request only when it is certain that nothing is left of it', () => {
    const message = messageBy('apps', [{ ...change('1.0.0', '1.1.0') }]);
    const given = (current: string): ObservedAutomation => ({
      ...observed({ current, tags: '1.1.0' }),
      open: open({ message }),
      branch: ownBranch(message),
    });
    const undecided = { candidates: [], undecidedPolicies: new Map([['ns/app', { why: 'denied', fails: true }]]) };

    expect(planImageUpdate(given('1.1.0')).update).toMatchObject({ action: 'withdraw', reason: 'base-is-newer' });
    const kept = planImageUpdate({ ...given('1.0.0'), ...undecided });
    expect(changesOf(kept)).toBe('1.0.0>1.1.0');
    expect(kept.doubts).toEqual(['ns/app is undecided (denied); its proposal stays as it is']);
  });

  it.each<[what: string, given: Given, more: Partial<ObservedAutomation>, reason: string]>([
    ['main was set to it', { current: '1.1.0', tags: '1.1.0' }, {}, 'base-is-newer'],
    ['main was set to something newer', { current: '1.2.0', tags: '1.1.0' }, {}, 'base-is-newer'],
    ['its tag was excluded', { current: '1.0.0', tags: '1.0.0' }, {}, 'not-chosen'],
    ['its policy is gone', { current: '1.0.0', tags: '1.1.0' }, { candidates: [] }, 'policy-is-gone'],
    ['its marker is gone', { text: 'tag: 1.0.0\n', tags: '1.1.0' }, {}, 'place-is-gone'],
    [
      'it was closed elsewhere',
      { current: '1.0.0', tags: '1.1.0', decided: [closed('1.1.0')] },
      {},
      'refused-elsewhere',
    ],
    ['an older one was closed', { current: '1.0.0', tags: '1.0.5', decided: [closed('1.0.5')] }, {}, 'not-chosen'],
    [
      'its policy allows nothing that there is, nor this',
      { current: '1.0.0', tags: '' },
      {
        candidates: [],
        undecidedPolicies: new Map([['ns/app', { why: 'none', fails: true, allows: (tag) => tag.startsWith('2.') }]]),
      },
      'not-chosen',
    ],
  ])('says why nothing is left of a pull request: %s', (_what, given, more, reason) => {
    const message = messageBy('apps', [change('1.0.0', '1.1.0')]);

    const plan = planImageUpdate({ ...observed(given), ...more, open: open({ message }), branch: ownBranch(message) });

    expect(plan.update).toMatchObject({ action: 'withdraw', reason });
  });

  it('keeps what cannot be read on the base that it was made on, unless that would conflict with what changed since', () => {
    const old = 'd'.repeat(40);
    const app = 'tag: 1.0.0 # {"$imagepolicy": "ns:app:tag"}\n';
    const message = messageBy('apps', [change('1.0.0', '1.1.0'), { ...change('1.0.0', '1.1.0'), file: 'x.yaml' }]);
    const planFor = (appNow: string) =>
      planImageUpdate({
        ...observed({ current: '1.0.0', tags: '1.2.0' }),
        baseFiles: treeOf({ 'app.yaml': appNow, 'x.yaml': `a: [broken\n${app}` }),
        editBase: { oid: old, files: treeOf({ 'app.yaml': app, 'x.yaml': app }) },
        unreadable: ['x.yaml'],
        open: open({ message }),
        branch: ownBranch(message),
      });

    const kept = planFor(app);
    expect(kept.update).toMatchObject({ action: 'propose', commit: { parent: old } });
    expect(kept.edits.map(({ file }) => file)).toEqual(['app.yaml', 'x.yaml']);
    expect(kept.doubts.join()).toContain('x.yaml cannot be read in the base; its proposal stays as it is');

    const rebased = planFor(app.replace('1.0.0', '1.1.0'));
    expect(rebased.update).toMatchObject({ action: 'propose', commit: { parent: BASE } });
    expect(changesOf(rebased)).toBe('1.1.0>1.2.0');
    expect(rebased.doubts.join()).toContain('x.yaml cannot be read in the base; it is left out until it can');
  });

  it('goes on with the other images while one of its pull request cannot be decided', () => {
    const text = `a: 1.0.0 # {"$imagepolicy": "ns:app:tag"}\nb: 1.0.0 # {"$imagepolicy": "ns:other:tag"}\n`;
    const message = messageBy('apps', [
      { ...change('1.0.0', '1.1.0'), path: 'a' },
      { ...change('1.0.0', '4.0.0'), path: 'b', policy: 'ns/other' },
    ]);

    const plan = planImageUpdate({
      ...observed({ text, tags: '1.2.0' }),
      undecidedPolicies: new Map([['ns/other', { why: 'the policy is suspended', fails: false }]]),
      open: open({ message }),
      branch: ownBranch(message),
    });

    expect(changesOf(plan)).toBe('1.0.0>1.2.0,1.0.0>4.0.0');
    expect(plan.doubts).toEqual(['ns/other is undecided (the policy is suspended); its proposal stays as it is']);
  });

  it.each<[policy: ImagePolicy['policy'], current: string, tags: string, says: string]>([
    [
      { kind: 'alphabetical', order: 'asc' },
      'main-9',
      'main-10 main-11',
      'leaves main-9 at app.yaml:1 as it is: the policy (alphabetical asc) orders it above main-11',
    ],
    [
      { kind: 'alphabetical', order: 'desc' },
      'a',
      'c b',
      'leaves a at app.yaml:1 as it is: the policy (alphabetical desc) orders it above b',
    ],
    [
      { kind: 'numerical', order: 'asc' },
      '20261127',
      '9 10',
      'leaves 20261127 at app.yaml:1 as it is: the policy (numerical asc) orders it above 10',
    ],
    [
      { kind: 'numerical', order: 'desc' },
      '1',
      '10 9',
      'leaves 1 at app.yaml:1 as it is: the policy (numerical desc) orders it above 9',
    ],
    [
      { kind: 'semver', range: '1.x' },
      '2.0.0',
      '1.0.0 1.10.0',
      'leaves 2.0.0 at app.yaml:1 as it is: the policy (semver 1.x) orders it above 1.10.0',
    ],
    [{ kind: 'alphabetical', order: 'asc' }, 'main-11', 'main-10 main-11', ''],
    [{ kind: 'numerical', order: 'desc' }, '9.0', '10 9', ''],
  ])('%j says of %s beside %s: "%s"', (policy, current, tags, says) => {
    const seen = observed({ current, tags });
    const candidates = seen.candidates.map((one) => ({
      ...one,
      policy: { ...one.policy, policy },
      order: orderOfPolicy({ policy }, []),
    }));

    const plan = planImageUpdate({ ...seen, candidates });

    expect(changesOf(plan)).toBe('');
    const context = { cluster: CLUSTER, now: 0, previous: [] };
    const run = { checkout: seen.checkout, plan, result: { outcome: 'nothing-to-do' } } as const;
    const messages = recordImageUpdate(context, AUTOMATION, run).flatMap((record) =>
      record.type === 'Status' ? record.conditions.map(({ message }) => message) : [],
    );
    const stays = `; ns/app ${says}, the newest that it finds; write another value there to start from it`;
    expect(messages).toContain(`repository up-to-date${says === '' ? '' : stays}`);
  });

  it.each<[policy: ImagePolicy['digestReflectionPolicy'], current: string, to: string]>([
    ['Never', `reg.io/app:1.0.0`, 'reg.io/app:1.1.0'],
    ['Always', `reg.io/app:1.1.0@${D1}`, `reg.io/app:1.1.0@${D2}`],
    ['Always', `reg.io/app:1.1.0`, `reg.io/app:1.1.0@${D2}`],
    ['IfNotPresent', `reg.io/app:1.1.0@${D1}`, ''],
    ['IfNotPresent', `reg.io/app:1.0.0@${D1}`, `reg.io/app:1.1.0@${D2}`],
    ['Never', `old.io/app:1.1.0`, 'reg.io/app:1.1.0'],
  ])('writes digests as the policy says: %s, %s', (digestReflectionPolicy, current, to) => {
    const plan = planImageUpdate(observed({ text: marked(current), tags: '1.1.0', digestReflectionPolicy }));

    expect(plan.changes.map((one) => one.to).join()).toBe(to);
  });

  // Above the place of a decision another entry was put, so that its path is another one now.
  it.each([
    ['closed', 1, false],
    ['closed', 2, false],
    ['merged', 1, false],
    ['merged', 2, true],
  ] as const)(
    'looks for what was %s where its place has moved to, of %d places: proposed %s',
    (state, count, proposed) => {
      const marker = '1.0.0 # {"$imagepolicy": "ns:app:tag"}';
      const text = Array.from({ length: count }, (_, index) => `tag${index}: ${marker}\n`).join('');
      const decided = proposal(
        { state, closedAt: '2026-01-02T00:00:00Z' },
        messageBy('apps', [change('1.0.0', '1.1.0')]),
      );

      const plan = planImageUpdate(observed({ text, tags: '1.1.0', decided: [decided] }));

      expect(plan.changes.length > 0).toBe(proposed);
    },
  );

  it.each([
    ['reg.io/app', 0],
    ['reg.io/another', 1],
  ])(
    'knows what was refused under the former name of a policy, if it was about the same image: %s',
    (image, proposed) => {
      const refusedChange = { ...change('1.0.0', '1.1.0'), policy: 'ns/former', image };
      const decided = proposal(
        { state: 'closed', closedAt: '2026-01-02T00:00:00Z' },
        messageBy('apps', [refusedChange]),
      );

      const plan = planImageUpdate(observed({ current: '1.0.0', tags: '1.1.0', decided: [decided] }));

      expect(plan.changes).toHaveLength(proposed);
    },
  );

  it('pushes without a pull request where push.branch asks for it', () => {
    const seen = observed({ current: '1.0.0', tags: '1.1.0' });
    const push = (branch: string, more: Partial<ObservedAutomation> = {}) =>
      planImageUpdate({
        ...seen,
        branch: { name: branch, tipParents: [], ahead: [] },
        ...more,
        checkout: { ...seen.checkout, branch, mode: 'push' },
      }).update;
    const theirs = { name: 'images', head: HEAD, tipParents: [BASE], mergeBase: BASE, ahead: [] };
    const shared = { branch: theirs, editBase: { ...seen.editBase, oid: HEAD } };

    expect(push('main')).toMatchObject({ action: 'push', commit: { branch: 'main', branchFrom: BASE, parent: BASE } });
    expect(push('images')).toMatchObject({ action: 'push', commit: { branch: 'images', branchFrom: undefined } });
    expect(push('images', shared)).toMatchObject({ action: 'push', commit: { branchFrom: HEAD, parent: HEAD } });
    expect(push('images', { ...shared, branch: { ...theirs, mergeBase: 'a'.repeat(40) } })).toEqual({
      action: 'update-branch',
      branch: 'images',
      baseHead: BASE,
    });
  });
});

interface Given {
  readonly current?: string;
  readonly text?: string;
  readonly tags: string;
  readonly digest?: string;
  readonly decided?: readonly Proposal[];
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
  const files = treeOf({ 'app.yaml': text });
  return {
    cluster: CLUSTER,
    automation: AUTOMATION,
    checkout: {
      repository: { owner: 'acme', name: 'fleet' },
      url: 'https://github.com/acme/fleet',
      base: 'main',
      branch: BRANCH,
      installation: 'default',
      mode: 'pull-request',
    },
    candidates: [
      {
        policy,
        image: 'reg.io/app',
        order: orderOfPolicy(policy, []),
        tags: given.tags.split(' ').map((tag) => ({ tag, digest: given.digest ?? D2 })),
      },
    ],
    undecidedPolicies: new Map(),
    baseHead: BASE,
    baseFiles: files,
    editBase: { oid: BASE, files },
    unreadable: [],
    decided: given.decided ?? [],
    branch: { name: BRANCH, tipParents: [], ahead: [] },
    behind: false,
  };
}

function treeOf(texts: Readonly<Record<string, string>>): ObservedAutomation['baseFiles'] {
  return new Map(Object.entries(texts).map(([file, text]) => [file, { bytes: Buffer.from(text), executable: false }]));
}

function marked(image: string): string {
  return `image: ${image} # {"$imagepolicy": "ns:app"}\n`;
}

function change(from: string, to: string): ProposedChange {
  return { policy: 'ns/app', file: 'app.yaml', path: 'tag', part: 'tag', from, to };
}

function messageBy(automation: string, changes: readonly ProposedChange[] = []): string {
  const memory = { cluster: CLUSTER, automation: `ns/${automation}`, base: 'main', changes, author: 'a <a@b>' };
  return `Update\n\n${formatTrailers(memory)}\n`;
}

function own(message: string): NonNullable<ObservedBranch['own']> {
  const memory = parseTrailers(message);
  if (memory === undefined) throw new Error('the commit is not ours');
  return { oid: HEAD, message, parents: [BASE], memory };
}

function ownBranch(message: string): ObservedBranch {
  return { name: BRANCH, head: HEAD, own: own(message), tipParents: [BASE], mergeBase: BASE, ahead: [] };
}

function foreignBranch(): ObservedBranch {
  return { name: BRANCH, head: 'f'.repeat(40), tipParents: [HEAD], mergeBase: BASE, ahead: [] };
}

function open(given: {
  readonly title?: string;
  readonly body?: string;
  readonly message?: string;
  readonly base?: string;
}): Proposal {
  const message = given.message ?? messageBy('apps');
  return proposal(
    { state: 'open', base: given.base ?? 'main', title: given.title ?? 'Update', body: given.body ?? '' },
    message,
  );
}

function proposal(request: Pick<ChangeRequest, 'state'> & Partial<ChangeRequest>, message: string): Proposal {
  const { memory, ...commit } = own(message);
  return {
    request: {
      number: 7,
      url: 'https://github.com/acme/fleet/pull/7',
      title: 'Update',
      body: '',
      head: { branch: BRANCH, oid: HEAD },
      base: 'main',
      commits: [commit],
      comments: [],
      openedAs: 'app',
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-01T00:00:00Z',
      ...request,
    },
    commit,
    memory,
    changes: memory.changes ?? [],
    takenBack: false,
  };
}

function closed(to: string): Proposal {
  return proposal({ state: 'closed', closedAt: '2026-01-02T00:00:00Z' }, messageBy('apps', [change('1.0.0', to)]));
}

function merged(from: string, to: string): Proposal {
  return proposal({ state: 'merged', closedAt: '2026-01-02T00:00:00Z' }, messageBy('apps', [change(from, to)]));
}

function withdrawn(to: string): Proposal {
  const one = closed(to);
  return { ...one, memory: { ...one.memory, withdrawn: 'base-is-newer' } };
}

function at(one: Proposal, file: string): Proposal {
  return { ...one, changes: one.changes.map((it) => ({ ...it, file })) };
}

function named(one: Proposal, policy: string): Proposal {
  return { ...one, changes: one.changes.map((it) => ({ ...it, policy })) };
}

function moved(one: Proposal, path: string): Proposal {
  return { ...one, changes: one.changes.map((it) => ({ ...it, path })) };
}

function imageChange(one: Proposal, from: string, to: string): Proposal {
  return { ...one, changes: [{ ...change(from, to), path: 'image', part: 'image' }] };
}

function changesOf(plan: ImageUpdatePlan): string {
  return plan.changes.map(({ from, to }) => `${from}>${to}`).join();
}
