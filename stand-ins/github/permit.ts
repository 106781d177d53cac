import type { Actor, Core } from './core.ts';
import { findRenamed, findRepository } from './core.ts';
import { forbidden, notFound, Problem } from './problem.ts';
import type { Installation, Permissions, Repository } from './state.ts';

const RANKS = { read: 1, write: 2, admin: 3 } as const;

/** Whether what is granted covers what is needed; metadata may always be read. */
export function covers(granted: Permissions, needed: Permissions): boolean {
  return Object.entries(needed).every(([name, level]) => {
    const has = granted[name] ?? (name === 'metadata' ? 'read' : undefined);
    return has !== undefined && RANKS[has] >= RANKS[level];
  });
}

/** Whether an installation reaches a repository. */
export function reaches(installation: Installation, repository: Repository): boolean {
  if (installation.repositoryIds !== 'all') return installation.repositoryIds.includes(repository.id);
  return installation.account.toLowerCase() === repository.owner.toLowerCase();
}

function isIncluded(actor: Actor, repository: Repository): boolean {
  if (actor.kind === 'user') {
    return actor.token.repositoryIds === 'all' || actor.token.repositoryIds.includes(repository.id);
  }
  if (actor.kind !== 'installation' || !reaches(actor.installation, repository)) return false;
  return actor.repositoryIds === 'all' || actor.repositoryIds.includes(repository.id);
}

function onlyReads(needs: readonly Permissions[]): boolean {
  return needs.some((alternative) => Object.values(alternative).every((level) => level === 'read'));
}

/** Lets an actor through to a repository, or refuses as GitHub does: 404 for what it may not see, 403 for what it may not do. */
export function permitRepository(
  core: Core,
  actor: Actor,
  owner: string,
  name: string,
  needs: readonly Permissions[],
): Repository {
  const repository = findRepository(core, owner, name) ?? findRenamed(core, owner, name);
  if (repository === undefined) throw notFound();
  if (actor.kind === 'app') throw new Problem(403, 'Resource not accessible by integration');
  const included = isIncluded(actor, repository);
  if (!included && repository.private) throw notFound();
  if (!included) {
    if (onlyReads(needs)) return repository;
    throw actor.kind === 'anonymous' ? new Problem(401, 'Requires authentication') : forbidden(needs);
  }
  if (actor.kind === 'installation' && !needs.some((alternative) => covers(actor.permissions, alternative))) {
    const readsPublic = !repository.private && onlyReads(needs);
    if (!readsPublic) throw forbidden(needs);
  }
  if (repository.archived && !onlyReads(needs)) throw new Problem(403, 'Repository was archived so is read-only.');
  return repository;
}
