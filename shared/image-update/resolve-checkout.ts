import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/flux/resource-key.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import { branchNameOf } from '#shared/pull-requests/branch-name.ts';
import { automationOwner } from '#shared/pull-requests/proposals.ts';
import { githubWebOrigin, normalizeSourceUrl } from '#shared/sources/source-url.ts';

/** Where an automation reads, and where it writes. */
export interface Checkout {
  readonly repository: RepositoryId;
  /** HTTP(S) address without credentials. */
  readonly url: string;
  /** Branch that is read, and that pull requests go into. */
  readonly base: string;
  /** Branch that is written. */
  readonly branch: string;
  /** The installation that writes there. */
  readonly installation: string;
  /** `push` writes the branch and opens nothing, as Flux does. */
  readonly mode: 'pull-request' | 'push';
}

/** The part of the settings that a checkout depends on. */
export interface CheckoutSettings {
  readonly configRepository: { readonly url: string; readonly branch: string };
  readonly githubApiUrl: string;
  readonly installation: string;
  /** What the branches of our pull requests begin with: `tidegate/`. */
  readonly branchPrefix: string;
}

/**
 * Finds the repository and the branches of an automation.
 *
 * @throws TidegateError `SourceNotFound` (wait), `InvalidSource` (stall).
 */
export function resolveCheckout(
  cluster: string,
  automation: ImageUpdateAutomation,
  gitRepositories: readonly GitRepository[],
  settings: CheckoutSettings,
): Checkout {
  const root = formatNamespacedName(automation.sourceRef) === formatNamespacedName(ROOT_NAME);
  const source = gitRepositories.find(
    ({ namespace, name }) => namespace === automation.sourceRef.namespace && name === automation.sourceRef.name,
  );
  if (source === undefined && !root) {
    throw new TidegateError(
      'SourceNotFound',
      `GitRepository ${formatNamespacedName(automation.sourceRef)} is not among the Flux objects of cluster ${cluster}`,
      { disposition: 'wait', subject: formatNamespacedName(automation) },
    );
  }
  // The root is what the settings say, whatever gotk-sync.yaml calls it.
  const url = normalizeSourceUrl(root ? settings.configRepository.url : (source?.url ?? ''), settings.githubApiUrl);
  const fallback = root ? settings.configRepository.branch : (source?.ref.branch ?? 'master');
  const base = automation.checkoutBranch ?? fallback;
  const owner = automationOwner(cluster, automation);
  const branch = automation.pushBranch ?? branchNameOf(settings.branchPrefix, owner);
  const mode = automation.pushBranch === undefined ? 'pull-request' : 'push';
  const { installation } = settings;
  return { repository: githubRepository(url, settings.githubApiUrl), installation, url, base, branch, mode };
}

/** Whether two names are one by GitHub's rules; a repository that was renamed has several. */
export function isSameRepository(one: RepositoryId, other: RepositoryId): boolean {
  return `${one.owner}/${one.name}`.toLowerCase() === `${other.owner}/${other.name}`.toLowerCase();
}

/**
 * Owner and name of a repository on the GitHub of the settings.
 *
 * @throws TidegateError `InvalidSource` (stall) for any other address.
 */
export function githubRepository(url: string, githubApiUrl: string): RepositoryId {
  const origin = githubWebOrigin(githubApiUrl);
  const [, owner, name] = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?$/u.exec(new URL(url).pathname) ?? [];
  if (new URL(url).origin.toLowerCase() !== origin.toLowerCase() || owner === undefined || name === undefined) {
    throw new TidegateError(
      'InvalidSource',
      `source ${url} is not ${origin}/<owner>/<repository>; images are updated only there`,
      {
        disposition: 'stall',
        subject: url,
      },
    );
  }
  return { owner, name };
}
