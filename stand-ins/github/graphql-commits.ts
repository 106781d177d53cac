import type { Core } from './core.ts';
import { gitDirectory, nodeId } from './core.ts';
import type { Commit } from './git-objects.ts';
import { readCommits } from './git-objects.ts';
import type { PageArguments } from './graphql-connection.ts';
import { connectionOf } from './graphql-connection.ts';
import type { Repository } from './state.ts';

/** A commit as GraphQL shows it. */
export function showCommitNode(core: Core, repository: Repository, commit: Commit): Record<string, unknown> {
  return {
    __typename: 'Commit',
    oid: commit.sha,
    id: nodeId('Commit', commit.sha),
    message: commit.message,
    url: `${core.url}/${repository.owner}/${repository.name}/commit/${commit.sha}`,
    committedDate: commit.committer.date,
    parents: async (page: PageArguments) => {
      const parents = await readCommits(gitDirectory(core, repository), commit.parents);
      return connectionOf(
        parents.map((parent) => showCommitNode(core, repository, parent)),
        page,
      );
    },
  };
}
