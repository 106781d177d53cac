import { DescribeSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { SecretStore } from '#shared/ports/secret-store.ts';

/** Secrets of Secrets Manager, which the stack has made and a person fills with their own credentials. */
export function createSecretsManagerSecretStore(region: string): SecretStore {
  const client = new SecretsManagerClient({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  const place = `Secrets Manager in ${region}`;
  return {
    place,
    check: async (name, { replace }) => {
      try {
        const secret = await client.send(new DescribeSecretCommand({ SecretId: name }));
        const hasValue = Object.values(secret.VersionIdsToStages ?? {}).some((stages) => stages.includes('AWSCURRENT'));
        if (hasValue && !replace) {
          throw refuse(name, `${place} has a value for it already; give --replace to change it`);
        }
      } catch (error) {
        if (error instanceof TidegateError) throw error;
        throw explain(name, place, 'DescribeSecret', error);
      }
    },
    write: async (name, value) => {
      try {
        await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
      } catch (error) {
        throw explain(name, place, 'PutSecretValue', error);
      }
    },
  };
}

function explain(name: string, place: string, action: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  switch (classifyAwsFailure(cause)) {
    case 'missing':
      return refuse(name, `${place} does not have it; deploy the stack there first: npx cdk deploy`, cause);
    case 'denied':
      return refuse(name, `${place} refuses (${word}); use credentials with secretsmanager:${action} on it`, cause);
    case 'transient':
      return refuse(name, `${place} does not answer (${word}); try again`, cause);
  }
}

function refuse(name: string, what: string, cause?: unknown): TidegateError {
  return new TidegateError('SecretUnwritable', `secret ${name}: ${what}`, {
    disposition: 'stall',
    subject: name,
    cause,
  });
}
