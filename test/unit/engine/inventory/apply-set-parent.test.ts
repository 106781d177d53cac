import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { applySetId, applySetParentName, nameApplySet } from '#shared/engine/inventory/apply-set-id.ts';
import {
  buildParentObject,
  isOwnParent,
  readParent,
  sameParent,
  whenDeleted,
} from '#shared/engine/inventory/apply-set-parent.ts';
import type { Installation } from '#shared/engine/lease/installation.ts';

const kustomization = { namespace: 'flux-system', name: 'podinfo' };
const parent = {
  cluster: 'production',
  kustomization,
  kinds: [
    { group: 'apps', kind: 'Deployment' },
    { group: '', kind: 'ConfigMap' },
  ],
  namespaces: ['apps', 'team-b'],
  whenDeleted: 'prune' as const,
};

function live(annotations: Readonly<Record<string, string>> = {}) {
  const { metadata } = buildParentObject(parent);
  return { ...metadata, uid: 'u', resourceVersion: '1', annotations: { ...metadata.annotations, ...annotations } };
}

describe('the parent of an ApplySet', () => {
  it("has KEP-3659's id for its name, namespace, kind and group", () => {
    const text = 'kustomization.flux-system.podinfo.tidegate-system.ConfigMap.';
    const digest = createHash('sha256').update(text).digest('base64').replaceAll('+', '-').replaceAll('/', '_');

    expect(applySetId(kustomization)).toBe(`applyset-${digest.replace('=', '')}-v1`);
  });

  it('keeps names of long Kustomizations apart and within the limit', () => {
    const long = (end: string) => applySetParentName({ namespace: 'n'.repeat(63), name: `${'k'.repeat(240)}${end}` });

    expect(long('a').length).toBeLessThanOrEqual(253);
    expect(long('a')).not.toBe(long('b'));
  });

  it('is read back as it was built', () => {
    expect(readParent(live())).toEqual({ ...parent, kinds: parent.kinds.toReversed() });
    expect(sameParent(live(), parent)).toBe(true);
    expect(sameParent(live(), { ...parent, kinds: [] })).toBe(false);
    expect(sameParent(live(), { ...parent, namespaces: ['apps'] })).toBe(false);
  });

  it('has the id it always had for the default installation, and another for one with a name', () => {
    // As written to clusters before installations had names: another id would orphan everything there.
    expect(applySetId(nameApplySet(kustomization, 'default'))).toBe(
      'applyset-dYaKG_XtnxD-voJLPiC6D5xdSouy5YSFJbPqlk8GYKI-v1',
    );
    const named = ['team-a', 'team-b'].map((name) => nameApplySet(kustomization, name));
    expect(named.map(applySetParentName)).toEqual([
      'installation.team-a.kustomization.flux-system.podinfo',
      'installation.team-b.kustomization.flux-system.podinfo',
    ]);
    expect(new Set([kustomization, ...named].map(applySetId)).size).toBe(3);
  });

  it.each(['default', 'team-b'])('of installation %s is read back with its owner', (name) => {
    const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: './clusters/production' };
    const owned = { ...parent, kustomization: nameApplySet(kustomization, name), owner: { identity: 'it', place } };
    const { metadata } = buildParentObject(owned);
    const seen = { ...metadata, uid: 'u', resourceVersion: '1' };

    expect(readParent(seen)).toEqual({ ...owned, kinds: parent.kinds.toReversed() });
    expect(sameParent(seen, owned)).toBe(true);
    expect(sameParent(live(), owned)).toBe(false);
  });

  it.each([
    ['its own', { name: 'default', identity: 'one' }, true],
    ['one that it adopted', { name: 'default', identity: 'two', adopted: ['one'] }, true],
    ["another one's", { name: 'default', identity: 'two' }, false],
    ['one under another name', { name: 'team-b', identity: 'one' }, false],
  ])('is known as %s', (_what, { name, identity, adopted = [] }: Partial<Installation>, isOwn) => {
    const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: '.' };
    const installation = { name: name ?? '', identity: identity ?? '', place, adopted };

    expect(isOwnParent({ ...parent, owner: { identity: 'one' } }, 'another name of the cluster', installation)).toBe(
      isOwn,
    );
  });

  it.each([
    ['production', [], true],
    ['staging', [], false],
    ['staging', ['unknown'], true],
  ])('without an owner, in cluster %s of one that adopted %j: ours is %s', (cluster, adopted, isOwn) => {
    const place = { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: '.' };
    expect(isOwnParent(parent, cluster, { name: 'default', identity: 'one', place, adopted })).toBe(isOwn);
    expect(isOwnParent(parent, cluster, { name: 'team-b', identity: 'one', place, adopted })).toBe(false);
  });

  it('is read whatever blanks a person left in its lists', () => {
    const edited = live({ 'applyset.kubernetes.io/additional-namespaces': 'apps, team-b ,' });

    expect(readParent(edited)?.namespaces).toEqual(['apps', 'team-b']);
  });

  it.each([
    ['of another tool', { 'applyset.kubernetes.io/tooling': 'kubectl/v1.36' }],
    ['that names another Kustomization than its id', { 'tidegate.dev/kustomization': 'flux-system/other' }],
    ['whose Kustomization cannot be read', { 'tidegate.dev/kustomization': 'podinfo' }],
  ])('is not taken for one of ours when it is one %s', (_what, annotations) => {
    expect(readParent(live(annotations))).toBeUndefined();
  });

  it('keeps its members when nobody can tell any more what should become of them', () => {
    expect(readParent(live({ 'tidegate.dev/when-deleted': 'whatever' }))?.whenDeleted).toBe('keep');
  });

  it.each([
    ['MirrorPrune', true, false, 'prune'],
    ['MirrorPrune', false, false, 'orphan'],
    ['Delete', false, false, 'prune'],
    ['WaitForTermination', false, false, 'prune'],
    ['Orphan', true, false, 'orphan'],
    ['Delete', true, true, 'keep'],
  ] as const)('with deletionPolicy %s, prune %s, suspended %s, says %s', (deletionPolicy, prune, suspended, result) => {
    expect(whenDeleted({ deletionPolicy, prune }, suspended)).toBe(result);
  });
});
