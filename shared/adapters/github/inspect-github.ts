import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';

import type { RepositoryId } from '#shared/ports/change-host.ts';

import type { AppKey } from './app-key.ts';
import { statusOf, toTidegateError } from './to-tidegate-error.ts';

/** What an installation needs GitHub to allow. */
export interface GitHubNeeds {
  readonly repository: RepositoryId;
  readonly branch: string;
  /** `read` or `write` by the name of a permission. */
  readonly permissions: Readonly<Record<string, string>>;
  /** Webhook events of an App. */
  readonly events: readonly string[];
}

/** What stands in the way, by the setting that it is about. */
export interface GitHubFault {
  readonly about: 'api' | 'credential' | 'repository' | 'branch';
  readonly message: string;
}

/** How GitHub sees a credential. */
export interface GitHubInspection {
  /** `tidegate-acme[bot]`, or the login of the token's user; undefined when GitHub does not know it. */
  readonly actor: string | undefined;
  readonly faults: readonly GitHubFault[];
}

export interface InspectionOptions {
  readonly apiUrl: string;
  readonly version: string;
  readonly needs: GitHubNeeds;
}

const REQUEST_TIMEOUT_MS = 15_000;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Asks GitHub what a token may do in the repository. Changes nothing. */
export async function inspectToken(token: string, options: InspectionOptions): Promise<GitHubInspection> {
  const octokit = open(options, { auth: token });
  let login: string;
  try {
    login = (await octokit.request('GET /user')).data.login;
  } catch (error) {
    return { actor: undefined, faults: [faultOf(error, options, 'the token')] };
  }
  const { owner, name } = options.needs.repository;
  try {
    const { data, headers } = await octokit.request('GET /repos/{owner}/{repo}', { owner, repo: name });
    const scopes = scopesOf(headers['x-oauth-scopes']);
    const faults: GitHubFault[] = [];
    if (data.permissions?.push === false) {
      const message = `${login} may not push to ${owner}/${name}; allowed: a user with write access`;
      faults.push({ about: 'credential', message });
    }
    if (scopes !== undefined && !scopes.includes('repo') && (data.private || !scopes.includes('public_repo'))) {
      const message = `the token has the scopes ${scopes.join(', ')}; allowed: repo, or a fine-grained token with ${describePermissions(options)}`;
      faults.push({ about: 'credential', message });
    }
    return { actor: login, faults: [...faults, ...(await findMissingBranch(octokit, options))] };
  } catch (error) {
    if (statusOf(error) !== 404) return { actor: login, faults: [faultOf(error, options, 'the token')] };
    const message = `${owner}/${name} is not there for ${login}; allowed: a repository that the token reaches`;
    return { actor: login, faults: [{ about: 'repository', message }] };
  }
}

/** Asks GitHub what an App is, where it is installed and what it may do there. Changes nothing. */
export async function inspectApp(key: AppKey, options: InspectionOptions): Promise<GitHubInspection> {
  const { needs } = options;
  const { owner, name } = needs.repository;
  const asApp = open(options, { authStrategy: createAppAuth, auth: key });
  let actor: string | undefined;
  try {
    const { data: app } = await asApp.request('GET /app');
    if (app === null) throw new Error('GitHub says nothing of the App');
    actor = `${app.slug ?? app.name}[bot]`;
    const faults = findMissingRights(app, app.html_url, needs);
    const installation = await findInstallation(asApp, needs.repository);
    if (installation === undefined) {
      const message = `${actor} is not installed on ${owner}/${name}: install it on ${app.html_url}/installations/new`;
      return { actor, faults: [...faults, { about: 'repository', message }] };
    }
    if (installation.suspended_at !== null) {
      const message = `the installation of ${actor} on ${owner} is suspended: let it go on at ${installation.html_url}`;
      return { actor, faults: [...faults, { about: 'credential', message }] };
    }
    const unaccepted = missingPermissions(installation.permissions, needs.permissions);
    if (faults.length === 0 && unaccepted.length > 0) {
      const message = `${owner} has not accepted ${unaccepted.join(', ')} of ${actor} yet: accept it at ${installation.html_url}`;
      return { actor, faults: [{ about: 'credential', message }] };
    }
    const { id: installationId } = installation;
    const octokit = open(options, { authStrategy: createAppAuth, auth: { ...key, installationId } });
    return { actor, faults: [...faults, ...(await findMissingBranch(octokit, options))] };
  } catch (error) {
    return { actor, faults: [faultOf(error, options, `App ${key.appId}`)] };
  }
}

function findMissingRights(
  app: { readonly permissions: object; readonly events: readonly string[] },
  page: string,
  needs: GitHubNeeds,
): readonly GitHubFault[] {
  const missing = missingPermissions(app.permissions, needs.permissions);
  const unheard = needs.events.filter((event) => !app.events.includes(event));
  const settings = `change it in the settings of ${page}`;
  return [
    ...(missing.length === 0 ? [] : [`the App lacks the permissions ${missing.join(', ')}: ${settings}`]),
    ...(unheard.length === 0 ? [] : [`the App is not subscribed to ${unheard.join(', ')}: ${settings}`]),
  ].map((message) => ({ about: 'credential', message }));
}

async function findInstallation(octokit: Octokit, { owner, name }: RepositoryId) {
  try {
    return (await octokit.request('GET /repos/{owner}/{repo}/installation', { owner, repo: name })).data;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function findMissingBranch(octokit: Octokit, { needs }: InspectionOptions): Promise<readonly GitHubFault[]> {
  const { owner, name } = needs.repository;
  try {
    await octokit.request('GET /repos/{owner}/{repo}/branches/{branch}', { owner, repo: name, branch: needs.branch });
    return [];
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const message = `${owner}/${name} has no branch "${needs.branch}"; allowed: one that is there`;
    return [{ about: 'branch', message }];
  }
}

function missingPermissions(given: object, wanted: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(wanted).flatMap(([name, access]) => {
    const has: unknown = Reflect.get(given, name);
    return has === access || has === 'admin' || (access === 'read' && has === 'write') ? [] : [`${name}: ${access}`];
  });
}

function describePermissions({ needs }: InspectionOptions): string {
  return Object.entries(needs.permissions)
    .map(([name, access]) => `${name}: ${access}`)
    .join(', ');
}

/** The scopes of a classic token; undefined for the others, which have none. */
function scopesOf(header: unknown): readonly string[] | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  return header.split(/\s*,\s*/u);
}

function faultOf(error: unknown, { apiUrl }: InspectionOptions, who: string): GitHubFault {
  const status = statusOf(error);
  if (status === 401) {
    return { about: 'credential', message: `${apiUrl} does not accept ${who}: put a valid one in its place` };
  }
  const { message } = toTidegateError(error, apiUrl);
  return { about: status === 403 ? 'credential' : 'api', message: `${message}; allowed: the address of GitHub's API` };
}

function open({ apiUrl, version }: InspectionOptions, auth: Record<string, unknown>): Octokit {
  return new Octokit({
    ...auth,
    baseUrl: apiUrl,
    userAgent: `tidegate/${version}`,
    log: silent,
    request: {
      fetch: (url: string | URL, init?: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }),
    },
  });
}
