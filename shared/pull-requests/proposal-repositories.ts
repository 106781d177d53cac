import { tryResolveCheckout, type ClusterImages } from '#shared/image-update/automations-to-run.ts';
import { githubRepository, type CheckoutSettings } from '#shared/image-update/resolve-checkout.ts';
import { normalizeSourceUrl } from '#shared/sources/source-url.ts';

import type { ProposalRepository } from './read-proposals.ts';

/** The repositories in which our pull requests may be open: the configuration repository, and those that automations name. */
export function proposalRepositories(
  clusters: readonly ClusterImages[],
  settings: CheckoutSettings & { readonly clusters: readonly string[] },
): readonly ProposalRepository[] {
  const found = new Map<string, ProposalRepository>();
  const add = (cluster: string, url: string): void => {
    const repository = githubRepository(url, settings.githubApiUrl);
    const key = `${repository.owner}/${repository.name}`.toLowerCase();
    if (!found.has(key)) found.set(key, { cluster, repository, url });
  };
  for (const { fluxObjects } of clusters) {
    for (const automation of fluxObjects.imageUpdateAutomations) {
      const checkout = tryResolveCheckout(fluxObjects, automation, settings);
      if (checkout !== undefined) add(fluxObjects.cluster, checkout.url);
    }
  }
  const [cluster] = settings.clusters;
  if (cluster !== undefined) add(cluster, normalizeSourceUrl(settings.configRepository.url, settings.githubApiUrl));
  return [...found.values()];
}
