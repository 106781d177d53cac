import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { explainSecretFailure } from '#shared/adapters/aws/explain-secret-failure.ts';
import { listSecretParts } from '#shared/common/list-secret-parts.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

const NAME = /^[A-Za-z0-9_+=.@-]+(?:\/[A-Za-z0-9_+=.@-]+)*$/u;

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
        for (const part of listSecretParts(value ?? '')) learn(part);
        return value;
      } catch (error) {
        // Also a secret that has no value yet: installed, and not filled.
        if (classifyAwsFailure(error) === 'missing') return undefined;
        throw explainSecretFailure(name, nameAwsFailure(error), error);
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
