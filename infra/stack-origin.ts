import type { Settings } from '#shared/settings/settings.ts';

/** Whose a stack is, as its template says it: another configuration repository's is none of our business. */
export function stackOrigin({ configRepository, installation }: Settings): Readonly<Record<string, string>> {
  return { ConfigRepository: configRepository.url, Branch: configRepository.branch, Installation: installation };
}
