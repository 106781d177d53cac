import { classifyAwsCode } from '#shared/adapters/aws/classify-aws-failure.ts';
import { explainSecretFailure } from '#shared/adapters/aws/explain-secret-failure.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

import type { CallAws } from './call-aws.ts';
import { readText } from './read-text.ts';

/** Secrets of Secrets Manager without the SDK, read anew each time: put a cache in front. */
export function createHttpSecrets(callAws: CallAws): Secrets {
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
        if (classifyAwsCode(answer.code) === 'missing') return undefined;
        throw explainSecretFailure(name, answer.code);
      }
      const bytes = readText(answer.value, 'SecretBinary');
      const text =
        readText(answer.value, 'SecretString') ??
        (bytes === undefined ? undefined : Buffer.from(bytes, 'base64').toString('utf8'));
      if (text === undefined) throw explainSecretFailure(name, 'an answer without a value');
      return text;
    },
  };
}
