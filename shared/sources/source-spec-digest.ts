import { createHash } from 'node:crypto';

import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';

/** Changes when a source is told to read something else, or to keep other files of it. */
export function sourceSpecDigest(repository: GitRepository): string {
  const { branch, tag, semver, name, commit } = repository.ref;
  const read = [repository.url, branch, tag, semver, name, commit, repository.ignore, repository.secretRef];
  return createHash('sha256')
    .update(JSON.stringify(read.map((part) => part ?? null)))
    .digest('hex')
    .slice(0, 16);
}
