import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { retry } from '@octokit/plugin-retry';
import { z } from 'zod';

import { toTidegateError } from './to-tidegate-error.ts';

/** A GitHub on which an App is registered. */
export interface AppHost {
  readonly apiUrl: string;
  readonly version: string;
}

/** An App as GitHub hands it over, once. */
export interface RegisteredApp {
  readonly appId: number;
  readonly name: string;
  readonly htmlUrl: string;
  /** PEM. */
  readonly privateKey: string;
  /** Absent when GitHub made none. */
  readonly webhookSecret?: string;
}

const RetryingOctokit = Octokit.plugin(retry);
const REQUEST_TIMEOUT_MS = 30_000;
const FINAL = [400, 401, 403, 404, 409, 410, 422, 451];

const Conversion = z.object({
  id: z.int().min(1),
  name: z.string(),
  html_url: z.string(),
  pem: z.string().regex(/^-----BEGIN [A-Z ]+-----/u),
  webhook_secret: z.string().min(1).nullish(),
});

/** Exchanges the code that GitHub gave the browser for the App's id, key and webhook secret. */
export async function exchangeAppCode(host: AppHost, code: string): Promise<RegisteredApp> {
  try {
    const answer = await open(host).request('POST /app-manifests/{code}/conversions', { code });
    const { id, name, html_url: htmlUrl, pem, webhook_secret: secret } = Conversion.parse(answer.data);
    return {
      appId: id,
      name,
      htmlUrl,
      privateKey: pem,
      ...(typeof secret === 'string' ? { webhookSecret: secret } : {}),
    };
  } catch (error) {
    // What zod says quotes paths only, never the values.
    throw toTidegateError(error, 'key of the new GitHub App');
  }
}

/** Tells the App where its webhook goes, in JSON and over verified TLS; a secret only where GitHub made none. */
export async function setAppHook(
  host: AppHost,
  app: { readonly appId: number; readonly privateKey: string },
  hook: { readonly url: string; readonly secret?: string },
): Promise<void> {
  try {
    await open(host, { appId: app.appId, privateKey: app.privateKey }).request('PATCH /app/hook/config', {
      // Besides `data`, Octokit would take `url` for the address of the request itself.
      data: { url: hook.url, content_type: 'json', insecure_ssl: '0', ...(hook.secret && { secret: hook.secret }) },
    });
  } catch (error) {
    throw toTidegateError(error, 'webhook of the new GitHub App');
  }
}

function open(host: AppHost, auth?: { readonly appId: number; readonly privateKey: string }): Octokit {
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return new RetryingOctokit({
    ...(auth === undefined ? {} : { authStrategy: createAppAuth, auth }),
    baseUrl: host.apiUrl,
    userAgent: `tidegate/${host.version}`,
    log: silent,
    request: {
      fetch: (url: string | URL, init?: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }),
    },
    // Not in `request.retries`: with that, the plugin repeats also what it is told not to.
    retry: { doNotRetry: FINAL, retries: 2 },
  });
}
