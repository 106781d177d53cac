import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { classifyAwsFailure, nameAwsFailure } from '#shared/errors/classify-aws-failure.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

const NAME = /^[A-Za-z0-9_+=.@-]+(?:\/[A-Za-z0-9_+=.@-]+)*$/u;
const Keys = z.record(z.string(), z.string());

/** How Secrets Manager is read. */
export interface SecretsManagerSecretsOptions {
  /** Is told each value, so that it can be kept out of the logs. */
  readonly learn: (value: string) => void;
  /** By default a client with the region and the credentials of the environment. */
  readonly client?: SecretsManagerClient;
}

/** Secrets of Secrets Manager, read anew each time: put a cache in front. */
export function createSecretsManagerSecrets(options: SecretsManagerSecretsOptions): Secrets {
  const { learn, client = createDefaultClient() } = options;
  return {
    read: async (name) => {
      if (!NAME.test(name) || name.split('/').some((part) => part === '.' || part === '..')) {
        throw new TidegateError('SecretNameInvalid', `${JSON.stringify(name.slice(0, 200))} is no name of a secret`, {
          disposition: 'stall',
        });
      }
      try {
        const answer = await client.send(new GetSecretValueCommand({ SecretId: name }));
        const bytes = answer.SecretBinary;
        const value = answer.SecretString ?? (bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8'));
        if (value !== undefined) teach(value, learn);
        return value;
      } catch (error) {
        // Also a secret that has no value yet: installed, and not filled.
        if (classifyAwsFailure(error) === 'missing') return undefined;
        throw explainFailure(name, error);
      }
    },
  };
}

function createDefaultClient(): SecretsManagerClient {
  return new SecretsManagerClient({
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
}

/** The whole, each line of it, and each key's value: whatever of it might stand in a log by itself. */
function teach(text: string, learn: (value: string) => void): void {
  const values = [text, ...keysOf(text)];
  for (const part of values.flatMap((value) => [value, ...value.split(/\r?\n/u)])) {
    if (part.trim().length >= 8) learn(part.trim());
  }
}

function keysOf(text: string): readonly string[] {
  try {
    const parsed = Keys.safeParse(JSON.parse(text));
    return parsed.success ? Object.values(parsed.data) : [];
  } catch {
    return [];
  }
}

function explainFailure(name: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const message =
    classifyAwsFailure(cause) === 'denied'
      ? `secret ${name} may not be read (${word}): grant secretsmanager:GetSecretValue on it`
      : `secret ${name} could not be read from Secrets Manager (${word}): it is tried again`;
  return new TidegateError('SecretUnreadable', message, { disposition: 'retry', subject: name, cause });
}
