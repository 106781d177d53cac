import { looksLikeSecret } from '#shared/common/redact-secrets.ts';

import type { Finding, SettingsPath } from './settings-places.ts';

/** Keys that can only hold a secret itself, and the setting that names it instead. */
const SECRET_KEYS: ReadonlyMap<string, string> = new Map([
  ['token', 'github.tokenSecret'],
  ['accesstoken', 'github.tokenSecret'],
  ['privatekey', 'github.privateKeySecret'],
  ['secret', 'github.webhookSecret'],
  ['password', 'github.tokenSecret'],
  ['clientsecret', 'github.privateKeySecret'],
]);

/** Finds secrets that somebody wrote into the settings. Never quotes them. */
export function findInlineSecrets(value: unknown, path: SettingsPath = []): readonly Finding[] {
  if (typeof value === 'string' && looksLikeSecret(value)) {
    return [{ path, message: `found what looks like a secret itself; ${advice(path.at(-1))}` }];
  }
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => findInlineSecrets(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const here = [...path, key];
    if (!SECRET_KEYS.has(key.toLowerCase())) return findInlineSecrets(item, here);
    return [{ path: here, message: `found a secret written into the settings; ${advice(key)}` }];
  });
}

function advice(key: string | number | undefined): string {
  const instead = SECRET_KEYS.get(String(key).toLowerCase());
  const named = instead === undefined ? 'write only its name here' : `give its name in ${instead}`;
  return `put the value into a file below serve.secretsFolder (Secrets Manager in AWS) and ${named}; then revoke this one, it has been in a file`;
}
