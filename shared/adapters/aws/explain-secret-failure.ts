import { TidegateError } from '#shared/common/tidegate-error.ts';

import { classifyAwsCode } from './classify-aws-failure.ts';

/** Says why a secret could not be read, by AWS' word for it: `ThrottlingException`. */
export function explainSecretFailure(name: string, code: string, cause?: unknown): TidegateError {
  const message =
    classifyAwsCode(code) === 'denied'
      ? `secret ${name} may not be read (${code}): grant secretsmanager:GetSecretValue on it, and kms:Decrypt on its key if that is your own`
      : `secret ${name} could not be read from Secrets Manager (${code}): it is tried again`;
  return new TidegateError('SecretUnreadable', message, { disposition: 'retry', subject: name, cause });
}
