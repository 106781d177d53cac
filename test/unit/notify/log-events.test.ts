import { describe, expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { logEvents } from '#shared/notify/log-events.ts';
import type { EventRecord } from '#shared/records/journal-record.ts';

describe('the events in the log', () => {
  it.each([
    ['info', 'info'],
    ['warning', 'warn'],
    ['error', 'error'],
  ] as const)('a %s is a line at level %s', (severity, level) => {
    const lines: string[] = [];
    const log = createJsonLogger({
      level: 'debug',
      knownSecrets: [],
      now: () => 0,
      write: (line) => lines.push(line),
    });
    const event: EventRecord = {
      type: 'Event',
      id: '1',
      object: { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
      severity,
      reason: 'R',
      message: 'm',
      at: 0,
    };

    logEvents([{ sequenceNumber: '1', after: event }], log);

    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([{ level, message: 'event', severity }]);
  });
});
