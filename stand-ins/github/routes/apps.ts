import { randomBytes } from 'node:crypto';

import { suspended } from '../authenticate.ts';
import type { Exchange, Route } from '../core.ts';
import { findAccount, findRepository } from '../core.ts';
import { answerPage } from '../paginate.ts';
import { covers, reaches } from '../permit.ts';
import { notFound, Problem, unprocessable } from '../problem.ts';
import { insecureOf, objectOf, textOf, textsOf } from '../read-body.ts';
import { showApp, showInstallation, showProfile } from '../show-account.ts';
import { showRepository } from '../show-repository.ts';
import type { App, HookConfig, Installation, Permissions, Repository } from '../state.ts';
import { onApp } from './route.ts';

const HOUR_MS = 3_600_000;

function installationOf(exchange: Exchange, app: App): Installation {
  const id = Number(exchange.params['installation_id']);
  const found = exchange.core.state.installations.find((one) => one.id === id && one.appId === app.id);
  if (found === undefined) throw notFound();
  return found;
}

function isLevel(value: unknown): value is 'read' | 'write' | 'admin' {
  return value === 'read' || value === 'write' || value === 'admin';
}

function narrowPermissions(exchange: Exchange, installation: Installation): Permissions {
  const asked = objectOf(exchange.body, 'permissions');
  if (asked === undefined) return { metadata: 'read', ...installation.permissions };
  const wanted = Object.fromEntries(
    Object.entries(asked).flatMap(([name, level]) => (isLevel(level) ? [[name, level] as const] : [])),
  );
  if (!covers(installation.permissions, wanted)) {
    throw unprocessable('The permissions requested are not granted to this installation.');
  }
  return { metadata: 'read', ...wanted };
}

