import { redactFields, redactText } from '#shared/common/redact-secrets.ts';
import type { Logger } from '#shared/ports/logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One log line before it is written. */
export interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LineLoggerOptions {
  readonly format: (line: LogLine) => string;
  readonly write: (text: string) => void;
  readonly level: LogLevel;
  /** Values that must never be written, as they become known. */
  readonly knownSecrets: Iterable<string>;
  readonly now: () => number;
}

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** A logger of one line a time, through which no secret passes. */
export function createLineLogger(options: LineLoggerOptions): Logger {
  const { format, write, level: lowest, knownSecrets, now } = options;
  const bind = (bound: Readonly<Record<string, unknown>>): Logger => {
    const at =
      (level: LogLevel) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
        if (RANK[level] < RANK[lowest]) return;
        const clean = redactFields({ ...bound, ...fields }, knownSecrets);
        write(
          `${format({
            time: new Date(now()).toISOString(),
            level,
            message: redactText(message, knownSecrets),
            fields: typeof clean === 'object' && clean !== null ? { ...clean } : {},
          })}\n`,
        );
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => bind({ ...bound, ...fields }),
    };
  };
  return bind({});
}
