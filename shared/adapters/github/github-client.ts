import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';

import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { GitHubSettings } from '#shared/settings/settings.ts';

import { parseAppKey } from './app-key.ts';
import { toTidegateError } from './to-tidegate-error.ts';

/** What a token may do in the one repository it is minted for. */
export type GitHubPermissions = Readonly<
  Partial<Record<'contents' | 'pull_requests' | 'statuses' | 'metadata', 'read' | 'write'>>
>;

/** The GitHub of the settings, seen as the App or as the token's user. */
export interface GitHubClient {
  /** A client whose token reaches one repository and has these permissions, as far as the settings let us narrow it. */
  forRepository(repository: RepositoryId, permissions: GitHubPermissions): Promise<Octokit>;
  /** A token for git over HTTPS; undefined where the settings have no credentials. */
  tokenFor(repository: RepositoryId, permissions: GitHubPermissions): Promise<string | undefined>;
  /** Login that our commits carry. */
  login(): Promise<string>;
}

export interface GitHubClientOptions {
  readonly settings: Pick<GitHubSettings, 'apiUrl' | 'appId' | 'privateKeySecret' | 'tokenSecret'>;
  readonly secrets: Secrets;
  readonly version: string;
  readonly log: Logger;
  /** How often a failed request is made again; 3 by default. */
  readonly retries?: number;
  /** Leaves a second between writes, as github.com asks; by default there only, a server of one's own sets no such limit. */
  readonly paceWrites?: boolean;
}

type AppAuth = ReturnType<typeof createAppAuth>;
interface InstallationToken {
  readonly token: string;
}

const ConfiguredOctokit = Octokit.plugin(retry, throttling);
const REQUEST_TIMEOUT_MS = 30_000;

/** Opens the GitHub of the settings; secrets are read when they are first needed. */
export function createGitHubClient(options: GitHubClientOptions): GitHubClient {
  const { settings } = options;
  const installations = new Map<string, Promise<number>>();
  let app: { readonly secret: string; readonly auth: AppAuth } | undefined;
  let identity: Promise<string> | undefined;

  /** The App whose key the secret holds now: it may have been rotated, or another App put in its place. */
  async function appAuth(privateKeySecret: string): Promise<AppAuth> {
    const secret = await readSecret(options, privateKeySecret);
    if (app?.secret === secret) return app.auth;
    app = { secret, auth: openApp(options, privateKeySecret, secret) };
    installations.clear();
    identity = undefined;
    return app.auth;
  }

  async function installationOf(auth: AppAuth, { owner, name }: RepositoryId): Promise<number> {
    const key = `${owner}/${name}`;
    const known = installations.get(key);
    if (known !== undefined) return known;
    const found = forgetOnFailure(findInstallation(auth, { owner, name }), () => installations.delete(key));
    installations.set(key, found);
    return found;
  }

  async function findInstallation(auth: AppAuth, { owner, name }: RepositoryId): Promise<number> {
    const { token } = await auth({ type: 'app' });
    try {
      const octokit = open(options, token);
      const answer = await octokit.request('GET /repos/{owner}/{repo}/installation', { owner, repo: name });
      return answer.data.id;
    } catch (error) {
      throw toTidegateError(error, `installation of the GitHub App on ${owner}/${name}`);
    }
  }

  async function tokenFor(repository: RepositoryId, permissions: GitHubPermissions): Promise<string | undefined> {
    if (settings.privateKeySecret === undefined) {
      return settings.tokenSecret === undefined ? undefined : readSecret(options, settings.tokenSecret);
    }
    const auth = await appAuth(settings.privateKeySecret);
    const installationId = await installationOf(auth, repository);
    try {
      const answer: unknown = await auth({
        type: 'installation',
        installationId,
        repositoryNames: [repository.name],
        permissions: { ...permissions },
      });
      return (answer as InstallationToken).token;
    } catch (error) {
      // The App may have been installed anew, which gives it another number.
      installations.delete(`${repository.owner}/${repository.name}`);
      throw toTidegateError(error, `token for ${repository.owner}/${repository.name}`);
    }
  }

  async function readLogin(): Promise<string> {
    try {
      if (settings.privateKeySecret === undefined) {
        const octokit = open(options, await readSecret(options, settings.tokenSecret ?? ''));
        return (await octokit.request('GET /user')).data.login;
      }
      const { token } = await (await appAuth(settings.privateKeySecret))({ type: 'app' });
      const { data } = await open(options, token).request('GET /app');
      return `${data?.slug ?? ''}[bot]`;
    } catch (error) {
      throw toTidegateError(error, 'identity on GitHub');
    }
  }

  return {
    tokenFor,
    async forRepository(repository, permissions) {
      const token = await tokenFor(repository, permissions);
      if (token === undefined) {
        throw new TidegateError(
          'AuthenticationFailed',
          'settings name neither github.privateKeySecret nor github.tokenSecret',
          {
            disposition: 'stall',
            subject: `${repository.owner}/${repository.name}`,
          },
        );
      }
      return open(options, token);
    },
    login() {
      identity ??= forgetOnFailure(readLogin(), () => {
        identity = undefined;
      });
      return identity;
    },
  };
}

function openApp(options: GitHubClientOptions, name: string, secret: string): AppAuth {
  const { appId, privateKey } = parseAppKey(secret, { name, appId: options.settings.appId });
  return createAppAuth({ appId, privateKey, request: open(options, undefined).request });
}

function open(options: GitHubClientOptions, token: string | undefined): Octokit {
  const { settings, version, log, retries = 3 } = options;
  return new ConfiguredOctokit({
    ...(token === undefined ? {} : { auth: token }),
    baseUrl: settings.apiUrl,
    userAgent: `tidegate/${version}`,
    // Octokit's own log lines name URLs only, but nothing of them is needed above debug.
    log: {
      debug: () => {},
      info: () => {},
      warn: (message) => log.debug(message),
      error: (message) => log.debug(message),
    },
    request: { fetch: fetchInTime },
    // Under `request`, retries would hold for every refusal too.
    retry: { retries, doNotRetry: [400, 401, 403, 404, 409, 410, 422, 451] },
    throttle: {
      enabled: options.paceWrites ?? settings.apiUrl === 'https://api.github.com',
      onRateLimit: (retryAfter, request, _octokit, attempt) => mayWait(log, 'rate limit', retryAfter, request, attempt),
      onSecondaryRateLimit: (retryAfter, request, _octokit, attempt) =>
        mayWait(log, 'secondary rate limit', retryAfter, request, attempt),
    },
  });
}

/** GitHub is waited for where a worker can afford it; otherwise the message comes back later. */
function mayWait(
  log: Logger,
  limit: string,
  retryAfter: number,
  request: { readonly method?: unknown; readonly url?: unknown },
  attempt: number,
): boolean {
  log.warn('GitHub asks to wait', { limit, retryAfter, method: String(request.method), url: String(request.url) });
  return retryAfter <= 60 && attempt < 2;
}

function fetchInTime(url: string | URL, init?: RequestInit): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
}

async function readSecret(options: GitHubClientOptions, name: string): Promise<string> {
  const value = name === '' ? undefined : await options.secrets.read(name);
  if (value === undefined || value.trim() === '') {
    throw new TidegateError('AuthenticationFailed', `secret "${name}" for GitHub is missing; add it under this name`, {
      disposition: 'stall',
      subject: name,
    });
  }
  return value.trim();
}

function forgetOnFailure<T>(promise: Promise<T>, forget: () => void): Promise<T> {
  promise.catch(forget);
  return promise;
}
