import type { Core } from './core.ts';
import { apiUrl, findAccount, nodeId } from './core.ts';
import type { Account, App, Installation } from './state.ts';

/** An account as answers embed it. */
export function showAccount(core: Core, account: Account): Record<string, unknown> {
  const api = `${apiUrl(core)}/users/${encodeURIComponent(account.login)}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('User', account.id),
    avatar_url: `${core.url}/avatars/${account.id}`,
    gravatar_id: '',
    url: api,
    html_url: `${core.url}/${encodeURIComponent(account.login)}`,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: account.type,
    site_admin: false,
  };
}

/** The account with this login as answers embed it, or null. */
export function showLogin(core: Core, login: string | null): Record<string, unknown> | null {
  const account = login === null ? undefined : findAccount(core, login);
  return account === undefined ? null : showAccount(core, account);
}

/** An account on its own page. */
export function showProfile(core: Core, account: Account): Record<string, unknown> {
  const owned = core.state.repositories.filter((one) => one.owner === account.login && !one.private);
  return {
    ...showAccount(core, account),
    user_view_type: 'public',
    name: account.name,
    company: null,
    blog: null,
    location: null,
    email: account.email,
    hireable: null,
    bio: null,
    public_repos: owned.length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: account.createdAt,
    updated_at: account.createdAt,
  };
}

/** A GitHub App. */
export function showApp(core: Core, app: App): Record<string, unknown> {
  return {
    id: app.id,
    slug: app.slug,
    client_id: app.clientId,
    node_id: nodeId('App', app.id),
    owner: showLogin(core, app.owner),
    name: app.name,
    description: null,
    external_url: `${core.url}/apps/${app.slug}`,
    html_url: `${core.url}/apps/${app.slug}`,
    created_at: app.createdAt,
    updated_at: app.createdAt,
    permissions: { metadata: 'read', ...app.permissions },
    events: app.events,
    installations_count: core.state.installations.filter((one) => one.appId === app.id).length,
  };
}

/** An App's installation. */
export function showInstallation(core: Core, app: App, installation: Installation): Record<string, unknown> {
  const account = findAccount(core, installation.account);
  return {
    id: installation.id,
    account: showLogin(core, installation.account),
    repository_selection: installation.repositoryIds === 'all' ? 'all' : 'selected',
    access_tokens_url: `${apiUrl(core)}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${apiUrl(core)}/installation/repositories`,
    html_url: `${core.url}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account?.id ?? 0,
    target_type: account?.type ?? 'User',
    permissions: { metadata: 'read', ...installation.permissions },
    events: app.events,
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    suspended_by: installation.suspendedAt === null ? null : showLogin(core, installation.account),
    suspended_at: installation.suspendedAt,
  };
}
