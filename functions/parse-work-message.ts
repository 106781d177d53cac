import { TidegateError } from '#shared/common/tidegate-error.ts';
import { WorkMessage } from '#shared/work/work-message.ts';

/**
 * Reads the body of a queue message.
 * @throws TidegateError `MessageMalformed` (reject) naming the fields but never quoting the body, which is not ours.
 */
export function parseWorkMessage(body: string): WorkMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw malformed(`body of ${body.length} characters is not JSON`);
  }
  const parsed = WorkMessage.safeParse(value);
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => issue.path.map(String).join('.') || 'type');
    throw malformed(`body is JSON but no known work message; wrong fields: ${[...new Set(fields)].join(', ')}`);
  }
  return parsed.data;
}

function malformed(message: string): TidegateError {
  return new TidegateError('MessageMalformed', message, { disposition: 'reject' });
}
