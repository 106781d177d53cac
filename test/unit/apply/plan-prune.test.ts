import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { objectKey } from '#shared/api/kubernetes-object.ts';
import type { ObservedObject } from '#shared/apply/observed-cluster.ts';
import { planPrune, type PruneSet } from '#shared/apply/plan-prune.ts';
import type { PruneContext } from '#shared/apply/prune-guards/prune-candidate.ts';
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
  desiredDefinitions: new Set(),
  foreignNamespaces: new Map(),
  foreignDefinitions: new Map(),
  isRecorded: () => false,
};

function member(
  name: string,
  options: { readonly owned?: boolean; readonly controlled?: boolean; readonly kind?: string } = {},
): ObservedObject {
  const kind = options.kind ?? 'ConfigMap';
  const fieldsV1 = { 'f:metadata': { 'f:labels': { [`f:${PART_OF}`]: {} } } };
  return {
    id: { group: '', kind, namespace: 'app', name },
    resource: { group: '', version: 'v1', kind, plural: 'any', namespaced: true, verbs: [] },
    live: {
      name,
      namespace: 'app',
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: { [PART_OF]: 'applyset' },
      managedFields:
        options.owned === false ? [] : [{ manager: 'tidegate', operation: 'Apply', apiVersion: 'v1', fieldsV1 }],
      ...(options.controlled === true ? { ownerReferences: [{ uid: 'x', kind: 'Job', controller: true }] } : {}),
    },
  };
}

function setOf(members: readonly ObservedObject[], desired = 10): PruneSet {
  return { kustomization, members, desired, whenGone: 'prune' };
}

const noLimit = { maxObjects: 1000, maxPercent: 100 };

describe('the prune plan', () => {
  it.each<[string, Partial<PruneContext>, ObservedObject]>([
    ['artifact-doubtful', { doubts: ['digest differs'] }, member('a')],
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
    ['discovery-incomplete', { incompleteDiscovery: ['x/v1'] }, member('a')],
    ['discovery-incomplete', { unlisted: [{ kind: 'ConfigMap', reason: 'forbidden' }] }, member('a')],
  ])('withholds for %s', (guard, change, object) => {
    const plan = planPrune([setOf([object])], { ...calm, ...change }, noLimit, []);

    expect(plan.deletions).toEqual([]);
    expect(plan.withheld).toMatchObject([{ id: object.id, guard }]);
  });

  it.each([
    ['2026-01-01T23:59:59Z', false, false],
    ['2026-01-01T23:59:59Z', true, true],
    ['2026-01-02T00:00:00Z', false, true],
    ['2026-01-03T00:00:00Z', false, true],
  ])('of what was written at %s, recorded: %s, by a newcomer of 2026-01-02, deletes it: %s', (time, recorded, goes) => {
    const { live, ...rest } = member('a');
    const managedFields = live.managedFields?.map((entry) => ({ ...entry, time })) ?? [];
    const context = { ...calm, installedAt: Date.parse('2026-01-02T00:00:00Z'), isRecorded: () => recorded };

    const { deletions } = planPrune([setOf([{ ...rest, live: { ...live, managedFields } }])], context, noLimit, []);

    expect(deletions).toHaveLength(goes ? 1 : 0);
  });

  it('deletes what nothing holds', () => {
    expect(planPrune([setOf([member('a')])], calm, noLimit, []).deletions).toHaveLength(1);
  });

  it('leaves alone what is going away already', () => {
    const leaving = member('a');
    const plan = planPrune(
      [setOf([{ ...leaving, live: { ...leaving.live, deletionTimestamp: 'now' } }])],
      calm,
      noLimit,
      [],
    );

    expect(plan).toEqual({ deletions: [], withheld: [] });
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
      const approvals = approved === undefined ? [] : [{ kustomization, count: approved }];

      const guard = { maxObjects: 5, maxPercent: 20 };
      const plan = planPrune([setOf(members, desired)], { ...calm, desiredKeys }, guard, approvals);

      expect(plan.deletions).toHaveLength(ahead ? gone : 0);
      expect(plan.withheld.map(({ guard }) => guard)).toEqual(ahead ? [] : Array(gone).fill('share'));
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

        const { deletions, withheld } = planPrune([setOf(members)], { ...calm, desiredKeys, holdsLease }, noLimit, []);

        expect(deletions.every(({ object }) => holdsLease && object.id.name.startsWith('free'))).toBe(true);
        expect(deletions.length + withheld.length).toBe(members.length - desired.length);
      }),
      { seed: 42, numRuns: sampleSize(100, 2000) },
    );
  });
});
