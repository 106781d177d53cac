import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createGitHubClient, type GitHubClient } from '#shared/adapters/github/github-client.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';

import { collectingLogger } from './github-for-tests.ts';

/** A repository that we reach as the user of a token. */
export interface RepositoryByToken {
  readonly client: GitHubClient;
  readonly repository: RepositoryId;
}

/** A repository of the GitHub at `apiUrl`, reached as the user of a token. */
export function openRepositoryByToken(apiUrl: string, token: string, fullName: string): RepositoryByToken {
  const [owner = '', name = '', ...rest] = fullName.split('/');
  if (owner === '' || name === '' || rest.length > 0) throw new Error(`repository "${fullName}" is not <owner>/<name>`);
  const client = createGitHubClient({
    clock: systemClock,
    settings: { apiUrl, tokenSecret: 'token' },
    secrets: { read: () => Promise.resolve(token) },
    version: '0.0.0-test',
    log: collectingLogger(),
  });
  return { client, repository: { owner, name } };
}

/** The repository on github.com that a maintainer lends to the contract suites; undefined, and then there are no cases, when there is none. */
export function repositoryOnGitHubDotCom(env: NodeJS.ProcessEnv): RepositoryByToken | undefined {
  const token = env['TIDEGATE_GITHUB_TOKEN'] ?? '';
  const fullName = env['TIDEGATE_GITHUB_REPOSITORY'] ?? '';
  if (token === '' && fullName === '') return undefined;
  if (token === '' || fullName === '') {
    throw new Error('TIDEGATE_GITHUB_TOKEN and TIDEGATE_GITHUB_REPOSITORY go together; set both or neither');
  }
  return openRepositoryByToken('https://api.github.com', token, fullName);
}
