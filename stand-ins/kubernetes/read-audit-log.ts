import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const auditEvent = z.object({
  verb: z.string(),
  requestURI: z.string(),
  user: z.object({ username: z.string(), groups: z.array(z.string()).default([]) }),
  userAgent: z.string().default(''),
  objectRef: z
    .object({
      resource: z.string().default(''),
      subresource: z.string().default(''),
      namespace: z.string().default(''),
      name: z.string().default(''),
      apiGroup: z.string().default(''),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().default(0) }).optional(),
  requestReceivedTimestamp: z.string(),
});

/** One request as the API server's audit log tells it. */
export interface AuditEntry {
  readonly verb: string;
  readonly uri: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly userAgent: string;
  /** Empty for requests that are about no resource, such as `/readyz`. */
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
  readonly receivedAt: string;
}

function parseEntry(line: string): AuditEntry {
  const event = auditEvent.parse(JSON.parse(line));
  return {
    verb: event.verb,
    uri: event.requestURI,
    user: event.user.username,
    groups: event.user.groups,
    userAgent: event.userAgent,
    group: event.objectRef?.apiGroup ?? '',
    resource: event.objectRef?.resource ?? '',
    subresource: event.objectRef?.subresource ?? '',
    namespace: event.objectRef?.namespace ?? '',
    name: event.objectRef?.name ?? '',
    code: event.responseStatus?.code ?? 0,
    receivedAt: event.requestReceivedTimestamp,
  };
}

/** Reads what an API server has written to its audit log so far. */
export async function readAuditLog(path: string): Promise<readonly AuditEntry[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // What follows the last line break is a line that is still being written.
  return lines
    .slice(0, -1)
    .filter((line) => line !== '')
    .map(parseEntry);
}
