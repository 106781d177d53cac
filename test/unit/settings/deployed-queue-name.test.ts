import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { deployedQueueName, siblingQueueUrl } from '#shared/settings/deployed-queue-name.ts';
import type { QueueName } from '#shared/work/work-message.ts';
import { sampleSize } from '#test/sample-size.ts';

const cluster = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u);
/** Clusters that a name cut short would mix up. */
const longAlike = fc
  .tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 45, max: 62 }), cluster)
  .map(([first, length, tail]) => {
    return `${first.repeat(length)}${tail}`.slice(0, 63).replace(/-$/u, 'x');
  });
const queue: fc.Arbitrary<QueueName> = fc.oneof(
  fc.constantFrom<QueueName>('source-sync', 'image-update'),
  fc.oneof(cluster, longAlike).map((name): QueueName => `reconcile/${name}`),
);

describe('the name of a work queue in SQS', () => {
  it.each<[QueueName, string]>([
    ['source-sync', 'tidegate-source-sync.fifo'],
    ['image-update', 'tidegate-image-update.fifo'],
    ['reconcile/production', 'tidegate-reconcile-production.fifo'],
    [`reconcile/${'x'.repeat(51)}`, `tidegate-reconcile-${'x'.repeat(51)}.fifo`],
  ])('of %s is %s', (name, deployed) => {
    expect(deployedQueueName(name)).toBe(deployed);
  });

  it('is one that SQS takes, and always the same', () => {
    fc.assert(
      fc.property(queue, (name) => {
        const deployed = deployedQueueName(name);
        expect(deployed).toMatch(/^[A-Za-z0-9_-]{1,75}\.fifo$/u);
        expect(deployedQueueName(name)).toBe(deployed);
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
  });

  it('is another one for another queue, however alike they are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(queue, { minLength: 2, maxLength: 40 }), (names) => {
        expect(new Set(names.map(deployedQueueName)).size).toBe(names.length);
      }),
      { seed: 42, numRuns: sampleSize(100, 2000) },
    );
  });
});

describe('the address of a queue beside another one', () => {
  it.each([
    ['https://sqs.eu-west-1.amazonaws.com/123456789012/tidegate-source-sync.fifo'],
    ['http://127.0.0.1:4566/123456789012/tidegate-source-sync.fifo'],
  ])('is in the same account as %s', (url) => {
    const place = url.slice(0, -'tidegate-source-sync.fifo'.length);

    expect(siblingQueueUrl(url, 'reconcile/production')).toBe(`${place}tidegate-reconcile-production.fifo`);
    expect(siblingQueueUrl(url, 'source-sync')).toBe(url);
  });
});
