import type { GitRepository } from './kinds/git-repository.ts';
import type { ImagePolicy } from './kinds/image-policy.ts';
import type { ImageRepository } from './kinds/image-repository.ts';
import type { ImageUpdateAutomation } from './kinds/image-update-automation.ts';
import type { FluxObject } from './parse-flux-object.ts';

/**
 * What reconcile found in a cluster's folder and validated, for the workers that read no Git tree themselves
 * (source-sync, image-update). They trust only this record.
 */
export interface FluxObjects {
  readonly cluster: string;
  /** Revision of the configuration repository that was read: `main@sha1:<hex>`. */
  readonly revision: string;
  readonly gitRepositories: readonly GitRepository[];
  readonly imageRepositories: readonly ImageRepository[];
  readonly imagePolicies: readonly ImagePolicy[];
  readonly imageUpdateAutomations: readonly ImageUpdateAutomation[];
}

/** A Flux object that is followed by another worker than the one that found it. */
export type FollowedFluxObject = Exclude<FluxObject, { readonly kind: 'Kustomization' }>;

/** All Flux objects one after the other, whatever their kind. */
export function listFluxObjects(fluxObjects: FluxObjects): readonly FollowedFluxObject[] {
  const { gitRepositories, imageRepositories, imagePolicies, imageUpdateAutomations } = fluxObjects;
  return [
    ...gitRepositories.map((fluxObject) => ({ kind: 'GitRepository', fluxObject }) as const),
    ...imageRepositories.map((fluxObject) => ({ kind: 'ImageRepository', fluxObject }) as const),
    ...imagePolicies.map((fluxObject) => ({ kind: 'ImagePolicy', fluxObject }) as const),
    ...imageUpdateAutomations.map((fluxObject) => ({ kind: 'ImageUpdateAutomation', fluxObject }) as const),
  ];
}

/** Sorts Flux objects by their kinds, which keep the order in which they come. */
export function toFluxObjects(cluster: string, revision: string, found: readonly FluxObject[]): FluxObjects {
  return {
    cluster,
    revision,
    gitRepositories: found.flatMap((one) => (one.kind === 'GitRepository' ? [one.fluxObject] : [])),
    imageRepositories: found.flatMap((one) => (one.kind === 'ImageRepository' ? [one.fluxObject] : [])),
    imagePolicies: found.flatMap((one) => (one.kind === 'ImagePolicy' ? [one.fluxObject] : [])),
    imageUpdateAutomations: found.flatMap((one) => (one.kind === 'ImageUpdateAutomation' ? [one.fluxObject] : [])),
  };
}
