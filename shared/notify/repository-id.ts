import type { RepositoryId } from '#shared/ports/change-host.ts';

/** Owner and name from `https://github.com/acme/fleet-infra` or `acme/fleet-infra`. */
export function parseRepositoryId(repository: string): RepositoryId | undefined {
  const path = URL.canParse(repository) ? new URL(repository).pathname : repository;
  const [, owner, name] = /^\/?([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/u.exec(path) ?? [];
  return owner === undefined || name === undefined ? undefined : { owner, name };
}
