import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { PruneGuard } from '#shared/engine/model/apply-request.ts';
import type { ObservedObject } from '#shared/engine/observe/observed-cluster.ts';
import type { PruneContext } from '#shared/engine/prune/guards/prune-candidate.ts';
import { planPrune, selectCandidates, type PruneSet } from '#shared/engine/prune/plan-prune.ts';
import type { WeighedObject, Weight } from '#shared/engine/prune/weight.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { sampleSize } from '#test/sample-size.ts';

const PART_OF = 'applyset.kubernetes.io/part-of';
const kustomization = { namespace: 'flux-system', name: 'app' };

const calm: PruneContext = {
  doubts: [],
  unrendered: [],
  unapplied: new Set(),
  holdsLease: true,
  incompleteDiscovery: [],
  unlisted: [],
  desiredKeys: new Set(),
  desiredUids: new Set(),
  desiredNamespaces: new Set(),
  desiredGroups: new Set(),
  desiredDefinitions: new Set(),
  foreignNamespaces: new Map(),
  foreignDefinitions: new Map(),
  isRecorded: () => false,
};

function member(
  name: string,
  options: {
    readonly owned?: boolean;
    readonly controlled?: boolean;
    readonly kind?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    /** Whether a person wrote the annotations into the cluster. */
    readonly byHand?: boolean;
  } = {},
): ObservedObject {
  const kind = options.kind ?? 'ConfigMap';
  const written = Object.keys(options.annotations ?? {}).map((key) => [`f:${key}`, {}]);
  const annotations = options.byHand === true ? {} : Object.fromEntries(written);
  const fieldsV1 = { 'f:metadata': { 'f:labels': { [`f:${PART_OF}`]: {} }, 'f:annotations': annotations } };
  return {
    id: { group: '', kind, namespace: 'app', name },
    resource: { group: '', version: 'v1', kind, plural: 'any', namespaced: true, verbs: [] },
    live: {
      name,
      namespace: 'app',
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: { [PART_OF]: 'applyset' },
      annotations: options.annotations ?? {},
      managedFields:
        options.owned === false ? [] : [{ manager: 'tidegate', operation: 'Apply', apiVersion: 'v1', fieldsV1 }],
      ...(options.controlled === true ? { ownerReferences: [{ uid: 'x', kind: 'Job', controller: true }] } : {}),
    },
  };
}

function setOf(members: readonly ObservedObject[], desired = 10): PruneSet {
  return { kustomization, members, desired, whenGone: 'prune', gone: false };
}

function apiService(name: string): ObservedObject {
  const service = member(name, { kind: 'APIService' });
  return { ...service, id: { ...service.id, group: 'apiregistration.k8s.io', namespace: '' } };
}

/** What Git no longer holds, by name of the Kustomization. */
function goneSet(name: string, members: readonly ObservedObject[]): PruneSet {
  return {
    kustomization: { namespace: 'flux-system', name },
    members,
    desired: 0,
    whenGone: 'prune',
    gone: true,
  };
}

interface Given {
  readonly context?: Partial<PruneContext>;
  readonly guard?: PruneGuard;
  readonly approvals?: Readonly<Record<string, number>>;
  readonly weights?: Readonly<Record<string, Weight>>;
}

function plan(sets: readonly PruneSet[], given: Given = {}) {
  const context = { ...calm, ...given.context };
  return planPrune(selectCandidates(sets, context), {
    guard: given.guard ?? noLimit,
    approvals: Object.entries(given.approvals ?? {}).map(([name, count]) => ({
      kustomization: { namespace: 'flux-system', name },
      count,
    })),
    weights: new Map(Object.entries(given.weights ?? {})),
    isOurs: ({ live }) => live.labels?.[PART_OF] === 'applyset',
    isDesired: ({ id }) => context.desiredKeys.has(objectKey(id)),
  });
}

function names(candidates: readonly { readonly object: ObservedObject }[]): readonly string[] {
  return candidates.map(({ object }) => object.id.name).sort();
}

