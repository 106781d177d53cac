import type { EcrRegistry } from '#shared/settings/settings.ts';
import type { EcrRepository } from './parse-ecr-repository.ts';

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** Whether the settings of the installation let Tidegate read a repository. */
export function allowsRepository(registries: readonly EcrRegistry[], repository: EcrRepository): boolean {
  return registries.some(
    ({ account, region, repositories }) =>
      account === repository.account &&
      region === repository.region &&
      repositories.some((pattern) => matches(pattern, repository.name)),
  );
}
