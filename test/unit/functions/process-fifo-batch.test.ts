import type { SQSEvent, SQSRecord } from 'aws-lambda';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseWorkMessage } from '#functions/parse-work-message.ts';
import { processFifoBatch } from '#functions/process-fifo-batch.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';
import { sampleSize } from '#test/sample-size.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function recordingLogger(lines: Line[], base: Readonly<Record<string, unknown>> = {}): Logger {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, message, fields: { ...base, ...fields } });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLogger(lines, { ...base, ...fields }),
  };
}

function record(messageId: string, group: string, body = ''): SQSRecord {
  return {
    messageId,
    receiptHandle: messageId,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: 'x',
      ApproximateFirstReceiveTimestamp: '0',
      MessageGroupId: group,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:source-sync.fifo',
    awsRegion: 'eu-west-1',
  };
}

const UNHURRIED = { getRemainingTimeInMillis: () => 180_000 };

type Outcome = 'ok' | 'unexpected' | 'reject' | 'stall' | 'wait' | 'retry';

function settle(outcome: Outcome): void {
  switch (outcome) {
    case 'ok':
      return;
    case 'unexpected':
      throw new Error('boom');
    case 'reject':
    case 'stall':
    case 'wait':
    case 'retry':
      throw new TidegateError('Some', 'some', { disposition: outcome });
  }
}

describe('a FIFO batch', () => {
  it('keeps the order of each group, and hands back a failed message with all that follow it in its group', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            group: fc.constantFrom('a', 'b', 'c'),
            outcome: fc.constantFrom<Outcome>('ok', 'unexpected', 'reject', 'stall', 'wait', 'retry'),
          }),
          { maxLength: 10 },
        ),
        async (messages) => {
          const event: SQSEvent = { Records: messages.map(({ group }, index) => record(String(index), group)) };
          const handled: string[] = [];
          const answer = await processFifoBatch(
            event,
            async ({ messageId }) => {
              handled.push(messageId);
              settle(messages[Number(messageId)]?.outcome ?? 'ok');
              await Promise.resolve();
            },
            recordingLogger([]),
            UNHURRIED,
          );
          const failed = answer.batchItemFailures.map((item) => item.itemIdentifier);
          for (const group of ['a', 'b', 'c']) {
            const ids = messages.flatMap((message, index) => (message.group === group ? [index] : []));
            const firstFailure = ids.findIndex((id) =>
              ['unexpected', 'wait', 'retry'].includes(messages[id]?.outcome ?? 'ok'),
            );
            const expectedFailed = firstFailure === -1 ? [] : ids.slice(firstFailure);
            const expectedHandled = firstFailure === -1 ? ids : ids.slice(0, firstFailure + 1);
            expect(ids.filter((id) => failed.includes(String(id)))).toEqual(expectedFailed);
            expect(handled.filter((id) => ids.includes(Number(id)))).toEqual(expectedHandled.map(String));
          }
        },
      ),
      { seed: 42, numRuns: sampleSize(200, 5_000) },
    );
  });

  it.each<[Outcome, boolean]>([
    ['unexpected', false],
    ['reject', true],
    ['stall', true],
    ['wait', false],
    ['retry', false],
  ])('counts for the alarm what it drops: %s is %s', async (outcome, isDropped) => {
    const lines: Line[] = [];

    await processFifoBatch(
      { Records: [record('1', 'a')] },
      async () => settle(outcome),
      recordingLogger(lines),
      UNHURRIED,
    );

    expect(lines.filter(({ fields }) => fields['dropped'] === true)).toHaveLength(isDropped ? 1 : 0);
  });

  it.each([
    ['no JSON', 'token=hunter2'],
    ['an unknown type', '{"type":"Explode","secret":"hunter2"}'],
    ['a missing field', '{"type":"RepositoryPushed","repository":"hunter2"}'],
    ['a list', '["hunter2"]'],
    ['null', 'null'],
  ])('drops a malformed body (%s) without retry and without logging what it held', async (_case, body) => {
    const lines: Line[] = [];
    const answer = await processFifoBatch(
      { Records: [record('1', 'a', body)] },
      async ({ body: text }) => {
        await Promise.resolve();
        parseWorkMessage(text);
      },
      recordingLogger(lines),
      UNHURRIED,
    );
    expect(answer.batchItemFailures).toEqual([]);
    expect(lines.map((line) => [line.level, line.fields['code']])).toEqual([['error', 'MessageMalformed']]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('begins with what somebody waits for: a look at everything comes last, with the rest of its group', async () => {
    const tick = '{"type":"Tick","id":"1"}';
    const Records = [record('1', 'tick', tick), record('2', 'a'), record('3', 'tick'), record('4', 'b')];
    const handled: string[] = [];

    await processFifoBatch(
      { Records },
      async ({ messageId }) => void handled.push(messageId),
      recordingLogger([]),
      UNHURRIED,
    );

    expect(handled).toEqual(['2', '4', '1', '3']);
  });

  it('begins nothing that there is no time for: it hands it back, but lets a tick go, for which another one comes', async () => {
    let leftMs = 60_000;
    const Records = [
      record('1', 'a'),
      record('2', 'a'),
      record('3', 'b'),
      record('4', 'tick', '{"type":"Tick","id":"1"}'),
    ];
    const handled: string[] = [];

    const { batchItemFailures } = await processFifoBatch(
      { Records },
      async ({ messageId }) => {
        handled.push(messageId);
        leftMs -= 50_000;
      },
      recordingLogger([]),
      { getRemainingTimeInMillis: () => leftMs },
    );

    expect(handled).toEqual(['1']);
    expect(batchItemFailures).toEqual([{ itemIdentifier: '2' }, { itemIdentifier: '3' }]);
  });
});
