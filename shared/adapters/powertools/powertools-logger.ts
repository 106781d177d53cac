import { Logger as Powertools } from '@aws-lambda-powertools/logger';

import { redactFields, redactText } from '#shared/common/redact-secrets.ts';
import type { Logger } from '#shared/ports/logger.ts';

/** A logger through which no secret passes, in the shape that CloudWatch and the metric filters read. */
export function createPowertoolsLogger(options: {
  readonly service: string;
  /** Values that must never be written, as they become known. */
  readonly knownSecrets: Iterable<string>;
}): Logger {
  const { service, knownSecrets } = options;
  const clean = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => {
    const redacted = redactFields(fields, knownSecrets);
    return typeof redacted === 'object' && redacted !== null ? { ...redacted } : {};
  };
  const bind = (logger: Powertools): Logger => {
    const at =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
        logger[level](redactText(message, knownSecrets), clean(fields));
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => bind(logger.createChild({ persistentKeys: clean(fields) })),
    };
  };
  return bind(new Powertools({ serviceName: service }));
}