const noLimit = { maxObjects: 1000, maxPercent: 100 };
const guard = { maxObjects: 5, maxPercent: 20 };

describe('the prune plan', () => {
  it.each<[string, Partial<PruneContext>, ObservedObject]>([
    ['artifact-incomplete', { doubts: ['digest differs'] }, member('a')],
    ['not-rendered', { unrendered: ['flux-system/broken'] }, member('a')],
    ['still-desired', { desiredUids: new Set(['uid-a']) }, member('a')],
    ['not-applied', { unapplied: new Set(['flux-system/app']) }, member('a')],
    ['lease-lost', { holdsLease: false }, member('a')],
    ['not-owned', {}, member('a', { owned: false })],
    ['controlled', {}, member('a', { controlled: true })],
    ['in-use', { desiredNamespaces: new Set(['a']) }, member('a', { kind: 'Namespace' })],
    ['in-use', {}, member('tidegate-system', { kind: 'Namespace' })],
    ['in-use', { foreignNamespaces: new Map([['a', 'installation team-b']]) }, member('a', { kind: 'Namespace' })],
    [
      'in-use',
      { foreignDefinitions: new Map([['a', 'installation team-b']]) },
      member('a', { kind: 'CustomResourceDefinition' }),
    ],
    ['before-installation', { installedAt: Date.parse('2026-01-02T00:00:00Z') }, member('a')],
    ['in-use', { desiredGroups: new Set(['tides.example']) }, apiService('v1.tides.example')],
    ['discovery-incomplete', { incompleteDiscovery: ['x/v1'] }, member('a')],
    ['discovery-incomplete', { unlisted: [{ kind: 'ConfigMap', reason: 'forbidden' }] }, member('a')],
  ])('withholds for %s', (guard, change, object) => {
    const { deletions, withheld } = plan([setOf([object])], { context: change });

    expect(deletions).toEqual([]);
    expect(withheld).toMatchObject([{ id: object.id, guard }]);
  });

  it.each([
    ['2026-01-01T23:59:59Z', false, false],
    ['2026-01-01T23:59:59Z', true, true],
    ['2026-01-02T00:00:00Z', false, true],
    ['2026-01-03T00:00:00Z', false, true],
  ])('of what was written at %s, recorded: %s, by a newcomer of 2026-01-02, deletes it: %s', (time, recorded, goes) => {
    const { live, ...rest } = member('a');
    const managedFields = live.managedFields?.map((entry) => ({ ...entry, time })) ?? [];
    const context = { installedAt: Date.parse('2026-01-02T00:00:00Z'), isRecorded: () => recorded };

    const { deletions } = plan([setOf([{ ...rest, live: { ...live, managedFields } }])], { context });

    expect(deletions).toHaveLength(goes ? 1 : 0);
  });

  it('deletes what nothing holds', () => {
    expect(plan([setOf([member('a')])]).deletions).toHaveLength(1);
  });

  it('leaves alone what is going away already', () => {
    const leaving = member('a');
    const planned = plan([setOf([{ ...leaving, live: { ...leaving.live, deletionTimestamp: 'now' } }])]);

    expect(planned).toEqual({ deletions: [], last: [], withheld: [] });
  });

  it.each([
    // deletions, members, desired, approved ► deleted?
    [5, 10, 5, undefined, true],
    [6, 30, 24, undefined, true],
    [6, 29, 23, undefined, false],
    [6, 29, 23, 6, true],
    [6, 29, 23, 5, false],
    [6, 29, 23, 7, false],
    [1, 1, 0, undefined, false],
    [1, 1, 0, 1, true],
    [1, 1, 1, undefined, true],
  ])(
    'of %i of %i members while %i are desired, with approval for %s, goes ahead: %s',
    (gone, all, desired, approved, ahead) => {
      const members = Array.from({ length: all }, (_, index) => member(`m-${index}`));
      const desiredKeys = new Set(members.slice(gone).map(({ id }) => objectKey(id)));
      const approvals = approved === undefined ? {} : { app: approved };

      const { deletions, withheld } = plan([setOf(members, desired)], { context: { desiredKeys }, guard, approvals });

      expect(deletions).toHaveLength(ahead ? gone : 0);
      expect(withheld.map((prune) => prune.guard)).toEqual(ahead ? [] : Array(gone).fill('share'));
    },
  );

  it('never deletes what is desired, not ours, or controlled, and accounts for every other member', () => {
    const sort = fc.constantFrom('desired', 'copied', 'controlled', 'free');
    fc.assert(
      fc.property(fc.array(sort, { maxLength: 30 }), fc.boolean(), (sorts, holdsLease) => {
        const members = sorts.map((sort, index) =>
          member(`${sort}-${index}`, { owned: sort !== 'copied', controlled: sort === 'controlled' }),
        );
        const desired = members.filter(({ id }) => id.name.startsWith('desired'));
        const desiredKeys = new Set(desired.map(({ id }) => objectKey(id)));

        const { deletions, withheld } = plan([setOf(members)], { context: { desiredKeys, holdsLease } });

        expect(deletions.every(({ object }) => holdsLease && object.id.name.startsWith('free'))).toBe(true);
        expect(deletions.length + withheld.length).toBe(members.length - desired.length);
      }),
      { seed: 42, numRuns: sampleSize(100, 2000) },
    );
  });
});

