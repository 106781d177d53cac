import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';
import { sampleSize } from '#test/sample-size.ts';

import {
  changesOf,
  configMap,
  deployment,
  install,
  namespace,
  outcomeOf,
  rendered,
  service,
  startApplyFixture,
  type ApplyFixture,
} from './apply-fixture.ts';

let fixture: ApplyFixture;

beforeAll(async () => {
  fixture = await startApplyFixture();
});

afterEach(() => fixture.proxy.clearFaults());

afterAll(() => fixture?.stop());

function objects(ns: string, names: readonly string[]) {
  return [
    namespace(ns),
    deployment(ns, 'web'),
    service(ns, 'web'),
    ...names.map((name) => configMap(ns, name, { version: String(names.length) })),
  ];
}

const before = ['a', 'b', 'c', 'old-1', 'old-2'];
const after = ['a', 'b', 'c', 'new-1', 'new-2', 'new-3'];

/** A client that dies for good at its nth write, before or after the server did what it was asked. */
function dyingAt(api: KubernetesApi, nth: number, served: boolean): KubernetesApi {
  let writes = 0;
  const mortal = async <T>(write: () => Promise<T>): Promise<T> => {
    writes++;
    if (writes === nth && served) {
      await write();
    }
    if (writes >= nth) throw new Error('the process was killed here');
    return write();
  };
  return {
    ...api,
    apply: (request) => mortal(() => api.apply(request)),
    delete: (request) => mortal(() => api.delete(request)),
  };
}

async function namesIn(ns: string): Promise<readonly string[]> {
  const selector = ['-l', 'applyset.kubernetes.io/part-of'];
  const { stdout } = await fixture.cluster.kubectl(['-n', ns, 'get', 'configmaps', ...selector, '-o', 'name']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace('configmap/', ''))
    .sort();
}

describe('a run that is interrupted', () => {
  const points = Array.from(
    { length: sampleSize(4, 12) },
    (_, index) => 1 + Math.round((index * 11) / sampleSize(4, 12)),
  );
  it.each(points.flatMap((nth) => [[nth, false] as const, [nth, true] as const]))(
    'at write %i (served: %s) prunes nothing that should stay, and the next one finishes',
    async (nth, served) => {
      const ns = `dying-${nth}-${served}`;
      const installation = install(fixture.api, ns);
      await installation.apply([rendered(ns, objects(ns, before))]);
      const desired = [rendered(ns, objects(ns, after))];

      await installation.apply(desired, {}, { api: dyingAt(fixture.api, nth, served) });
      const half = await namesIn(ns);
      installation.loseRecords();
      const outcome = outcomeOf(await installation.apply(desired), ns);

      expect(half).toEqual(expect.arrayContaining(['a', 'b', 'c']));
      expect(outcome).toMatchObject({ state: 'ready', failures: [] });
      expect(await namesIn(ns)).toEqual([...after].sort());
    },
  );

  it('writes nothing once it has lost the lease', async () => {
    const ns = 'lease-lost';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, objects(ns, before))]);
    let lost = false;
    let late = 0;
    const count = async <T>(write: () => Promise<T>): Promise<T> => {
      late += lost ? 1 : 0;
      const answer = await write();
      lost = true;
      return answer;
    };
    const many = Array.from({ length: 40 }, (_, index) => `many-${index}`);
    const api: KubernetesApi = {
      ...fixture.api,
      apply: (request) => count(() => fixture.api.apply(request)),
      delete: (request) => count(() => fixture.api.delete(request)),
    };

    const outcome = await installation.apply([rendered(ns, objects(ns, many))], {}, { api, holdsLease: () => !lost });

    expect(outcome.ended).toBe('lease-lost');
    expect(outcomeOf(outcome, ns).state).toBe('progressing');
    // What was in flight when it was lost may still land; nothing is started after.
    expect(late).toBe(0);
    expect(await namesIn(ns)).toEqual(expect.arrayContaining(before));
  });

  it.each([
    ['resets connections', { kind: 'reset' }],
    ['loses answers', { kind: 'lostAnswer' }],
    ['is throttled', { kind: 'status', status: 429 }],
    ['fails at times', { kind: 'status', status: 500 }],
  ] as const)('gets through when the API server %s', async (what, fault) => {
    const ns = `faults-${what.replaceAll(' ', '-')}`;
    const installation = install(fixture.api, ns);
    for (const nth of [1, 4, 7, 10]) {
      fixture.proxy.addFault({ match: ({ uri }) => uri.includes(ns) || uri.includes('limit='), nth, fault });
    }

    const outcome = await installation.apply([rendered(ns, objects(ns, after), { wait: true })]);

    expect(outcomeOf(outcome, ns)).toMatchObject({ state: 'ready', failures: [] });
  });

  it('ends the wait for health when a newer revision waits', async () => {
    const ns = 'superseded';
    const check = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ns, name: 'missing' };
    const set = rendered(ns, [namespace(ns)], { healthChecks: [check] });

    const outcome = await install(fixture.api, ns).apply([set], {}, { isSuperseded: async () => true });

    expect(outcome).toMatchObject({ ended: 'superseded', sets: [{ state: 'progressing' }] });
  });

  it('leaves a wait for health within two seconds of being told to end, to be continued', async () => {
    const ns = 'told-to-end';
    const check = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ns, name: 'missing' };
    const set = rendered(ns, [namespace(ns)], { healthChecks: [check] });
    let toldAt = Infinity;
    setTimeout(() => (toldAt = Date.now()), 300);

    const outcome = await install(fixture.api, ns).apply([set], {}, { isOutOfTime: () => toldAt < Infinity });

    expect(outcome).toMatchObject({ ended: 'deadline', sets: [{ state: 'progressing' }] });
    expect(Date.now() - toldAt).toBeLessThan(2_500);
  });

  it('takes a list that cannot be had for no reason to delete', async () => {
    const ns = 'unlisted';
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, objects(ns, before))]);
    const forbidden = { kind: 'status', status: 403 } as const;
    fixture.proxy.addFault({ match: ({ uri }) => /\/configmaps\?.*part-of/.test(uri), fault: forbidden });

    const outcome = await installation.apply([rendered(ns, objects(ns, after))]);

    fixture.proxy.clearFaults();
    expect(changesOf(outcomeOf(outcome, ns)).filter((change) => change.startsWith('deleted'))).toEqual([]);
    const healed = outcomeOf(await installation.apply([rendered(ns, objects(ns, after))]), ns);
    expect(changesOf(healed).filter((change) => change.startsWith('deleted'))).toHaveLength(2);
  });

  it('asks no more of a thousand objects than of one', async () => {
    const ns = 'thousand';
    const installation = install(fixture.api, ns);
    const many = Array.from({ length: sampleSize(200, 1000) }, (_, index) => configMap(ns, `map-${index}`));
    const sets = [rendered(ns, [namespace(ns), ...many])];
    const first = Date.now();
    await installation.apply(sets);
    const second = Date.now();
    fixture.proxy.resetCounters();

    const outcome = outcomeOf(await installation.apply(sets), ns);

    process.stdout.write(
      `${many.length + 1} objects: first apply ${second - first} ms, unchanged ${Date.now() - second} ms\n`,
    );
    expect(outcome.changes.every(({ action }) => action === 'unchanged')).toBe(true);
    expect(fixture.proxy.requests().length).toBeLessThan(16);
  });
});
