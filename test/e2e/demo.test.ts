import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startServeEnvironment, type ServeEnvironment } from '#demo/serve-environment.ts';
import { runStory, type CompletedStep } from '#demo/story.ts';
import { sampleSize } from '#test/sample-size.ts';

import { silentAudience } from './silent-audience.ts';

const delays = [0, 50].slice(0, sampleSize(1, 2));

describe.each(delays)('the demo, with every stand-in %i ms late', (delayMs) => {
  let environment: ServeEnvironment;
  let steps: readonly CompletedStep[] = [];

  beforeAll(async () => {
    environment = await startServeEnvironment({ delayMs });
    steps = await runStory(environment, { reporter: silentAudience });
  }, 600_000);
  afterAll(() => environment.close());

  test('tells the whole story, every step of it good', async () => {
    const failed = steps.filter(({ ok }) => !ok);
    const log = failed.length === 0 ? '' : await environment.serve.readLogTail(30);
    expect({ failed, log }).toEqual({ failed: [], log: '' });
    expect(steps).toHaveLength(8);
  });

  test('opened one pull request for the image, as the App', async () => {
    const pulls = await environment.user.listPulls();
    const own = pulls.filter(({ branch }) => branch.startsWith('tidegate/'));
    expect(own.map(({ author }) => author)).toEqual(['tidegate[bot]']);
  });

  test('names the commit that each object came from', async () => {
    const head = await environment.user.readHead();
    const applied = steps.at(-1)?.['applied'];
    expect(applied).toEqual(
      expect.arrayContaining([
        { object: 'Deployment/podinfo/podinfo', kustomization: 'flux-system/podinfo', revision: `main@sha1:${head}` },
      ]),
    );
  });

  test('asked GitHub nothing that GitHub would not know', () => {
    expect(environment.github.violations).toEqual([]);
    expect(environment.github.unknownRoutes).toEqual([]);
  });

  test('had every webhook accepted', () => {
    const answers = environment.github.deliveries().map(({ statusCode }) => statusCode);
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.filter((code) => code < 200 || code > 299)).toEqual([]);
  });

  test('leaves no process behind once it is closed', async () => {
    const { moto } = environment.registry ?? {};
    const pids = [...environment.cluster.pids(), environment.serve.pid(), moto?.pid].filter((pid) => pid !== undefined);
    await environment.close();
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