/** Something that nobody of ours applied. */
function stranger(name: string, kind = 'ConfigMap', live: Partial<LiveMetadata> = {}): WeighedObject {
  const id = { group: '', kind, namespace: 'app', name };
  return { id, live: { name, namespace: 'app', uid: `uid-${name}`, resourceVersion: '1', ...live } };
}

function holding(...contents: readonly WeighedObject[]): Weight {
  return { data: false, contents };
}

describe('what takes others with it', () => {
  const space = member('space', { kind: 'Namespace' });
  const light = ['a', 'b'].map((name) => member(name));
  const pod = stranger('pod', 'Pod', { ownerReferences: [{ uid: 'x', kind: 'ReplicaSet', controller: true }] });
  const root = stranger('kube-root-ca.crt');

  it.each<[string, Weight, number, string]>([
    ['nothing', holding(), 1, 'all that is in it would go with it; at the moment there is nothing'],
    ['what the cluster makes itself', holding(root, pod, stranger('e', 'Event')), 1, 'at the moment there is nothing'],
    ['what a person made', holding(stranger('by-hand'), pod), 2, '1 object would go with it (1 ConfigMap): '],
    [
      'what a Kustomization holds',
      holding(member('ours'), stranger('by-hand')),
      2,
      '2 objects would go with it (2 ConfigMap): ConfigMap/app/by-hand, ConfigMap/app/ours; 1 of them are held by Kustomizations',
    ],
  ])('is asked for when a Namespace holds %s', (_what, weight, count, message) => {
    const asked = plan([setOf([space, ...light])], { weights: { 'uid-space': weight } });
    const refused = plan([setOf([space])], { weights: { 'uid-space': weight }, approvals: { app: count + 1 } });
    const approved = plan([setOf([space])], { weights: { 'uid-space': weight }, approvals: { app: count } });

    expect(asked.withheld).toMatchObject([
      { id: { name: 'space' }, guard: 'weight', asksFor: { kustomization, count } },
    ]);
    expect(asked.withheld[0]?.message).toContain(message);
    expect([names(asked.deletions), asked.last]).toEqual([['a', 'b'], []]);
    expect([refused.deletions, refused.last]).toEqual([[], []]);
    expect([approved.deletions, names(approved.last)]).toEqual([[], ['space']]);
  });

  it.each([
    ['Namespace', ''],
    ['PersistentVolumeClaim', ''],
    ['PersistentVolume', ''],
    ['CustomResourceDefinition', 'apiextensions.k8s.io'],
    ['VolumeSnapshot', 'snapshot.storage.k8s.io'],
  ])('is asked for when it is a %s, unless Git said of it that it may go', (kind, group) => {
    const weighty = (annotations: Readonly<Record<string, string>>, byHand = false) => {
      const object = member('one', { kind, annotations, byHand });
      return { ...object, id: { ...object.id, group } };
    };

    const unmarked = plan([setOf([weighty({})])]);
    const marked = plan([setOf([weighty({ 'tidegate.dev/prune': 'enabled' })])]);
    const byHand = plan([setOf([weighty({ 'tidegate.dev/prune': 'enabled' }, true)])]);

    expect([unmarked.last, unmarked.withheld.map((prune) => prune.guard)]).toEqual([[], ['weight']]);
    expect([names(marked.last), marked.withheld]).toEqual([['one'], []]);
    expect([byHand.last, byHand.withheld.map((prune) => prune.guard)]).toEqual([[], ['weight']]);
  });

  it('is asked for when a claim belongs to it', () => {
    const weights = { 'uid-db': holding(stranger('data-db-0', 'PersistentVolumeClaim')) };
    const sets = [setOf([member('db', { kind: 'StatefulSet' })])];

    const asked = plan(sets, { weights });

    expect(asked.withheld).toMatchObject([{ guard: 'weight', asksFor: { count: 2 } }]);
    expect(asked.withheld[0]?.message).toContain('PersistentVolumeClaim/app/data-db-0');
    expect(names(plan(sets, { weights, approvals: { app: 2 } }).last)).toEqual(['db']);
  });

  it('stays while nobody knows what it holds, whatever is approved', () => {
    const weights = { 'uid-space': { ...holding(), unknown: 'Secret could not be listed: forbidden' } };

    for (const approvals of [{}, { app: 1 }, { app: 2 }]) {
      const { last, withheld } = plan([setOf([space])], { weights, approvals });

      expect(last).toEqual([]);
      expect(withheld).toMatchObject([{ guard: 'weight-unknown' }]);
      expect(withheld[0]).not.toHaveProperty('asksFor');
      expect(withheld[0]?.message).toContain('Secret could not be listed: forbidden');
    }
  });

  it('stays while something that is desired belongs to it', () => {
    const owned = member('kept');
    const given = { weights: { 'uid-a': holding(owned) }, context: { desiredKeys: new Set([objectKey(owned.id)]) } };

    expect(plan([setOf([member('a')])], given)).toMatchObject({ last: [], withheld: [{ guard: 'in-use' }] });
  });
});

