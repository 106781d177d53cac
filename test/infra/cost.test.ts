import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';

import { METRICS } from '#shared/settings/metric-names.ts';
import { countStack } from '#tools/cost/count-stack.ts';
import { estimateCost } from '#tools/cost/estimate-cost.ts';
import { estimateFleets } from '#tools/cost/estimate-fleets.ts';
import { LIST_PRICES, PRICES_OF } from '#tools/cost/list-prices.ts';
import { synthesizeFleet } from '#tools/cost/synthesize-fleet.ts';

/** Of CloudFormation: resources of a stack, and bytes of its template. */
const MAX_RESOURCES = 500;
const MAX_BYTES = 1_000_000;
/** Of IAM: characters of the inline policies of a role together, and of a managed policy, without spaces. */
const MAX_INLINE = 10_240;
const MAX_MANAGED = 6_144;

test('docs/cost.md has the table that the templates give today', { timeout: 120_000 }, async () => {
  const text = await readFile('docs/cost.md', 'utf8');

  expect(text).toContain(await estimateFleets());
  expect(text.replaceAll('\n', ' ')).toContain(PRICES_OF);
  const together = Number(/\*\*together\*\* +\| +\*\*(?<dollars>[\d.]+)/u.exec(text)?.groups?.['dollars']);
  const readme = (await readFile('README.md', 'utf8')).replaceAll('\n', ' ');
  expect(readme).toContain(`about ${Math.round(together)} dollars a month for one cluster`);
});

test('docs/cost.md explains each term of the bill', { timeout: 60_000 }, async () => {
  const formula = (await readFile('docs/cost.md', 'utf8')).split('## The formula')[1] ?? '';
  const stack = countStack(await synthesizeFleet({ clusters: 3, isPrivate: false }), METRICS.namespace);

  const terms = estimateCost(stack).map(({ term }) => term);

  expect(terms.filter((term) => !formula.includes(`\n| ${term} `))).toEqual([]);
  expect(formula).toContain(`${stack.alarms - 4 * 3} + 4 × n`);
  expect(stack).toMatchObject({
    customMetrics: 3 + 2,
    polledQueues: 3 + 2,
    schedules: 3 + 2,
    secrets: 2,
    dashboards: 1,
  });
});

test('a bill is what is counted times its price', () => {
  const worker = { memoryGb: 1, architecture: 'arm64' } as const;
  const idle = {
    alarms: 7,
    dashboards: 1,
    schedules: 0,
    secrets: 0,
    customMetrics: 2,
    polledQueues: 1,
    functions: { githubWebhook: [], sourceSync: [worker], imageUpdate: [], reconcile: [], notify: [] },
  };

  const bill = Object.fromEntries(estimateCost(idle).map(({ term, dollars }) => [term, dollars]));

  expect(bill).toMatchObject({ 'CloudWatch alarms': 7 * 0.1, 'CloudWatch metrics': 0.6, 'CloudWatch dashboard': 3 });
  expect(bill['SQS']).toBeCloseTo(0.324, 6);
  expect(bill['Lambda']).toBeCloseTo(43_200 * 0.5 * LIST_PRICES.lambdaGbSecondArm, 9);
});

test('twenty private clusters fit into a stack, its roles and its policies', { timeout: 60_000 }, async () => {
  const Policies = z.object({ PolicyName: z.string().optional(), PolicyDocument: z.unknown() });
  const template = z
    .object({ Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.unknown() })) })
    .parse(await synthesizeFleet({ clusters: 20, isPrivate: true }));
  const resources = Object.values(template.Resources);

  expect(resources.length).toBeLessThanOrEqual(MAX_RESOURCES);
  expect(JSON.stringify(template).length).toBeLessThan(MAX_BYTES);
  for (const { Type, Properties } of resources) {
    if (!/^AWS::IAM::(?:Managed)?Policy$/u.test(Type)) continue;
    // An intrinsic function is about as long as the ARN that it becomes.
    const length = JSON.stringify(Policies.parse(Properties).PolicyDocument).length;
    expect(length).toBeLessThan(Type === 'AWS::IAM::Policy' ? MAX_INLINE : MAX_MANAGED);
  }
});
