import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { applySetId, applySetParentName } from '#shared/apply/apply-set-id.ts';
import { buildParentObject, readParent, sameParent, whenDeleted } from '#shared/apply/apply-set-parent.ts';

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
