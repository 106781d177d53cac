import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { APPLYSET_PART_OF_LABEL } from '#shared/kubernetes/names.ts';
import { ownsPartOfLabel } from '#shared/kubernetes/own-entry.ts';

/** Names the tool that owns an object we did not make; undefined when nobody, kubectl or we do. */
export function foreignOwner(live: LiveMetadata): string | undefined {
  if (ownsPartOfLabel(live)) return undefined;
  const labels = live.labels ?? {};
  const annotations = live.annotations ?? {};
  if (labels['kustomize.toolkit.fluxcd.io/name'] !== undefined) {
    return `Flux Kustomization ${labels['kustomize.toolkit.fluxcd.io/namespace'] ?? ''}/${labels['kustomize.toolkit.fluxcd.io/name']}`;
  }
  if (labels['helm.toolkit.fluxcd.io/name'] !== undefined) {
    return `Flux HelmRelease ${labels['helm.toolkit.fluxcd.io/namespace'] ?? ''}/${labels['helm.toolkit.fluxcd.io/name']}`;
  }
  const tracking = annotations['argocd.argoproj.io/tracking-id'] ?? labels['argocd.argoproj.io/instance'];
  if (tracking !== undefined) return `Argo CD application ${tracking.split(':')[0] ?? ''}`;
  const release = annotations['meta.helm.sh/release-name'];
  if (release !== undefined) return `Helm release ${annotations['meta.helm.sh/release-namespace'] ?? ''}/${release}`;
  const applySet = labels[APPLYSET_PART_OF_LABEL];
  return applySet === undefined ? undefined : `ApplySet ${applySet}`;
}
