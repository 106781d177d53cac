import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';
import type { ApplySetParent } from '#shared/apply/apply-set-parent.ts';
import type { DesiredSet } from '#shared/apply/desired-state.ts';
import { findEmptied } from '#shared/apply/find-emptied.ts';

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
    expect(first === undefined ? undefined : findEmptied(sets, gone)(first).emptied?.name).toBe(emptied);
  });
});
