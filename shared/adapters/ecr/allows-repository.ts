import type { EcrImage } from '#shared/image/image-reference.ts';
import type { EcrRegistry } from '#shared/settings/settings.ts';

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** Whether the settings of the installation let Tidegate read a repository. */
export function allowsRepository(registries: readonly EcrRegistry[], image: EcrImage): boolean {
  return registries.some(
    ({ account, region, repositories }) =>
      account === image.account &&
      region === image.region &&
      repositories.some((pattern) => matches(pattern, image.repository)),
  );
}
