import type { Logger } from '#shared/ports/logger.ts';

import type { LineLoggerOptions, LogLine } from './line-logger.ts';
import { createLineLogger } from './line-logger.ts';

/** A logger that writes one JSON object a line. */
export function createJsonLogger(options: Omit<LineLoggerOptions, 'format'>): Logger {
  return createLineLogger({ ...options, format: formatJsonLine });
}

function formatJsonLine({ time, level, message, fields }: LogLine): string {
  return JSON.stringify({ time, level, message, ...fields, ...('message' in fields ? { message } : {}) });
}
