import { join } from 'node:path';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { Settings } from '#shared/settings/settings.ts';

/**
 * Makes sure that every secret the settings name is there, before anything runs: from then on the logs know what to
 * leave out.
 * @throws TidegateError `SecretMissing` (stall) naming all that are missing and the files they belong into.
 */
export async function requireSecrets(settings: Settings, secrets: Secrets): Promise<void> {
  const { webhookSecret, privateKeySecret, tokenSecret } = settings.github;
  const named = [
    ['github.webhookSecret', webhookSecret],
    ['github.privateKeySecret', privateKeySecret],
    ['github.tokenSecret', tokenSecret],
  ] as const;
  const missing: string[] = [];
  for (const [setting, name] of named) {
    if (name === undefined) continue;
    const value = await secrets.read(name);
    if (value === undefined || value.trim() === '') {
      missing.push(`${setting} is the secret ${name}: put its value into ${join(settings.serve.secretsFolder, name)}`);
    }
  }
  if (missing.length > 0) {
    throw new TidegateError('SecretMissing', missing.join('; '), { disposition: 'stall' });
  }
}
