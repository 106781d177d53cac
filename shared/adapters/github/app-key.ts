import { z } from 'zod';

import { TidegateError } from '#shared/common/tidegate-error.ts';

/** Who a GitHub App is: its number and a private key of it. */
export interface AppKey {
  readonly appId: number;
  /** PEM. */
  readonly privateKey: string;
}

const PEM = /^-----BEGIN [A-Z ]+-----/u;
const KeyAndId = z.object({
  // A folder of secrets with a file a key has texts only.
  appId: z.union([z.int().min(1), z.string().regex(/^[1-9]\d{0,14}$/u)]).transform(Number),
  privateKey: z.string().regex(PEM),
});
const FORMS =
  'allowed: {"appId": 12345, "privateKey": "-----BEGIN…"} as `tidegate github-app create` writes it, or the private key (PEM) alone with github.appId in tidegate.yaml';

/**
 * Reads the secret of a GitHub App: its private key alone, or with the App's id.
 * @throws TidegateError `AuthenticationFailed` (stall) naming the secret and both forms, but nothing of its value.
 */
export function parseAppKey(
  secret: string,
  { name, appId }: { readonly name: string; readonly appId: number | undefined },
): AppKey {
  if (PEM.test(secret)) {
    if (appId !== undefined) return { appId, privateKey: secret };
    throw refuse(name, `holds a private key and no App ID, and github.appId is not set; ${FORMS}`);
  }
  const parsed = KeyAndId.safeParse(readJson(secret));
  if (!parsed.success) throw refuse(name, `holds no key of a GitHub App; ${FORMS}`);
  if (appId === undefined || appId === parsed.data.appId) return parsed.data;
  throw refuse(
    name,
    `is of App ${parsed.data.appId}, but github.appId in tidegate.yaml is ${appId}; allowed: the same, or no github.appId`,
  );
}

/** Writes the secret of a GitHub App as `parseAppKey` reads it. */
export function formatAppKey({ appId, privateKey }: AppKey): string {
  return JSON.stringify({ appId, privateKey });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuse(name: string, what: string): TidegateError {
  return new TidegateError('AuthenticationFailed', `secret "${name}" ${what}`, { disposition: 'stall', subject: name });
}
