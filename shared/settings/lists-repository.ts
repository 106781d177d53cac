import type { EcrImage } from '#shared/images/image-reference.ts';

import type { EcrRegistry } from './settings.ts';

/** Whether the settings of the installation list a repository of ECR, by its exact name or below a `prefix/*`. */
export function listsRepository(registries: readonly EcrRegistry[], image: EcrImage): boolean {
  return registries.some(
    ({ account, region, repositories }) =>
      account === image.account &&
      region === image.region &&
      repositories.some((pattern) =>
        pattern.endsWith('/*') ? image.repository.startsWith(pattern.slice(0, -1)) : pattern === image.repository,
      ),
  );
}