function narrowRepositories(exchange: Exchange, installation: Installation): Repository[] | 'all' {
  const { core, body } = exchange;
  const names = textsOf(body, 'repositories');
  const ids = Array.isArray(body['repository_ids']) ? body['repository_ids'].map(Number) : undefined;
  if (names === undefined && ids === undefined) return 'all';
  const found = [
    ...(names ?? []).map((name) => findRepository(core, installation.account, name)),
    ...(ids ?? []).map((id) => core.state.repositories.find((one) => one.id === id)),
  ];
  return found.map((repository) => {
    if (repository !== undefined && reaches(installation, repository)) return repository;
    throw unprocessable(
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  });
}

function createToken(exchange: Exchange, app: App) {
  const { core } = exchange;
  const installation = installationOf(exchange, app);
  if (installation.suspendedAt !== null) throw suspended();
  const repositories = narrowRepositories(exchange, installation);
  const permissions = narrowPermissions(exchange, installation);
  const token = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, '0')}`;
  const expiresAt = new Date(core.now().getTime() + HOUR_MS).toISOString().replace(/\.\d+Z$/, 'Z');
  const repositoryIds =
    repositories === 'all' ? installation.repositoryIds : repositories.map((repository) => repository.id);
  core.state.tokens = core.state.tokens.filter(
    (one) => one.kind === 'user' || Date.parse(one.expiresAt) > core.now().getTime() - HOUR_MS,
  );
  core.lag.tokenMade(token);
  core.state.tokens.push({
    kind: 'installation',
    token,
    installationId: installation.id,
    repositoryIds,
    permissions,
    expiresAt,
  });
  return {
    status: 201,
    body: {
      token,
      expires_at: expiresAt,
      permissions,
      repository_selection: repositoryIds === 'all' ? 'all' : 'selected',
      ...(repositories === 'all' ? {} : { repositories: repositories.map((one) => showRepository(core, one)) }),
    },
  };
}

/** Hands out what an App was given at its making, once for each code. */
function convertManifest({ core, params }: Exchange) {
  const now = core.now().getTime();
  const found = core.state.manifestCodes.find((one) => one.code === params['code'] && Date.parse(one.expiresAt) > now);
  const app = core.state.apps.find((one) => one.id === found?.appId);
  if (found === undefined || app === undefined) throw notFound();
  core.state.manifestCodes = core.state.manifestCodes.filter((one) => one !== found);
  const body = {
    ...showApp(core, app),
    client_id: app.clientId,
    client_secret: randomBytes(20).toString('hex'),
    webhook_secret: app.hook?.secret ?? null,
    pem: app.privateKey,
  };
  return { status: 201, body };
}

function showHookConfig(hook: HookConfig | null): Record<string, unknown> {
  if (hook === null) throw notFound();
  return { ...hook, ...(hook.secret === undefined ? {} : { secret: '********' }) };
}

function findInstallation(exchange: Exchange, app: App) {
  const { core, params } = exchange;
  const repository = findRepository(core, params['owner'] ?? '', params['repo'] ?? '');
  const found = core.state.installations.find(
    (one) => one.appId === app.id && repository !== undefined && reaches(one, repository),
  );
  if (found === undefined) throw notFound();
  return { status: 200, body: showInstallation(core, app, found) };
}

/** Apps, their installations and tokens, and who is who. */
export const appRoutes: readonly Route[] = [
  onApp('GET', '/app', (exchange, app) => ({ status: 200, body: showApp(exchange.core, app) })),
  onApp('GET', '/app/installations', async (exchange, app) => {
    const installations = exchange.core.state.installations.filter((one) => one.appId === app.id);
    return await answerPage(exchange, installations, (one) => showInstallation(exchange.core, app, one));
  }),
  onApp('GET', '/app/installations/{installation_id}', (exchange, app) => ({
    status: 200,
    body: showInstallation(exchange.core, app, installationOf(exchange, app)),
  })),
  onApp('POST', '/app/installations/{installation_id}/access_tokens', createToken),
  onApp('GET', '/repos/{owner}/{repo}/installation', findInstallation),
  { method: 'POST', template: '/app-manifests/{code}/conversions', needs: 'nothing', handle: convertManifest },
  onApp('GET', '/app/hook/config', (_exchange, app) => ({ status: 200, body: showHookConfig(app.hook) })),
  onApp('PATCH', '/app/hook/config', ({ body }, app) => {
    const url = textOf(body, 'url') ?? app.hook?.url;
    if (url === undefined) throw unprocessable('Url cannot be blank');
    const secret = textOf(body, 'secret') ?? app.hook?.secret;
    app.hook = {
      url,
      content_type: textOf(body, 'content_type') === 'form' ? 'form' : 'json',
      insecure_ssl: insecureOf(body['insecure_ssl']),
      ...(secret === undefined ? {} : { secret }),
    };
    return { status: 200, body: showHookConfig(app.hook) };
  }),
  {
    method: 'GET',
    template: '/installation/repositories',
    needs: 'nothing',
    handle: (exchange) => {
      const { core, actor } = exchange;
      if (actor.kind !== 'installation') {
        throw new Problem(
          403,
          'You must authenticate with an installation access token in order to list repositories for an installation.',
        );
      }
      const ids = actor.repositoryIds;
      const all = core.state.repositories.filter(
        (one) => reaches(actor.installation, one) && (ids === 'all' || ids.includes(one.id)),
      );
      const selection = ids === 'all' ? 'all' : 'selected';
      const body = {
        total_count: all.length,
        repository_selection: selection,
        repositories: all.map((one) => showRepository(core, one)),
      };
      return { status: 200, body };
    },
  },
  {
    method: 'GET',
    template: '/user',
    needs: 'nothing',
    handle: ({ core, actor }) => {
      if (actor.kind === 'anonymous' || actor.kind === 'app') throw new Problem(401, 'Requires authentication');
      if (actor.kind === 'installation') throw new Problem(403, 'Resource not accessible by integration');
      return { status: 200, body: showProfile(core, actor.account) };
    },
  },
  {
    method: 'GET',
    template: '/users/{username}',
    needs: 'nothing',
    handle: ({ core, params }) => {
      const account = findAccount(core, params['username'] ?? '');
      if (account === undefined) throw notFound();
      return { status: 200, body: showProfile(core, account) };
    },
  },
  {
    method: 'GET',
    template: '/apps/{app_slug}',
    needs: 'nothing',
    handle: ({ core, params }) => {
      const app = core.state.apps.find((one) => one.slug === params['app_slug']);
      if (app === undefined) throw notFound();
      return { status: 200, body: showApp(core, app) };
    },
  },
];
