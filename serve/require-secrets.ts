import { join } from 'node:path';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { Finding } from '#shared/settings/settings-places.ts';
import { formatSettingsPath } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** Finds the secrets that the settings name and nobody put into their place. */
export async function findMissingSecrets(
  { github, serve }: Pick<Settings, 'github' | 'serve'>,
  secrets: Secrets,
): Promise<readonly Finding[]> {
  const missing: Finding[] = [];
  for (const key of ['webhookSecret', 'privateKeySecret', 'tokenSecret'] as const) {
    const name = github[key];
    if (name === undefined) continue;
    const fault = await readFault(secrets, name);
    if (fault === undefined) continue;
    const message =
      fault === '' ? `is the secret ${name}: put its value into ${join(serve.secretsFolder, name)}` : fault;
    missing.push({ path: ['github', key], message });
  }
  return missing;
}

/**
 * Makes sure that every secret the settings name is there, before anything runs: from then on the logs know what to
 * leave out.
 * @throws TidegateError `SecretMissing` (stall) naming all that are missing and the files they belong into.
 */
export async function requireSecrets(settings: Settings, secrets: Secrets): Promise<void> {
  const missing = await findMissingSecrets(settings, secrets);
  if (missing.length === 0) return;
  const words = missing.map(({ path, message }) => `${formatSettingsPath(path)} ${message}`);
  throw new TidegateError('SecretMissing', words.join('; '), { disposition: 'stall' });
}

/** Nothing when the secret can be read, an empty text when it is not there. */
async function readFault(secrets: Secrets, name: string): Promise<string | undefined> {
  try {
    const value = await secrets.read(name);
    return value === undefined || value.trim() === '' ? '' : undefined;
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    return error.message;
  }
}
