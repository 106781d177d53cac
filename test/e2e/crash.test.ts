import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readFleet, shortenIntervals } from '#demo/read-fleet.ts';
import { startServeEnvironment, type ServeEnvironment } from '#demo/serve-environment.ts';
import { runStory, type CompletedStep } from '#demo/story.ts';
import { sampleSize } from '#test/sample-size.ts';

import { chooseKillPoints, killAt } from './kill-serve.ts';
import { silentAudience } from './silent-audience.ts';

const KILLS_A_STORY = sampleSize(3, 5);
const seeds = [42, 43, 44, 45].slice(0, sampleSize(1, 4));

describe.each(seeds)('serve is killed at random points of the story (seed %i)', (seed) => {
  const points = chooseKillPoints(seed, KILLS_A_STORY);
  let environment: ServeEnvironment;
  let steps: readonly CompletedStep[] = [];
  let kills = 0;

  beforeAll(async () => {
    environment = await startServeEnvironment({
      tickSeconds: 1,
      // What a killed process did not hear of, the next interval finds.
      files: async (url) => shortenIntervals(await readFleet(url), '5s'),
    });
    const killer = killAt(environment.serve, points, silentAudience);
    steps = await runStory(environment, { reporter: killer.reporter, serveMayEnd: true });
    kills = await killer.settle();
  }, 600_000);
  afterAll(() => environment.close());

  test('the story is told to its end all the same', async () => {
    const failed = steps.filter(({ ok }) => !ok);
    const log = failed.length === 0 ? '' : await environment.serve.readLogTail(30);
    expect({ failed, log, points }).toEqual({ failed: [], log: '', points });
    expect(steps).toHaveLength(8);
    expect(kills).toBe(KILLS_A_STORY);
  });

  test('there is one pull request for the image', async () => {
    const own = (await environment.user.listPulls()).filter(({ branch }) => branch.startsWith('tidegate/'));
    expect(own).toHaveLength(1);
  });

  test('Tidegate deleted what Git gave up, and nothing else', async () => {
    const deletes = (await environment.cluster.readAuditLog())
      .filter(({ verb, userAgent }) => verb.startsWith('delete') && userAgent.startsWith('tidegate/'))
      .filter(({ resource }) => resource !== 'leases')
      .map(({ resource, namespace, name }) => `${resource}/${namespace}/${name}`);
    expect([...new Set(deletes)]).toEqual(['configmaps/cache/feature-flags']);
  });

  test('serve is in good health', async () => {
    const health: unknown = await (await fetch(`${environment.serve.url}/healthz`)).json();
    expect(health).toMatchObject({ status: 'ok' });
  });
});
