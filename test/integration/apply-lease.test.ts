import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { acquireClusterLease, type ClusterLease } from '#shared/engine/lease/cluster-lease.ts';

import { clock, startApplyFixture, type ApplyFixture } from './apply-fixture.ts';

let fixture: ApplyFixture;

beforeAll(async () => {
  fixture = await startApplyFixture();
});

afterAll(() => fixture?.stop());

beforeEach(async () => {
  await fixture.cluster.kubectl(['-n', 'tidegate-system', 'delete', 'lease', '--all']);
});

function acquire(holder: string, patienceMs: number): Promise<ClusterLease | undefined> {
  return acquireClusterLease(fixture.api, clock, { holder, giveUpAt: Date.now() + patienceMs });
}

describe("the cluster's lease", () => {
  it('makes its namespace on a cluster that never saw tidegate', async () => {
    await fixture.cluster.kubectl(['delete', 'namespace', 'tidegate-system']);

    const lease = await acquire('first', 0);

    expect(lease?.holds()).toBe(true);
    await lease?.release();
  });

  it('excludes a second run until the first gives it back', async () => {
    const first = await acquire('one', 0);

    const refused = await acquire('two', 1200);
    await first?.release();
    const second = await acquire('two', 0);

    expect(refused).toBeUndefined();
    expect(first?.holds()).toBe(false);
    expect(second?.holds()).toBe(true);
    await second?.release();
  });

  it('goes to exactly one of many that ask at once', async () => {
    const leases = await Promise.all(Array.from({ length: 8 }, (_, index) => acquire(`run-${index}`, 0)));

    const held = leases.filter((lease) => lease?.holds() === true);
    expect(held).toHaveLength(1);
    await held[0]?.release();
  });

  it('is taken over when its holder does not renew it for its duration', async () => {
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'tidegate-reconcile', namespace: 'tidegate-system' },
      // Far in the future by the holder's clock: clocks of others do not count.
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 2, renewTime: '2099-01-01T00:00:00.000000Z' },
    };
    await fixture.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(lease) });

    expect(await acquire('early', 500)).toBeUndefined();
    const heir = await acquire('heir', 6000);

    expect(heir?.holds()).toBe(true);
    await heir?.release();
  });

  it('is held no longer when somebody took it', async () => {
    const robbed = await acquire('robbed', 0);
    const patch = JSON.stringify({ spec: { holderIdentity: 'thief' } });
    await fixture.cluster.kubectl([
      '-n',
      'tidegate-system',
      'patch',
      'lease/tidegate-reconcile',
      '--type=merge',
      '-p',
      patch,
    ]);

    await expect.poll(() => robbed?.holds(), { timeout: 8000 }).toBe(false);
    await robbed?.release();
  });
});
