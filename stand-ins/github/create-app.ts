import { generateKeyPairSync, randomBytes } from 'node:crypto';

import type { Core } from './core.ts';
import { findAccount, nextId, timestamp } from './core.ts';
import type { Account, App, HookConfig, Permissions } from './state.ts';

/** An App as it is asked for. */
export type NewApp = {
  readonly slug: string;
  readonly name?: string;
  readonly owner?: string;
  readonly permissions: Permissions;
  readonly events?: readonly string[];
  readonly hook?: Pick<HookConfig, 'url'> & { readonly secret?: string };
};

/** A hook that sends JSON. */
export function hookConfig(hook: { readonly url: string; readonly secret?: string }): HookConfig {
  const secret = hook.secret === undefined ? {} : { secret: hook.secret };
  return { url: hook.url, content_type: 'json', insecure_ssl: '0', ...secret };
}

/** The account with this login, made when there is none. */
export function ensureAccount(core: Core, login: string, type: Account['type'] = 'User', name = login): Account {
  const known = findAccount(core, login);
  if (known !== undefined) return known;
  const id = nextId(core);
  const email = `${id}+${login}@users.noreply.github.com`;
  const account: Account = { id, login, type, name, email, createdAt: timestamp(core) };
  core.state.accounts.push(account);
  return account;
}

/** Registers an App with a key of its own. */
export function createApp(core: Core, wanted: NewApp): App {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const owner = ensureAccount(core, wanted.owner ?? 'tidegate-apps', 'Organization');
  ensureAccount(core, `${wanted.slug}[bot]`, 'Bot');
  const app: App = {
    id: nextId(core),
    slug: wanted.slug,
    name: wanted.name ?? wanted.slug,
    owner: owner.login,
    clientId: `Iv23${randomBytes(8).toString('hex')}`,
    privateKey: keys.privateKey,
    publicKey: keys.publicKey,
    permissions: wanted.permissions,
    events: wanted.events ?? ['push', 'pull_request'],
    hookId: nextId(core),
    createdAt: timestamp(core),
    hook: wanted.hook === undefined ? null : hookConfig(wanted.hook),
  };
  core.state.apps.push(app);
  return app;
}
