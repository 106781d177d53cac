import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { retry } from '@octokit/plugin-retry';

import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QuietTimes } from '#shared/ports/quiet-times.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { GitHubSettings } from '#shared/settings/settings.ts';

import { parseAppKey } from './app-key.ts';
import { bePatient, PATIENCE_MS, type Credential } from './be-patient.ts';
import { createWritePace } from './pace-writes.ts';
import { createRecentWrites, type GitHubRequest } from './recent-writes.ts';
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
  tokenFor(repository: RepositoryId, permissions: GitHubPermissions): Promise<GitHubToken | undefined>;
  /** Login that our commits carry. */
  login(): Promise<string>;
}

/** A token, and since when GitHub's servers can know it. */
export interface GitHubToken extends Credential {
  readonly token: string;
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
  /** Where the ends of GitHub's limits are kept; without it, only whoever met one knows. */
  readonly quietTimes?: QuietTimes;
  /** How long to wait before each further try of what GitHub cannot know yet. */
  readonly patienceMs?: readonly number[];
  readonly clock: Clock;
  /** Until when the run that is under way waits for answers, in milliseconds since the epoch; for ever by default. */
  readonly deadline?: () => number;
}

type AppAuth = ReturnType<typeof createAppAuth>;
interface InstallationToken {
  readonly token: string;
  readonly createdAt: string;
}

/** What reaches a repository. */
interface Installation {
  readonly id: number;
  /** Of a repository that is asked for by a name that it had before: GitHub leads on from it, but makes no token for it. */
  readonly repositoryId?: number;
}

const ConfiguredOctokit = Octokit.plugin(retry);
const REQUEST_TIMEOUT_MS = 30_000;
const MOST_CLIENTS = 100;

/** Opens the GitHub of the settings; secrets are read when they are first needed. */
export function createGitHubClient(options: GitHubClientOptions): GitHubClient {
  const { settings, clock, deadline = () => Infinity } = options;
  const isPaced = options.paceWrites ?? settings.apiUrl === 'https://api.github.com';
  const pace = isPaced ? createWritePace(clock) : undefined;
  const installations = new Map<string, Promise<Installation>>();
  /** Who owns what an installation is for, by its number. */
  const owners = new Map<number, string>();
  const writes = createRecentWrites(() => clock.now());
  const opened = new Map<string, Octokit>();
  let app: { readonly secret: string; readonly auth: AppAuth } | undefined;
  let identity: Promise<string> | undefined;

  /** The App whose key the secret holds now: it may have been rotated, or another App put in its place. */
  async function appAuth(privateKeySecret: string): Promise<AppAuth> {
    const secret = await readSecret(options, privateKeySecret);
    if (app?.secret === secret) return app.auth;
    app = { secret, auth: openApp(privateKeySecret, secret) };
    installations.clear();
    identity = undefined;
    return app.auth;
  }

  async function installationOf(auth: AppAuth, { owner, name }: RepositoryId): Promise<Installation> {
    const key = `${owner}/${name}`;
    const known = installations.get(key);
    if (known !== undefined) return known;
    const found = forgetOnFailure(findInstallation(auth, { owner, name }), () => installations.delete(key));
    installations.set(key, found);
    return found;
  }

  async function findInstallation(auth: AppAuth, { owner, name }: RepositoryId): Promise<Installation> {
    const { token } = await auth({ type: 'app' });
    try {
      const octokit = open({ token, madeAt: undefined });
      const answer = await octokit.request('GET /repos/{owner}/{repo}/installation', { owner, repo: name });
      owners.set(answer.data.id, owner);
      const moved = /\/repositories\/(\d+)\/installation$/u.exec(new URL(answer.url).pathname)?.[1];
      return { id: answer.data.id, ...(moved === undefined ? {} : { repositoryId: Number(moved) }) };
    } catch (error) {
      throw toTidegateError(error, `installation of the GitHub App on ${owner}/${name}`);
    }
  }

  async function tokenFor(repository: RepositoryId, permissions: GitHubPermissions): Promise<GitHubToken | undefined> {
    if (settings.privateKeySecret === undefined) {
      if (settings.tokenSecret === undefined) return undefined;
      return { token: await readSecret(options, settings.tokenSecret), madeAt: undefined };
    }
    const auth = await appAuth(settings.privateKeySecret);
    const { id: installationId, repositoryId } = await installationOf(auth, repository);
    try {
      const answer: unknown = await auth({
        type: 'installation',
        installationId,
        ...(repositoryId === undefined ? { repositoryNames: [repository.name] } : { repositoryIds: [repositoryId] }),
        permissions: { ...permissions },
      });
      const { token, createdAt } = answer as InstallationToken;
      return { token, madeAt: Date.parse(createdAt) };
    } catch (error) {
      // The App may have been installed anew, which gives it another number.
      installations.delete(`${repository.owner}/${repository.name}`);
      throw toTidegateError(error, `token for ${repository.owner}/${repository.name}`, { permissions });
    }
  }

  async function readLogin(): Promise<string> {
    try {
      if (settings.privateKeySecret === undefined) {
        const octokit = open({ token: await readSecret(options, settings.tokenSecret ?? ''), madeAt: undefined });
        return (await octokit.request('GET /user')).data.login;
      }
      const { token } = await (await appAuth(settings.privateKeySecret))({ type: 'app' });
      const { data } = await open({ token, madeAt: undefined }).request('GET /app');
      return `${data?.slug ?? ''}[bot]`;
    } catch (error) {
      throw toTidegateError(error, 'identity on GitHub');
    }
  }

  function openApp(name: string, secret: string): AppAuth {
    const { appId, privateKey } = parseAppKey(secret, { name, appId: settings.appId });
    return createAppAuth({ appId, privateKey, request: open(undefined).request });
  }

  /** One client a token: what it learned of the token's age goes for every request. */
  function openOnce(token: GitHubToken, owner: string): Octokit {
    const key = `${owner.toLowerCase()} ${token.token}`;
    const known = opened.get(key);
    if (known !== undefined) return known;
    if (opened.size >= MOST_CLIENTS) opened.clear();
    const octokit = open(token, owner);
    opened.set(key, octokit);
    return octokit;
  }

  /** Whom a request of an App is about, whose own requests name an installation or a repository. */
  function ownerOfAppRequest(request: GitHubRequest): string | undefined {
    const { installation_id: id, owner } = request;
    if (typeof owner === 'string') return owner;
    return typeof id === 'number' ? owners.get(id) : undefined;
  }

  function open(token: GitHubToken | undefined, owner?: string): Octokit {
    const octokit = openOctokit(options, token?.token);
    bePatient(octokit, {
      clock,
      pace,
      deadline,
      log: options.log,
      writes,
      credential: { madeAt: token?.madeAt },
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      quietTimes: options.quietTimes,
      ownerOf: (request) => owner ?? ownerOfAppRequest(request),
    });
    return octokit;
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
      return openOnce(token, repository.owner);
    },
    login() {
      identity ??= forgetOnFailure(readLogin(), () => {
        identity = undefined;
      });
      return identity;
    },
  };
}

function openOctokit(options: GitHubClientOptions, token: string | undefined): Octokit {
  const { settings, version, log, retries = 3 } = options;
  return new ConfiguredOctokit({
    ...defined({ auth: token }),
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
    retry: { retries, doNotRetry: [400, 401, 403, 404, 409, 410, 422, 429, 451] },
  });
}

function fetchInTime(url: string | URL, init?: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const { signal } = init ?? {};
  return fetch(url, {
    ...init,
    signal: signal === undefined || signal === null ? timeout : AbortSignal.any([signal, timeout]),
  });
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
