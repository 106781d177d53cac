import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import type { CallAws } from './call-aws.ts';

/** Secrets of Secrets Manager without the SDK, read anew each time: put a cache in front. */
export function createFetchSecrets(callAws: CallAws): Secrets {
  return {
    read: async (name) => {
      const answer = await callAws({
        service: 'secretsmanager',
        target: 'secretsmanager.GetSecretValue',
        contentType: 'application/x-amz-json-1.1',
        input: { SecretId: name },
      });
      if (answer.outcome === 'error') {
        // Also a secret that has no value yet: installed, and not filled.
        if (answer.code === 'ResourceNotFoundException') return undefined;
        throw new TidegateError('SecretUnreadable', `secret ${name} could not be read (${answer.code})`, {
          disposition: 'retry',
          subject: name,
        });
      }
      const { value } = answer;
      const text: unknown =
        typeof value === 'object' && value !== null ? Reflect.get(value, 'SecretString') : undefined;
      return typeof text === 'string' ? text : undefined;
    },
  };
}
