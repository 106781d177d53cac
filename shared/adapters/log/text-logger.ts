import { createColors } from 'picocolors';

import type { Logger } from '#shared/ports/logger.ts';

import type { LineLoggerOptions, LogLevel, LogLine } from './line-logger.ts';
import { createLineLogger } from './line-logger.ts';

/** A logger for people: time, level, message, `key=value`. */
export function createTextLogger(options: Omit<LineLoggerOptions, 'format'> & { readonly color: boolean }): Logger {
  const colors = createColors(options.color);
  const paint = {
    debug: colors.dim,
    info: colors.green,
    warn: colors.yellow,
    error: colors.red,
  } satisfies Record<LogLevel, (text: string) => string>;
  const format = ({ time, level, message, fields }: LogLine): string =>
    [
      colors.dim(time.slice(11, 23)),
      paint[level](level.padEnd(5)),
      oneLine(message),
      ...Object.entries(fields).map(([key, value]) => `${colors.dim(`${key}=`)}${formatValue(value)}`),
    ].join(' ');
  return createLineLogger({ ...options, format });
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@+-]+$/u.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? 'undefined';
}

/** Text from outside must not write lines or escape sequences of its own. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ');
}
