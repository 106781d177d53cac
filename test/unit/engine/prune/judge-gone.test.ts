import { describe, expect, it } from 'vitest';

import type { ApplySetParent } from '#shared/engine/inventory/apply-set-parent.ts';
import type { DesiredSet } from '#shared/engine/model/apply-request.ts';
import { judgeGone } from '#shared/engine/prune/judge-gone.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

describe('what a Kustomization that is gone came from', () => {
  const name = (text: string) => ({ namespace: 'flux-system', name: text });
  const parentOf = (text: string, declaredBy?: string): ApplySetParent => ({
    cluster: 'production',
    kustomization: name(text),
    kinds: [],
    namespaces: [],
    whenDeleted: 'prune',
    ...(declaredBy === undefined ? {} : { declaredBy: name(declaredBy) }),
  });
  const present = (text: string, children: readonly string[] = [], objects: readonly KubernetesObject[] = []) => ({
    id: name(text),
    revision: 'main@sha1:1',
    settings: {
      prune: true,
      force: false,
      wait: false,
      timeoutMs: 0,
      healthChecks: [],
      deletionPolicy: 'MirrorPrune' as const,
      dependsOn: [],
    },
    render: { kind: 'rendered' as const, objects },
    children: children.map(name),
  });
  const thing: KubernetesObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };

  it.each<[string, readonly DesiredSet[], readonly ApplySetParent[], string | undefined]>([
    ['the root, emptied', [present('root')], [parentOf('app', 'root')], 'root'],
    [
      'the root, through one that is gone, too',
      [present('root')],
      [parentOf('app', 'team'), parentOf('team', 'root')],
      'root',
    ],
    ['one below the root', [present('root', ['team']), present('team')], [parentOf('app', 'team')], 'team'],
    ['one that holds others', [present('root', ['other'])], [parentOf('app', 'root')], undefined],
    ['one that holds objects', [present('root', [], [thing])], [parentOf('app', 'root')], undefined],
    [
      'one that holds others, beside one that is empty',
      [present('root', ['x']), present('x')],
      [parentOf('app', 'root')],
      undefined,
    ],
    ['nobody knows which, and one is empty', [present('root', ['x']), present('x')], [parentOf('app')], 'x'],
    ['nobody knows which, and none is empty', [present('root', ['x'], [thing])], [parentOf('app')], undefined],
    ['each other, in a circle', [present('root')], [parentOf('app', 'team'), parentOf('team', 'app')], 'root'],
  ])('is told from one that was taken out: %s', (_from, sets, gone, emptied) => {
    const [first] = gone;
    const verdict = first === undefined ? undefined : judgeGone(sets, gone, () => true)(first);
    expect(verdict?.emptied?.name).toBe(emptied);
  });

  const keeping = (set: DesiredSet): DesiredSet => ({ ...set, settings: { ...set.settings, prune: false } });
  const broken = (set: DesiredSet): DesiredSet => ({
    ...set,
    render: { kind: 'failed', reason: 'BuildFailed', message: 'no' },
  });
  const suspended = (set: DesiredSet): DesiredSet => ({ ...set, render: { kind: 'suspended', ready: true } });
  const former = (whenDeleted: ApplySetParent['whenDeleted']) => ({ ...parentOf('team', 'root'), whenDeleted });
  const root = present('root', ['other']);
  const app = parentOf('app', 'root');

  it.each<[string, readonly DesiredSet[], readonly ApplySetParent[], object]>([
    ['one that prunes', [root], [app], { whenDeleted: 'prune' }],
    ['one that does not', [keeping(root)], [app], { whenDeleted: 'orphan', keptBy: name('root') }],
    ['one that is suspended', [suspended(root)], [app], { whenDeleted: 'keep', keptBy: name('root') }],
    [
      'one that is gone and did not prune',
      [root],
      [parentOf('app', 'team'), former('orphan')],
      { whenDeleted: 'orphan', keptBy: name('team') },
    ],
    [
      'one that was suspended when it went',
      [root],
      [parentOf('app', 'team'), former('keep')],
      { whenDeleted: 'keep', keptBy: name('team') },
    ],
    ['one that is gone and pruned', [root], [parentOf('app', 'team'), former('prune')], { whenDeleted: 'prune' }],
    ['one that is broken', [broken(root)], [app], { whenDeleted: 'prune', unapplied: name('root') }],
    [
      'nobody knows which, and one is broken',
      [root, broken(present('x'))],
      [parentOf('app')],
      { unapplied: name('x') },
    ],
    ['itself, which keeps', [broken(root)], [{ ...app, whenDeleted: 'orphan' }], { whenDeleted: 'orphan' }],
  ])('decides about its objects: %s', (_from, sets, gone, verdict) => {
    const [first] = gone;
    expect(first === undefined ? undefined : judgeGone(sets, gone, () => true)(first)).toMatchObject(verdict);
  });

  it('keeps them while an object of it is not applied', () => {
    const [set] = [present('root', [], [thing])];
    expect(judgeGone([set], [app], () => false)(app)).toEqual({ whenDeleted: 'prune', unapplied: name('root') });
  });
});
