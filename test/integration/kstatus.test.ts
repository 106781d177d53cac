import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { assessHealth } from '#shared/kubernetes/health/assess-health.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { askOracle } from '#stand-ins/oracles/ask-oracle.ts';
import { BUILT_IN_KINDS, liveObject, type Fields } from '#test/fixtures/generate-live-objects.ts';
import { LIVE_SITUATIONS } from '#test/fixtures/live-objects.ts';
import { sampleSize } from '#test/sample-size.ts';

interface Verdicts {
  readonly kstatus: string;
  readonly flux: string;
}

/** What kstatus, and Flux on top of it, say of objects; what makes kstatus panic has no verdict. */
async function judge(objects: readonly KubernetesObject[]): Promise<readonly Verdicts[]> {
  const answers = await askOracle(
    'kstatus',
    objects.map((object) => ({ json: toJson(asKstatusReads(object)) })),
  );
  return answers.map((answer) => {
    if ('error' in answer) {
      if (!answer.error.startsWith('panic: ')) throw new Error(answer.error);
      return { kstatus: 'panic', flux: 'panic' };
    }
    const { kstatus, flux } = answer.output as Readonly<Record<keyof Verdicts, { readonly status: string }>>;
    return { kstatus: kstatus.status, flux: flux.status };
  });
}

/** The one difference on purpose: an observed generation written as a text is a number for us, and unreadable for kstatus. */
function asKstatusReads(object: KubernetesObject): KubernetesObject {
  const status = object['status'];
  if (typeof status !== 'object' || status === null || Array.isArray(status)) return object;
  const { observedGeneration } = status as Fields;
  return typeof observedGeneration === 'string' && /^-?\d{1,19}$/u.test(observedGeneration)
    ? { ...object, status: { ...status, observedGeneration: BigInt(observedGeneration) } }
    : object;
}

/** JSON with whole numbers of any size. */
function toJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? `\u0001${field}` : field));
  return text.replaceAll(/"\\u0001(-?\d+)"/gu, '$1');
}

interface Difference extends Verdicts {
  readonly ours: string;
  readonly object: string;
}

/** Where ours differs, the simplest object first. */
async function findDifferences(objects: readonly KubernetesObject[]): Promise<readonly Difference[]> {
  const now = Date.now();
  const verdicts = await judge(objects);
  return objects
    .flatMap((object, index) => {
      const verdict = verdicts[index];
      const ours = assessHealth(object, now).status;
      const same = verdict?.flux === 'panic' ? ours !== 'Current' : verdict?.flux === ours;
      return verdict === undefined || same ? [] : [{ ...verdict, ours, object: toJson(object) }];
    })
    .sort((one, other) => one.object.length - other.object.length);
}

const EVERYWHERE: readonly (readonly [what: string, metadata: Fields, status: unknown])[] = [
  ['without a status', {}, undefined],
  ['with an empty status', {}, {}],
  ['of an older generation', { generation: 2 }, { observedGeneration: 1 }],
  ['of this generation', { generation: 2 }, { observedGeneration: 2 }],
  ['being deleted', { deletionTimestamp: '2020-01-01T00:00:00Z' }, {}],
  ...['Ready', 'Available', 'Reconciling', 'Stalled', 'Failed', 'Complete', 'Established', 'Progressing'].flatMap(
    (type) =>
      ['True', 'False', 'Unknown'].map(
        (status) =>
          [`with ${type} ${status}`, { generation: 1 }, { conditions: [{ type, status, reason: 'Because' }] }] as const,
      ),
  ),
  ...[
    'Pending',
    'Active',
    'Available',
    'Bound',
    'Running',
    'Succeeded',
    'Failed',
    'Lost',
    'Terminating',
    'Unknown',
  ].map((phase) => [`in phase ${phase}`, {}, { phase }] as const),
];

describe('kstatus', () => {
  it('has the verdicts that stand in the table of situations, and of Jobs Flux has', async () => {
    const verdicts = await judge(LIVE_SITUATIONS.map(([, object]) => object));

    const judged = LIVE_SITUATIONS.map(([what], index) => [what, verdicts[index]?.flux]);
    expect(judged).toEqual(LIVE_SITUATIONS.map(([what, , status]) => [what, status]));
  });

  it('differs from Flux on Jobs alone, which kstatus calls Current while they run', async () => {
    const verdicts = await judge(LIVE_SITUATIONS.map(([, object]) => object));

    const differing = LIVE_SITUATIONS.filter((_, index) => verdicts[index]?.flux !== verdicts[index]?.kstatus);
    expect(differing.map(([what]) => what)).toContain('a Job that runs');
    expect(new Set(differing.map(([, { apiVersion, kind }]) => `${apiVersion} ${kind}`))).toEqual(
      new Set(['batch/v1 Job']),
    );
  });

  it.each([
    ['of this generation', '2', 2, 'Current'],
    ['of an older generation', '1', 1, 'InProgress'],
    ['of a newer generation', '3', 3, 'InProgress'],
    ['of a generation before all others', '-1', -1, 'InProgress'],
  ])(
    'cannot read an observed generation written as a text; %s it is the number to us',
    async (_what, text, number, status) => {
      const rollout = (observedGeneration: unknown) => ({
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Rollout',
        metadata: { name: 'it', generation: 2 },
        status: { observedGeneration },
      });

      const answers = await askOracle('kstatus', [{ json: toJson(rollout(text)) }]);
      const [asNumber] = await judge([rollout(number)]);

      expect(JSON.stringify(answers)).toContain('"status":"Unknown"');
      expect(asNumber?.flux).toBe(status);
      expect(assessHealth(rollout(text), Date.now()).status).toBe(status);
    },
  );

  it('agrees with us on every built-in kind, whatever it shows of what all kinds may show', async () => {
    const objects = BUILT_IN_KINDS.flatMap(([apiVersion, kind]) =>
      EVERYWHERE.map(([, metadata, status]) => ({ apiVersion, kind, metadata: { name: 'it', ...metadata }, status })),
    );

    expect(await findDifferences(objects)).toEqual([]);
  });

  it('agrees with us on generated objects of the kinds that have rules, and of some that have none', async () => {
    const objects = fc.sample(liveObject(), { seed: 42, numRuns: sampleSize(200, 2000) });

    expect(await findDifferences(objects)).toEqual([]);
    // A property about one verdict would hold for whoever always says it.
    const statuses = (await judge(objects)).map(({ flux }) => flux);
    for (const status of ['Current', 'InProgress', 'Failed', 'Terminating', 'Unknown']) {
      expect(statuses.filter((one) => one === status).length).toBeGreaterThan(objects.length / 100);
    }
  });
});
