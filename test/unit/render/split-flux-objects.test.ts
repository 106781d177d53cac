import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { splitFluxObjects } from '#shared/render/split-flux-objects.ts';

function object(apiVersion: string, kind: string, name: string, labels?: Record<string, string>): KubernetesObject {
  return { apiVersion, kind, metadata: { name, ...(labels !== undefined && { labels }) } };
}

const FLUX = { 'app.kubernetes.io/part-of': 'flux', 'app.kubernetes.io/instance': 'flux-system' };

describe('splitting what a render holds', () => {
  it.each<readonly [keyof ReturnType<typeof splitFluxObjects>, KubernetesObject]>([
    ['fluxObjects', object('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'a')],
    ['fluxObjects', object('helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'a')],
    ['fluxObjects', object('notification.toolkit.fluxcd.io/v1beta3', 'Alert', 'a', FLUX)],
    ['fluxObjects', object('tidegate.dev/v1alpha1', 'Pipeline', 'a')],
    ['fluxComponents', object('v1', 'Namespace', 'flux-system', FLUX)],
    ['fluxComponents', object('apps/v1', 'Deployment', 'source-controller', FLUX)],
    [
      'fluxComponents',
      object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'gitrepositories.source.toolkit.fluxcd.io'),
    ],
    ['fluxObjects', object('fluxcd.controlplane.io/v1', 'ResourceSet', 'a')],
    ['fluxObjects', object('fluxcd.controlplane.io/v1', 'ResourceSetInputProvider', 'a', FLUX)],
    ['fluxObjects', object('fluxcd.controlplane.io/v1', 'FluxReport', 'flux')],
    ['fluxObjects', object('source.extensions.fluxcd.io/v1beta1', 'ArtifactGenerator', 'a')],
    ['fluxObjects', object('helm.fluxcd.io/v1', 'HelmRelease', 'a')],
    ['fluxObjects', object('tides.fluxcd.io/v1', 'Tide', 'a')],
    ['fluxComponents', object('fluxcd.controlplane.io/v1', 'FluxInstance', 'flux')],
    [
      'fluxComponents',
      object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'artifactgenerators.source.extensions.fluxcd.io'),
    ],
    ['objects', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'resourcesets.fluxcd.controlplane.io')],
    ['objects', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'widgets.acme.dev')],
    ['objects', object('acme.notfluxcd.io/v1', 'Widget', 'a')],
    ['objects', object('v1', 'Namespace', 'flux-system')],
    ['objects', object('apps/v1', 'Deployment', 'web', { 'app.kubernetes.io/part-of': 'flux' })],
    ['objects', object('apps/v1', 'Deployment', 'web', { ...FLUX, 'app.kubernetes.io/part-of': 'fluxion' })],
    ['objects', object('kustomize.config.k8s.io/v1beta1', 'Kustomization', 'a')],
    ['objects', object('infra.contrib.fluxcd.io/v1alpha2', 'Terraform', 'a')],
  ])('counts to the %s what belongs there', (where, one) => {
    const split = splitFluxObjects([one]);

    expect(split[where]).toEqual([one]);
    expect(split.fluxObjects.length + split.objects.length + split.fluxComponents.length).toBe(1);
  });
});
