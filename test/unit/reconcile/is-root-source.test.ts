import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { rootSources } from '#shared/reconcile/is-root-source.ts';

const HEAD = { url: 'https://github.com/acme/fleet-infra', revision: `main@sha1:${'a'.repeat(40)}` };

function repository(url: unknown, ref?: unknown): KubernetesObject {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'infra', namespace: 'flux-system' },
    spec: { url, ...(ref === undefined ? {} : { ref }) },
  };
}

describe('which source is the configuration repository', () => {
  it.each<readonly [boolean, unknown, unknown]>([
    [true, 'https://github.com/acme/fleet-infra', { branch: 'main' }],
    [true, 'https://github.com/acme/fleet-infra.git', { branch: 'main' }],
    [true, 'ssh://git@github.com/acme/fleet-infra', { branch: 'main', tag: '' }],
    [true, 'ssh://git@ssh.github.com:443/Acme/Fleet-Infra.git', { name: 'refs/heads/main' }],
    [true, 'https://github.com/acme/${repo}', { branch: 'main' }],
    [false, 'https://github.com/acme/fleet-infra', { branch: 'release' }],
    [false, 'https://github.com/acme/fleet-infra', undefined],
    [false, 'https://github.com/acme/fleet-infra', { branch: 'main', commit: 'a'.repeat(40) }],
    [false, 'https://github.com/acme/fleet-infra', { tag: 'main' }],
    [false, 'https://github.com/acme/fleet', { branch: 'main' }],
    [false, 'https://gitlab.com/acme/fleet-infra', { branch: 'main' }],
    [false, 'not a url', { branch: 'main' }],
    [false, 5, { branch: 'main' }],
  ])('%s: one of %s at %o', (expected, url, ref) => {
    const isRootSource = rootSources([repository(url, ref)], HEAD, (text) => text.replace('${repo}', 'fleet-infra'));

    expect(isRootSource({ namespace: 'flux-system', name: 'infra' })).toBe(expected);
    expect(isRootSource({ namespace: 'team', name: 'infra' })).toBe(false);
    expect(isRootSource({ namespace: 'flux-system', name: 'flux-system' })).toBe(true);
  });

  it('is only the one named so while its own address is unknown', () => {
    const isRootSource = rootSources([repository('nowhere')], { url: '', revision: '' }, (text) => text);

    expect(isRootSource({ namespace: 'flux-system', name: 'infra' })).toBe(false);
  });
});
