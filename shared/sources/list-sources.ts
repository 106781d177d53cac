import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import { formatNamespacedName, ROOT_NAME, type SourceKey } from '#shared/flux/resource-key.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** One cluster's source and what its Flux objects say about it. */
export interface Source {
  readonly key: SourceKey;
  readonly repository: GitRepository;
}

const ROOT_INTERVAL_MS = 60_000;
const ROOT_TIMEOUT_MS = 60_000;

/**
 * Every source of every cluster: the configuration repository itself, and what its folder declares.
 * Where the root's address and branch come from the settings, a folder cannot lead its own cluster elsewhere.
 */
export function listSources(
  settings: Pick<Settings, 'configRepository' | 'clusters'>,
  fluxObjects: readonly FluxObjects[],
): readonly Source[] {
  return settings.clusters.flatMap(({ name: cluster }) => {
    const declared = fluxObjects.find((candidate) => candidate.cluster === cluster)?.gitRepositories ?? [];
    const root = declared.find(isRoot);
    const others = declared.filter((repository) => !isRoot(repository));
    return [rootRepository(settings, root), ...others].map((repository) => ({
      key: { cluster, kind: 'GitRepository', namespace: repository.namespace, name: repository.name },
      repository,
    }));
  });
}

function isRoot(repository: GitRepository): boolean {
  return formatNamespacedName(repository) === formatNamespacedName(ROOT_NAME);
}

function rootRepository(
  settings: Pick<Settings, 'configRepository'>,
  declared: GitRepository | undefined,
): GitRepository {
  return {
    ...ROOT_NAME,
    url: settings.configRepository.url,
    ref: { branch: settings.configRepository.branch },
    intervalMs: declared?.intervalMs ?? ROOT_INTERVAL_MS,
    timeoutMs: declared?.timeoutMs ?? ROOT_TIMEOUT_MS,
    suspend: declared?.suspend ?? false,
    ...(declared?.ignore === undefined ? {} : { ignore: declared.ignore }),
  };
}
