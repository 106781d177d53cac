import { createVerify } from 'node:crypto';

import type { Actor, Core } from './core.ts';
import { findAccount } from './core.ts';
import { forbidden, Problem } from './problem.ts';
import type { App } from './state.ts';

const MAX_LIFETIME_SECONDS = 600;
const DRIFT_SECONDS = 60;

function badCredentials(): Problem {
  return new Problem(401, 'Bad credentials');
}

/** The account that the App is installed on has paused it. */
export function suspended(): Problem {
  return new Problem(403, 'This installation has been suspended');
}

function parsePart(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Not a JSON web token: answered below as GitHub does.
  }
  throw new Problem(401, 'A JSON web token could not be decoded');
}

function verifyAppToken(core: Core, token: string): App {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = parsePart(payload);
  if (parsePart(header)['alg'] !== 'RS256') throw new Problem(401, 'A JSON web token could not be decoded');
  const app = core.state.apps.find((one) => String(one.id) === String(claims['iss']) || one.clientId === claims['iss']);
  if (app === undefined) throw new Problem(401, 'Integration not found');
  const signed = createVerify('RSA-SHA256').update(`${header}.${payload}`);
  if (!signed.verify(app.publicKey, signature, 'base64url')) {
    throw new Problem(401, 'A JSON web token could not be decoded');
  }
  const now = core.now().getTime() / 1000;
  const { iat, exp } = claims;
  if (typeof iat !== 'number' || iat > now + DRIFT_SECONDS) {
    throw new Problem(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (typeof exp !== 'number' || exp <= now) {
    throw new Problem(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + MAX_LIFETIME_SECONDS + DRIFT_SECONDS) {
    throw new Problem(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  return app;
}

function actorOfToken(core: Core, value: string): Actor {
  const token = core.state.tokens.find((one) => one.token === value);
  if (token === undefined) throw badCredentials();
  if (token.kind === 'user') {
    const account = findAccount(core, token.login);
    if (account === undefined) throw badCredentials();
    return { kind: 'user', account, token };
  }
  const installation = core.state.installations.find((one) => one.id === token.installationId);
  const app = core.state.apps.find((one) => one.id === installation?.appId);
  const account = findAccount(core, `${app?.slug}[bot]`);
  if (installation === undefined || app === undefined || account === undefined) throw badCredentials();
  if (Date.parse(token.expiresAt) <= core.now().getTime()) throw badCredentials();
  if (installation.suspendedAt !== null) throw suspended();
  const young = core.lag.tokenRefused(value);
  if (young !== null) throw young === 401 ? badCredentials() : forbidden();
  const { repositoryIds, permissions } = token;
  return { kind: 'installation', app, account, installation, repositoryIds, permissions, token };
}

/** Says who makes a request, from its Authorization header. */
export function authenticate(core: Core, header: string | undefined): Actor {
  if (header === undefined || header === '') return { kind: 'anonymous' };
  const space = header.indexOf(' ');
  const scheme = header.slice(0, space).toLowerCase();
  const value = header.slice(space + 1).trim();
  if (scheme === 'basic') {
    const decoded = Buffer.from(value, 'base64').toString();
    const password = decoded.slice(decoded.indexOf(':') + 1);
    return actorOfToken(core, password === '' ? decoded.slice(0, -1) : password);
  }
  if (scheme !== 'bearer' && scheme !== 'token') throw badCredentials();
  if (value.split('.').length === 3) return { kind: 'app', app: verifyAppToken(core, value) };
  return actorOfToken(core, value);
}
