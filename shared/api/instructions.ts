import type { GitRepository } from './git-repository.ts';
import type { ImagePolicy } from './image-policy.ts';
import type { ImageRepository } from './image-repository.ts';
import type { ImageUpdateAutomation } from './image-update-automation.ts';

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
