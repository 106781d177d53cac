import { parse } from 'yaml';
import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { GitCredentials } from '#shared/ports/git-remote.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import { githubWebOrigin } from '#shared/sources/source-url.ts';

import type { GitHubClient, GitHubToken } from './github-client.ts';
import { statusOf } from './to-tidegate-error.ts';

/** The keys of Flux's Secrets for Git over HTTPS. */
const FluxSecret = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  bearerToken: z.string().optional(),
});

/** Credentials for sources: our GitHub's by App or token, narrowed to the one repository; any other host's by the secret that the source names. */
export function createGitHubSourceCredentials(options: {
  readonly client: GitHubClient;
  readonly secrets: Secrets;
  readonly apiUrl: string;
}): SourceCredentials {
  return {
    async forSource({ cluster, url, secret }) {
      const repository = githubRepositoryOf(url, options.apiUrl);
      if (repository !== undefined) {
        const token = await readToken(options.client, repository);
        if (token !== undefined) {
          const { madeAt } = token;
          return { username: 'x-access-token', password: token.token, ...defined({ madeAt }) };
        }
      }
      if (secret === undefined) return undefined;
      return readFluxSecret(options.secrets, `tidegate/${cluster}/${secret.namespace}/${secret.name}`);
    },
  };
}

function githubRepositoryOf(url: string, apiUrl: string): { owner: string; name: string } | undefined {
  const parsed = new URL(url);
  if (parsed.origin.toLowerCase() !== githubWebOrigin(apiUrl).toLowerCase()) return undefined;
  const [, owner, name] = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/u.exec(parsed.pathname) ?? [];
  return owner === undefined || name === undefined ? undefined : { owner, name };
}

/** A repository that the App is not installed on may be public still, and is then read as anybody reads it. */
async function readToken(client: GitHubClient, repository: RepositoryId): Promise<GitHubToken | undefined> {
  try {
    return await client.tokenFor(repository, { contents: 'read' });
  } catch (error) {
    if (error instanceof Error && statusOf(error.cause) === 404) return undefined;
    throw error;
  }
}

async function readFluxSecret(secrets: Secrets, name: string): Promise<GitCredentials> {
  const text = await secrets.read(name);
  if (text === undefined) {
    throw refusal(name, 'is missing; add it with the keys username and password, or bearerToken, as JSON or YAML');
  }
  const parsed = FluxSecret.safeParse(readYaml(text));
  const { username, password, bearerToken } = parsed.success ? parsed.data : {};
  if (username !== undefined && password !== undefined) return { username, password };
  // Git hosts take a token as the password of any user.
  if (bearerToken !== undefined) return { username: 'x-access-token', password: bearerToken };
  throw refusal(name, 'has not the keys username and password, or bearerToken');
}

function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function refusal(name: string, fault: string): TidegateError {
  return new TidegateError('AuthenticationFailed', `secret "${name}" ${fault}`, {
    disposition: 'stall',
    subject: name,
  });
}
