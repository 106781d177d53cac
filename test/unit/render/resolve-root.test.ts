import { describe, expect, it } from 'vitest';

import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { defaultRoot, resolveRoot } from '#shared/render/resolve-root.ts';

function kustomization(name: string, more: Partial<Kustomization> = {}): Kustomization {
  return { ...defaultRoot('./clusters/a'), name, ...more };
}

describe('resolving the root', () => {
  it.each([
    './clusters/a',
    'clusters/a',
    './clusters/a/',
    '/clusters/a',
    './clusters/./a',
    '../clusters/a',
    'x/../../clusters/a',
  ])('takes a Kustomization of the root source with the path %s for the root', (path) => {
    const declared = kustomization('flux-system', { path, prune: false });

    const resolved = resolveRoot([kustomization('apps', { path: './apps' }), declared], './clusters/a');

    expect(resolved).toMatchObject({ root: declared, declared: true, others: [{ name: 'apps' }], repeated: [] });
  });

  it('has defaults when nothing declares the root', () => {
    const elsewhere = kustomization('other', {
      sourceRef: { kind: 'GitRepository', namespace: 'flux-system', name: 'other' },
    });

    expect(resolveRoot([elsewhere], './clusters/a')).toMatchObject({
      root: { name: 'flux-system', prune: true, intervalMs: 600_000 },
      declared: false,
      others: [{ name: 'other' }],
    });
  });

  it('applies the root once when it is declared twice, by the one named as the root', () => {
    const resolved = resolveRoot([kustomization('a'), kustomization('flux-system')], 'clusters/a');

    expect(resolved).toMatchObject({ root: { name: 'flux-system' }, repeated: [{ name: 'a' }], others: [] });
  });
});
