import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';

import { changeRefs, lockRepository } from './change-refs.ts';
import { tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { apiUrl, gitDirectory, timestamp } from './core.ts';
import { readRef, updateRefs } from './git-refs.ts';
import { Problem, unprocessable } from './problem.ts';
import { runGit } from './run-git.ts';
import type { Account, Repository } from './state.ts';

/**
 * Gives a branch another name. Open pull requests into it go into the new name; those from it are closed. Who asks for the old
 * name is sent on, until there is a branch of that name again.
 */
export async function renameBranch(
  core: Core,
  repository: Repository,
  sender: Account,
  from: string,
  to: string,
): Promise<void> {
  const directory = gitDirectory(core, repository);
  await changeRefs(core, repository, sender, async () => {
    const sha = (await readRef(directory, `refs/heads/${from}`))?.sha;
    if (sha === undefined) throw new Problem(404, 'Branch not found');
    const updates = [
      { name: `refs/heads/${from}`, after: null, before: sha },
      { name: `refs/heads/${to}`, after: sha, before: null },
    ];
    if ((await updateRefs(directory, updates)) !== null) throw unprocessable(`Branch ${to} cannot be made`);
    if (repository.defaultBranch === from) {
      repository.defaultBranch = to;
      await runGit(directory, ['symbolic-ref', 'HEAD', `refs/heads/${to}`]);
    }
    repository.earlierBranches[from] = to;
    for (const pull of core.state.pulls) {
      if (pull.repositoryId !== repository.id || pull.state !== 'open' || pull.base !== from) continue;
      pull.base = to;
      pull.updatedAt = timestamp(core);
      const changes = { base: { ref: { from }, sha: { from: sha } } };
      await tellPull(core, repository, sender, pull, 'edited', { changes });
    }
  });
}

/** The name that a branch has now which had this one before. */
export function laterBranch(repository: Repository, name: string): string | null {
  return repository.earlierBranches[name] ?? null;
}

/** Gives a repository another name or owner; who asks for the old one is sent on, until there is a repository of that name again. */
export async function renameRepository(core: Core, repository: Repository, owner: string, name: string): Promise<void> {
  await lockRepository(core, repository, async () => {
    const before = gitDirectory(core, repository);
    repository.earlierNames.push(`${repository.owner}/${repository.name}`);
    Object.assign(repository, { owner, name });
    const after = gitDirectory(core, repository);
    await mkdir(path.dirname(after), { recursive: true });
    await rename(before, after);
    await core.save();
  });
}

/** The path under the current name of what is named by the number of its repository, as redirects do. */
export function namedPath(core: Core, pathname: string): string {
  const [, id = '', rest = ''] = /^\/repositories\/(\d+)(\/.*)?$/u.exec(pathname) ?? [];
  const repository = core.state.repositories.find((one) => String(one.id) === id);
  return repository === undefined ? pathname : `/repos/${repository.owner}/${repository.name}${rest}`;
}

/** Sends a request on to a repository by its number: what only reads for good, what writes with method and body as they are. */
export function movedTo(core: Core, repository: Repository, method: string, rest: string): Problem {
  const location = `${apiUrl(core)}/repositories/${repository.id}${rest}`;
  const status = method === 'GET' || method === 'HEAD' ? 301 : 307;
  return new Problem(
    status,
    status === 301 ? 'Moved Permanently' : 'Temporary Redirect',
    { url: location },
    { location },
  );
}