describe('a Kustomization that is gone from Git', () => {
  const members = (count: number) => Array.from({ length: count }, (_, index) => member(`m-${index}`));

  it.each([
    // objects, approved ► go?
    [1, undefined, true],
    [5, undefined, true],
    [6, undefined, false],
    [6, 5, false],
    [6, 6, true],
  ])('with %i objects, %s of them approved, goes: %s', (count, approved, goes) => {
    const approvals = approved === undefined ? {} : { gone: approved };

    const { deletions, withheld } = plan([goneSet('gone', members(count))], { guard, approvals });

    expect(deletions).toHaveLength(goes ? count : 0);
    expect(withheld.map((prune) => prune.asksFor?.count)).toEqual(goes ? [] : Array(count).fill(count));
  });

  it('waits as a whole for what takes others with it', () => {
    const sets = [goneSet('gone', [member('space', { kind: 'Namespace' }), member('a')])];

    const asked = plan(sets, { guard });
    const approved = plan(sets, { guard, approvals: { gone: 2 } });

    expect([asked.deletions, asked.last]).toEqual([[], []]);
    expect(asked.withheld.map((prune) => `${prune.id.name} ${prune.guard} ${prune.asksFor?.count}`).sort()).toEqual([
      'a share 2',
      'space weight 2',
    ]);
    expect([names(approved.deletions), names(approved.last)]).toEqual([['a'], ['space']]);
  });

  it('is not one of many small ones that go unseen', () => {
    const sets = ['one', 'two', 'three'].map((name) => goneSet(name, [member(`${name}-a`), member(`${name}-b`)]));

    const asked = plan(sets, { guard });
    const approved = plan(sets, { guard, approvals: { one: 2 } });

    expect(asked.deletions).toEqual([]);
    expect(asked.withheld.map((prune) => prune.asksFor?.count)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(approved.deletions).toHaveLength(6);
  });
});

describe('a Kustomization that went because what declared it renders nothing', () => {
  it('always asks, however small it is', () => {
    const set = { ...goneSet('app', [member('only')]), emptied: { namespace: 'flux-system', name: 'root' } };

    const asked = plan([set], { guard });

    expect(asked.deletions).toEqual([]);
    expect(asked.withheld).toMatchObject([
      {
        guard: 'share',
        message:
          'Kustomization flux-system/root, from which Kustomization flux-system/app came, renders nothing any more; with it would go 1 object',
        asksFor: { kustomization: { namespace: 'flux-system', name: 'app' }, count: 1 },
      },
    ]);
    expect(names(plan([set], { guard, approvals: { app: 1 } }).deletions)).toEqual(['only']);
  });
});

describe('any prune plan', () => {
  it('lets nothing of weight go without its exact count or its mark, and accounts for each member once', () => {
    const sort = fc.constantFrom('light', 'space', 'marked', 'owner', 'unknown');
    const given = fc.record({
      sorts: fc.array(sort, { minLength: 1, maxLength: 12 }),
      strangers: fc.nat({ max: 3 }),
      approved: fc.nat({ max: 20 }),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(given, ({ sorts, strangers, approved, gone }) => {
        const kinds: Readonly<Record<string, string>> = {
          space: 'Namespace',
          marked: 'Namespace',
          owner: 'StatefulSet',
        };
        const members = sorts.map((sort, index) =>
          member(`${sort}-${index}`, {
            kind: kinds[sort] ?? 'ConfigMap',
            annotations: sort === 'marked' ? { 'tidegate.dev/prune': 'enabled' } : {},
          }),
        );
        const made = Array.from({ length: strangers }, (_, index) => stranger(`by-hand-${index}`));
        const weights: Record<string, Weight> = {};
        for (const { id, live } of members) {
          if (id.kind === 'Namespace') weights[live.uid] = holding(...made);
          if (id.kind === 'StatefulSet') {
            weights[live.uid] = holding(stranger(`claim-${id.name}`, 'PersistentVolumeClaim'));
          }
          if (id.name.startsWith('unknown')) weights[live.uid] = { ...holding(), unknown: 'nobody may look' };
        }
        const set = { ...setOf(members), gone };
        const { deletions, last, withheld } = plan([set], { guard, weights, approvals: { app: approved } });

        const asked = new Set(withheld.flatMap((prune) => prune.asksFor?.count ?? []));
        const went = [...names(deletions), ...names(last)];
        expect([...went, ...withheld.map(({ id }) => id.name)].sort()).toEqual(members.map(({ id }) => id.name).sort());
        expect(asked.size).toBeLessThanOrEqual(1);
        expect(asked.has(approved)).toBe(false);
        expect(went.filter((name) => name.startsWith('unknown'))).toEqual([]);

        // What is asked for goes with exactly that count, whatever else there is.
        const [count] = asked;
        const answered = plan([set], { guard, weights, approvals: { app: count ?? approved } });
        expect(answered.withheld.every((prune) => prune.asksFor === undefined)).toBe(true);
        const weighty = went.filter((name) => name.startsWith('space') || name.startsWith('owner'));
        const owners = weighty.filter((name) => name.startsWith('owner')).length;
        const spaces = weighty.length - owners;
        const least = weighty.length + owners + (spaces > 0 ? strangers : 0);
        expect(count !== undefined || weighty.length === 0 || approved >= least).toBe(true);
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
  });
});
