import type { GitRepository } from './kinds/git-repository.ts';
import type { ImagePolicy } from './kinds/image-policy.ts';
import type { ImageRepository } from './kinds/image-repository.ts';
import type { ImageUpdateAutomation } from './kinds/image-update-automation.ts';
import type { Instruction } from './parse-flux-object.ts';

/**
 * What reconcile found in a cluster's folder and validated, for the workers that read no Git tree themselves
 * (source-sync, image-update). They trust only this record.
 */
export interface Instructions {
  readonly cluster: string;
  /** Revision of the configuration repository that was read: `main@sha1:<hex>`. */
  readonly revision: string;
  readonly gitRepositories: readonly GitRepository[];
  readonly imageRepositories: readonly ImageRepository[];
  readonly imagePolicies: readonly ImagePolicy[];
  readonly imageUpdateAutomations: readonly ImageUpdateAutomation[];
}

/** An instruction that is followed by another worker than the one that found it. */
export type FollowedInstruction = Exclude<Instruction, { readonly kind: 'Kustomization' }>;

/** All instructions one after the other, whatever their kind. */
export function listInstructions(instructions: Instructions): readonly FollowedInstruction[] {
  const { gitRepositories, imageRepositories, imagePolicies, imageUpdateAutomations } = instructions;
  return [
    ...gitRepositories.map((instruction) => ({ kind: 'GitRepository', instruction }) as const),
    ...imageRepositories.map((instruction) => ({ kind: 'ImageRepository', instruction }) as const),
    ...imagePolicies.map((instruction) => ({ kind: 'ImagePolicy', instruction }) as const),
    ...imageUpdateAutomations.map((instruction) => ({ kind: 'ImageUpdateAutomation', instruction }) as const),
  ];
}

/** Sorts instructions by their kinds, which keep the order in which they come. */
export function toInstructions(cluster: string, revision: string, found: readonly Instruction[]): Instructions {
  return {
    cluster,
    revision,
    gitRepositories: found.flatMap((one) => (one.kind === 'GitRepository' ? [one.instruction] : [])),
    imageRepositories: found.flatMap((one) => (one.kind === 'ImageRepository' ? [one.instruction] : [])),
    imagePolicies: found.flatMap((one) => (one.kind === 'ImagePolicy' ? [one.instruction] : [])),
    imageUpdateAutomations: found.flatMap((one) => (one.kind === 'ImageUpdateAutomation' ? [one.instruction] : [])),
  };
}
