import { runWithin } from '#shared/common/run-within.ts';
import { describeError, silentHostOf, TidegateError } from '#shared/common/tidegate-error.ts';
import { visitHosts } from '#shared/common/visit-hosts.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import type { ImageRepository } from '#shared/flux/kinds/image-repository.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { formatImageReference } from '#shared/images/image-reference.ts';
import type { ImageTag } from '#shared/images/image-tag.ts';
import { orderOfPolicy } from '#shared/images/select-tag.ts';
import type { TagOrder } from '#shared/images/tag-order.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';

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

/** The time that a run has. */
export interface ScanTime {
  readonly clock: Pick<Clock, 'now'>;
  /** When the run has to be done, milliseconds since the epoch. */
  readonly until: number;
}

/** Registries asked at the same time. */
const CONCURRENCY = 8;
/** What is left is too little to begin with another one. Milliseconds. */
const LEAST_MS = 5_000;

/**
 * Reads the tags of image repositories; one that cannot be read says so and leaves the others alone, and a registry that
 * does not answer is asked once.
 * @returns nothing of those that there was no time for.
 */
export async function scanImages(
  registry: ImageRegistry,
  repositories: readonly ImageRepository[],
  { clock, until }: ScanTime,
): Promise<readonly Scan[]> {
  const scans = new Map<ImageRepository, Scan>();
  const mostMs = (until - clock.now()) / 4;
  await visitHosts(repositories, {
    concurrency: CONCURRENCY,
    hostOf: ({ image }) => hostOf(image),
    visit: async (repository) => {
      try {
        const late = (): TidegateError => silent(hostOf(repository.image), `did not answer within ${mostMs / 1000} s`);
        const ms = Math.min(mostMs, until - clock.now());
        scans.set(repository, {
          repository,
          tags: await runWithin(ms, () => registry.listTags(repository.image), late),
        });
        return 'answered';
      } catch (error) {
        scans.set(repository, { repository, error });
        return silentHostOf(error) === undefined ? 'answered' : 'silent';
      }
    },
    skip: async (repository, host) => {
      scans.set(repository, {
        repository,
        error: silent(host, 'does not answer; it is asked once a run until it does'),
      });
    },
    isOutOfTime: () => until - clock.now() < LEAST_MS,
  });
  return repositories.flatMap((repository) => scans.get(repository) ?? []);
}

function hostOf(image: string): string {
  return image.split('/', 1)[0] ?? image;
}

function silent(host: string, what: string): TidegateError {
  return new TidegateError('RegistryUnavailable', `registry ${host} ${what}`, {
    disposition: 'retry',
    silentHost: host,
  });
}

/** Lets each policy of the scanned repositories choose; suspended ones keep what they said before. */
export function choosePolicies(fluxObjects: FluxObjects, scans: readonly Scan[]): readonly Choice[] {
  const byName = new Map(scans.map((scan) => [formatNamespacedName(scan.repository), scan]));
  return fluxObjects.imagePolicies.flatMap((policy) => {
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
