import type { ImagePolicy } from '#shared/api/image-policy.ts';
import type { ImageRepository } from '#shared/api/image-repository.ts';
import type { Instructions } from '#shared/api/instructions.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import { describeError, TidegateError } from '#shared/errors/tidegate-error.ts';
import { formatImageReference } from '#shared/image/image-reference.ts';
import { orderOfPolicy } from '#shared/image/select-tag.ts';
import type { TagOrder } from '#shared/image/tag-order.ts';
import type { ImageRegistry, ImageTag } from '#shared/ports/image-registry.ts';

import { chooseImage, type PolicyCandidates } from './choose-values.ts';

/** The tags of an image repository as they are now, or why they could not be read. */
export type Scan =
  | { readonly repository: ImageRepository; readonly tags: readonly ImageTag[] }
  | { readonly repository: ImageRepository; readonly error: unknown };

/** What a policy picks from a scan, or why it picks nothing. */
export type Choice =
  | { readonly policy: ImagePolicy; readonly candidates: PolicyCandidates; readonly latest: string }
  | {
      readonly policy: ImagePolicy;
      readonly error: TidegateError;
      /** Where it can be read, and there is nothing to choose. */
      readonly allows?: TagOrder['allows'];
    };

/** Reads the tags of image repositories; one that cannot be read says so and leaves the others alone. */
export async function scanImages(
  registry: ImageRegistry,
  repositories: readonly ImageRepository[],
): Promise<readonly Scan[]> {
  return Promise.all(
    repositories.map(async (repository): Promise<Scan> => {
      try {
        return { repository, tags: await registry.listTags(repository.image) };
      } catch (error) {
        return { repository, error };
      }
    }),
  );
}

/** Lets each policy of the scanned repositories choose; suspended ones keep what they said before. */
export function choosePolicies(instructions: Instructions, scans: readonly Scan[]): readonly Choice[] {
  const byName = new Map(scans.map((scan) => [formatNamespacedName(scan.repository), scan]));
  return instructions.imagePolicies.flatMap((policy) => {
    const scan = byName.get(formatNamespacedName(policy.imageRepositoryRef));
    return scan === undefined || policy.suspend ? [] : [choose(policy, scan)];
  });
}

function choose(policy: ImagePolicy, scan: Scan): Choice {
  if ('error' in scan) {
    const message = `image repository ${formatNamespacedName(scan.repository)} could not be read: ${describeError(scan.error)}`;
    return {
      policy,
      error: new TidegateError('DependencyNotReady', message, { disposition: 'wait', cause: scan.error }),
    };
  }
  try {
    const order = orderOfPolicy(policy, scan.repository.exclusionList);
    const candidates = { policy, image: scan.repository.image, order, tags: scan.tags };
    const latest = chooseImage(candidates);
    if (latest !== undefined) return { policy, candidates, latest: formatImageReference(latest) };
    const message = `none of the ${scan.tags.length} tags of ${scan.repository.image} is allowed by the policy`;
    const error = new TidegateError('Failure', message, { disposition: 'wait' });
    return { policy, error, allows: (tag) => order.allows(tag) };
  } catch (error) {
    if (error instanceof TidegateError) return { policy, error };
    throw error;
  }
}
